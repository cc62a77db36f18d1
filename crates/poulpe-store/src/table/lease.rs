//! Starts attempts and keeps leases. Ends none; that is settling's and expiry's. Called by the store without a write but
//! the start mark.

use super::entry::{Fence, Phase};
use super::op::StartMark;
use super::{Now, Table};
use crate::{Hold, LeaseId, Started};
use std::time::Duration;

impl<P: Clone> Table<P> {
    /// Numbers an attempt; the mark, if there is one, must be written before the executor is called.
    pub fn start(&mut self, lease: &LeaseId, now: Now) -> (Started, Option<StartMark>) {
        let hash = self.hash(&lease.job);
        let fence = Fence::of(lease);
        let Some(job) = self
            .living
            .get_mut(&hash)
            .filter(|job| job.holds(&fence, now))
        else {
            return (Started::Lost, None);
        };
        if job.cancel_requested {
            return (Started::Cancelled, None);
        }
        let Phase::Leased(held) = &mut job.phase else {
            return (Started::Lost, None);
        };
        if let Some(attempt) = held.started {
            return (Started::Go(attempt), None);
        }
        job.attempts += 1;
        held.started = Some(job.attempts);
        let mark = StartMark {
            id: lease.job.clone(),
            sequence: job.sequence,
            claims: job.claims,
            attempt: job.attempts,
        };
        (Started::Go(job.attempts), Some(mark))
    }

    /// Moves the end of a lease.
    pub fn renew(&mut self, lease: &LeaseId, length: Duration, now: Now) -> Hold {
        let hash = self.hash(&lease.job);
        let fence = Fence::of(lease);
        let Some(job) = self
            .living
            .get_mut(&hash)
            .filter(|job| job.holds(&fence, now))
        else {
            return Hold::Lost;
        };
        let sequence = job.sequence;
        let Phase::Leased(held) = &mut job.phase else {
            return Hold::Lost;
        };
        let old = std::mem::replace(&mut held.ends, now.mono + length);
        let new = held.ends;
        self.leases.remove(&(old, sequence));
        self.leases.insert((new, sequence), hash);
        if job.cancel_requested {
            Hold::Cancelled
        } else {
            Hold::Held
        }
    }
}
