//! Hands out ready jobs under leases, and moves what has fallen due to ready first. Writes nothing: leases of a store
//! inside the process die with it. Called by the store for each claim, after ended leases have been dealt with.

use super::entry::{Fence, Lease, Phase};
use super::living::Slot;
use super::order::Order;
use super::ready::Room;
use super::{Now, Table};
use crate::{Claim, LeaseId};
use poulpe_job::{JobId, Lane, Progress, Timestamp};
use std::ops::Bound;
use std::time::Duration;

/// A job that was handed out, before its record is read.
#[derive(Debug)]
pub struct Handed<P> {
    /// Where the record lies.
    pub place: P,
    /// The idle lane it was handed out for.
    pub lane: Option<Lane>,
    /// How far it has come, without its errors.
    pub progress: Progress,
    fence: Fence,
}

impl<P> Handed<P> {
    /// The lease under which it was handed out.
    pub fn lease(&self, job: JobId) -> LeaseId {
        LeaseId {
            job,
            claims: self.fence.claims,
            incarnation: self.fence.incarnation,
            nonce: self.fence.nonce,
        }
    }
}

/// What a claim found.
#[derive(Debug)]
pub struct Claimable<P> {
    /// In the order in which they should start.
    pub handed: Vec<Handed<P>>,
    /// Lanes that confined jobs wait for.
    pub wanted: Vec<Lane>,
    /// A job that isn't prefetched waits for any idle lane.
    pub wants_any: bool,
    /// More may be ready.
    pub more: bool,
    /// The time until something is due.
    pub next_due: Option<Duration>,
}

impl<P: Clone> Table<P> {
    /// Hands out jobs; see [`Store::claim`](crate::Store::claim). Leases that have ended must have been dealt with.
    pub fn claim(&mut self, claim: &Claim, now: Now) -> Claimable<P> {
        let max = claim.idle.len() + claim.prefetch;
        let is_repeat = self
            .last_claims
            .get(&claim.incarnation)
            .is_some_and(|(last, _)| *last == claim.request);
        let mut handed = Vec::new();
        let mut to_move = 0;
        if is_repeat {
            handed = self.claimed_before(claim, now);
        } else if max > 0 {
            to_move = 2 * max;
        }
        let moved_all = self.move_due(now, to_move);
        if to_move > 0 {
            let mut hashes = Vec::new();
            let mut room = Room {
                idle: claim.idle.clone(),
                prefetch: claim.prefetch,
            };
            while let Some((slot, lane)) = self.ready.pop(&mut room, &self.lane_leases) {
                if let Some(one) = self.lease(slot, lane, claim, now) {
                    hashes.extend(self.living.hash_at(slot));
                    handed.push(one);
                }
            }
            self.last_claims
                .insert(claim.incarnation, (claim.request, hashes));
        }
        let (wanted, wants_any) = self.ready.wanted();
        let more = !moved_all || self.has_ended_leases(now) || self.ready.has_prefetchable();
        Claimable {
            handed,
            wanted,
            wants_any,
            more,
            next_due: self.next_due(now),
        }
    }

    fn lease(
        &mut self,
        slot: Slot,
        lane: Option<Lane>,
        claim: &Claim,
        now: Now,
    ) -> Option<Handed<P>> {
        let hash = self.living.hash_at(slot)?;
        let job = self.living.at_mut(slot)?;
        let place = job.place.clone()?;
        job.claims += 1;
        let fence = Fence {
            claims: job.claims,
            incarnation: claim.incarnation,
            nonce: rand::random(),
        };
        let ends = now.mono + claim.lease;
        let confined_lane = lane.filter(|_| !self.ready.lanes(job.queue).is_any());
        let lease = Lease {
            fence,
            ends,
            lane,
            confined_lane,
            started: None,
        };
        job.phase = Phase::Leased(Box::new(lease));
        self.leases.insert((ends, job.sequence), hash);
        if let Some(lane) = confined_lane {
            self.lane_leases.insert(lane, job.sequence);
        }
        let mut progress = Progress::default();
        job.complete(&mut progress);
        Some(Handed {
            place,
            lane,
            progress,
            fence,
        })
    }

    fn claimed_before(&self, claim: &Claim, now: Now) -> Vec<Handed<P>> {
        let Some((_, hashes)) = self.last_claims.get(&claim.incarnation) else {
            return Vec::new();
        };
        let mut handed = Vec::new();
        for hash in hashes {
            let Some(job) = self.living.get(hash) else {
                continue;
            };
            let Phase::Leased(lease) = &job.phase else {
                continue;
            };
            let Some(place) = job.place.clone() else {
                continue;
            };
            let is_ours = lease.fence.incarnation == claim.incarnation && lease.ends > now.mono;
            if !is_ours || lease.started.is_some() {
                continue;
            }
            let mut progress = Progress::default();
            job.complete(&mut progress);
            handed.push(Handed {
                place,
                lane: lease.lane,
                progress,
                fence: lease.fence,
            });
        }
        handed
    }

    /// Moves jobs that have fallen due to their ready queues; whether that were all of them.
    pub(super) fn move_due(&mut self, now: Now, max: usize) -> bool {
        for _ in 0..max {
            let first = self.timeline.first();
            let Some(order) = first.filter(|order| self.due_of(*order) <= now.wall.floor()) else {
                return true;
            };
            self.timeline.remove(order);
            let Some(job) = self.living.at(order.slot()) else {
                continue;
            };
            self.retrying -= u64::from(job.was_tried());
            self.make_ready_at(order.slot());
        }
        let first = self.timeline.first();
        first.is_none_or(|order| self.due_of(order) > now.wall.floor())
    }

    /// When the job that stands there is due.
    pub(super) fn due_of(&self, order: Order) -> Timestamp {
        let job = self.living.at(order.slot());
        job.map_or(Timestamp::default(), |job| job.due)
    }

    /// The time until the next job is due or the next lease ends; at least a millisecond, so that nobody spins on it.
    /// What is overdue doesn't count: `more` tells of it, and it waits for room, not for time.
    fn next_due(&self, now: Now) -> Option<Duration> {
        let later = Timestamp::from_millis(now.wall.floor().as_millis().saturating_add(1));
        let first = self.timeline.first_from(Order::first_due(later));
        let due = first.map(|order| {
            let nanos = (i128::from(self.due_of(order).as_millis()) * 1_000_000)
                .saturating_sub(now.wall.0)
                .max(0);
            Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
        });
        let valid = (Bound::Excluded((now.mono, u64::MAX)), Bound::Unbounded);
        let lease = self
            .leases
            .range(valid)
            .next()
            .map(|((ends, _), _)| *ends - now.mono);
        let next = match (due, lease) {
            (Some(due), Some(lease)) => Some(due.min(lease)),
            (due, lease) => due.or(lease),
        };
        next.map(|wait| wait.max(Duration::from_millis(1)))
    }
}
