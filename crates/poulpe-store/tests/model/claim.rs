//! Claims: what is handed out is what the reference says, on lanes that it allows.

use super::pair::{Pair, id, now, wait_of};
use super::reference::{Held, LEASE, ModelJob, Phase, RETRY_INTERVAL};
use poulpe_job::{Due, Lane};
use poulpe_store::{Claim, Claimed, Incarnation, Inspect, LeaseId, Store};
use std::time::Duration;

impl Pair {
    /// Every job handed out is the first in order that fits, on a lane that is idle, its own and nobody else's.
    pub(crate) fn claim(&mut self, idle: Vec<Lane>, prefetch: usize) {
        self.request += 1;
        let claim = Claim {
            incarnation: Incarnation(1),
            request: self.request,
            idle: idle.clone(),
            prefetch,
            lease: Duration::from_millis(LEASE.unsigned_abs()),
        };
        let claimed = now(self.store.claim(claim.clone()));
        self.expire();
        let max = idle.len() + prefetch;
        let moved_all = self.reference.move_due(2 * max);
        let (mut idle, mut prefetch) = (idle, prefetch);
        for one in &claimed.jobs {
            let place = self.reference.next(&idle, prefetch);
            let place = place.unwrap_or_else(|| panic!("{:?} must not be handed out", one.job.id));
            let expected = &self.reference.jobs[place];
            assert_eq!(one.job.id, id(expected.id));
            assert!(expected.due <= self.reference.now, "handed out early");
            assert_eq!(one.progress.attempts, expected.attempts);
            assert_eq!(one.progress.failures, expected.failures);
            assert_eq!(one.progress.losses, expected.losses);
            match one.lane {
                Some(lane) => {
                    assert!(idle.contains(&lane), "lane {lane} isn't idle");
                    assert!(self.reference.may_take(expected, lane), "lane {lane}");
                    idle.retain(|other| *other != lane);
                }
                None => {
                    assert!(expected.is_prefetchable() && idle.is_empty());
                    prefetch -= 1;
                }
            }
            self.reference.jobs[place].phase = Phase::Leased(Held {
                lease: one.lease.clone(),
                ends: self.reference.now + LEASE,
                lane: one.lane,
                started: false,
            });
            let lease = (self.reference.jobs[place].id, one.lease.clone());
            assert!(!self.leases.contains(&lease), "a lease was given twice");
            self.leases.push(lease);
        }
        let left = self.reference.next(&idle, prefetch);
        assert_eq!(left, None, "a job that fits was not handed out");
        if max > 0 {
            let leases = claimed.jobs.iter().map(|one| one.lease.clone()).collect();
            self.last_claim = Some((claim, leases));
        }
        self.check_hints(&claimed, moved_all);
    }

    fn check_hints(&self, claimed: &Claimed, moved_all: bool) {
        let jobs = &self.reference.jobs;
        let ready = || jobs.iter().filter(|job| job.is_ready());
        let mut wanted: Vec<Lane> = ready().flat_map(|job| job.lanes.clone()).collect();
        wanted.sort_unstable();
        wanted.dedup();
        assert_eq!(claimed.wanted, wanted);
        let is_picky = |job: &ModelJob| job.lanes.is_empty() && !job.is_prefetchable();
        assert_eq!(claimed.wants_any, ready().any(is_picky));
        let more = !moved_all || ready().any(ModelJob::is_prefetchable);
        assert_eq!(claimed.more, more);
        let next = jobs.iter().filter_map(|job| match &job.phase {
            Phase::Waiting => Some(job.due).filter(|due| *due > self.reference.now),
            Phase::Leased(held) => Some(held.ends),
            _ => None,
        });
        let next = next.min().map(|at| wait_of(at - self.reference.now));
        assert_eq!(claimed.next_due.map(Due::In), next);
    }

    /// Jobs that were lost more than once wait as long as the store says, within bounds.
    fn expire(&mut self) {
        for place in self.reference.expire() {
            let model = &self.reference.jobs[place];
            let view = now(self.store.job(&id(model.id))).expect("a lost job lives");
            let due = view.job.expect("a living job").due.as_millis();
            let wait = due - self.reference.now;
            let middle = RETRY_INTERVAL * i64::from(model.losses);
            let range = middle / 2..=middle * 3 / 2 + 1;
            assert!(
                range.contains(&wait),
                "{wait} ms after {} losses",
                model.losses
            );
            self.reference.jobs[place].due = due;
        }
    }

    pub(crate) fn repeat_claim(&mut self) {
        let Some((claim, leases)) = self.last_claim.clone() else {
            return;
        };
        let again = now(self.store.claim(claim));
        self.expire();
        let is_unstarted = |lease: &&LeaseId| {
            let held = self.reference.held(lease);
            held.is_some_and(|place| {
                matches!(&self.reference.jobs[place].phase, Phase::Leased(held) if !held.started)
            })
        };
        let expected: Vec<&LeaseId> = leases.iter().filter(is_unstarted).collect();
        let given: Vec<&LeaseId> = again.jobs.iter().map(|one| &one.lease).collect();
        assert_eq!(given, expected);
    }
}
