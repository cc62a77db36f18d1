//! At least once, fenced: a job is handed out again only when its lease has ended, and nothing that comes under another
//! lease than the valid one counts. Attempts never share a number; failures are bounded by the retries.

use crate::checker::{Rule, Verdict, broken};
use crate::history::{Entry, What};
use poulpe_core::store::{Hold, LeaseId};
use poulpe_core::{JobId, Verdict as End};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

#[derive(Debug, Default)]
struct Story {
    max_retry: u32,
    /// The latest lease and its end, until it is settled or its process is gone.
    lease: Option<(LeaseId, Duration)>,
    attempts: BTreeMap<u32, u64>,
    /// The verdicts that came in time, by the nonce of their lease, and after how many revives.
    in_time: HashMap<u64, (End, u32)>,
    /// How often somebody tried to revive it; whether that did anything isn't known.
    revives: u32,
    /// Failures since the last try: those that were answered.
    failures: HashSet<u64>,
    /// Failures that may have been written.
    perhaps: HashSet<u64>,
}

/// See the head of this file.
#[derive(Default)]
pub(crate) struct Fence(BTreeMap<JobId, Story>);

impl Story {
    fn holds(&self, lease: &LeaseId, now: Duration) -> bool {
        self.lease
            .as_ref()
            .is_some_and(|(valid, until)| valid == lease && *until > now)
    }

    fn claimed(&mut self, lease: &LeaseId, until: Duration, now: Duration) -> Verdict {
        if self.lease.as_ref().is_some_and(|(_, until)| *until > now) {
            return broken(&lease.job, "handed out while another lease was valid");
        }
        self.lease = Some((lease.clone(), until));
        Ok(())
    }

    fn go(&mut self, lease: &LeaseId, attempt: u32, now: Duration) -> Verdict {
        if !self.holds(lease, now) {
            return broken(&lease.job, "started without a valid lease");
        }
        let of_another = self.attempts.insert(attempt, lease.nonce);
        if of_another.is_some_and(|nonce| nonce != lease.nonce) {
            return broken(&lease.job, format!("two runs share the number {attempt}"));
        }
        if self.attempts.keys().next_back() != Some(&attempt) {
            return broken(
                &lease.job,
                format!("attempt {attempt} came after a later one"),
            );
        }
        Ok(())
    }

    fn settling(&mut self, lease: &LeaseId, verdict: &End, now: Duration) {
        if !self.holds(lease, now) {
            return;
        }
        self.lease = None;
        if is_failure(verdict) {
            self.perhaps.insert(lease.nonce);
        }
        let verdict = (verdict.clone(), self.revives);
        self.in_time.insert(lease.nonce, verdict);
    }

    fn held(&mut self, lease: &LeaseId) -> Verdict {
        let Some((verdict, revives)) = self.in_time.get(&lease.nonce) else {
            return broken(
                &lease.job,
                "a verdict counted that came without a valid lease",
            );
        };
        // A repeat after a revive says nothing of the life after it.
        if !is_failure(verdict) || *revives != self.revives {
            return Ok(());
        }
        self.failures.insert(lease.nonce);
        let allowed = self.max_retry as usize + 1;
        if self.failures.len() > allowed {
            return broken(&lease.job, "failed more often than its retries allow");
        }
        let End::Bury { error, .. } = verdict else {
            return Ok(());
        };
        if self.perhaps.len() < allowed && error.reason != "it can't be done" {
            return broken(&lease.job, "buried with retries left");
        }
        Ok(())
    }
}

fn is_failure(verdict: &End) -> bool {
    matches!(verdict, End::Retry { .. } | End::Bury { .. })
}

impl Rule for Fence {
    fn see(&mut self, entry: &Entry) -> Verdict {
        if matches!(entry.what, What::End { .. }) {
            self.0.values_mut().for_each(|story| story.lease = None);
        }
        let Some(id) = entry.what.job() else {
            return Ok(());
        };
        let story = self.0.entry(id.clone()).or_default();
        let now = entry.mono;
        match &entry.what {
            What::Claimed(lease, job, until) => {
                story.max_retry = job.max_retry;
                story.claimed(lease, *until, now)
            }
            What::Renewed(lease, until) => {
                if !story.holds(lease, now) {
                    return broken(id, "a lease was kept that wasn't valid");
                }
                story.lease = Some((lease.clone(), *until));
                Ok(())
            }
            What::Go(lease, attempt) => story.go(lease, *attempt, now),
            What::Settling(lease, verdict) => {
                story.settling(lease, verdict, now);
                Ok(())
            }
            What::Settled(lease, Hold::Held) => story.held(lease),
            What::Settled(lease, _) => match story.in_time.get(&lease.nonce) {
                Some((_, revives)) if *revives == story.revives => {
                    broken(id, "a verdict that came in time was refused")
                }
                _ => Ok(()),
            },
            What::Reviving(_) | What::Purging(_) => {
                // After a purge the id may name another job, which counts its attempts anew.
                if matches!(entry.what, What::Purging(_)) {
                    story.attempts.clear();
                }
                story.failures.clear();
                story.revives += 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
