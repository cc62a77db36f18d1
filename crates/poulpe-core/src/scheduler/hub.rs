//! Hears what happened in the store and wakes whoever it concerns.

use super::Parts;
use super::pool::Pool;
use super::waiters::Waiters;
use crate::CancelReason;
use crate::machine::{Ended, Report, settlement};
use poulpe_job::JobId;
use poulpe_store::{ClaimedJob, LeaseId, Watcher};
use std::sync::{Arc, OnceLock, Weak};
use tokio::sync::Notify;

/// The store's watcher.
pub(crate) struct Hub {
    pub(crate) waiters: Waiters,
    /// Told of each end, for who sends results on.
    pub(crate) ended: Notify,
    pool: Arc<Pool>,
    /// Set once there is a scheduler. Weak: the store, which the scheduler holds, holds the hub.
    parts: OnceLock<Weak<Parts>>,
}

impl Hub {
    pub(crate) fn new(pool: Arc<Pool>) -> Self {
        Self {
            waiters: Waiters::default(),
            ended: Notify::new(),
            pool,
            parts: OnceLock::new(),
        }
    }

    /// From now on cancels reach this scheduler.
    pub(crate) fn serve(&self, parts: &Arc<Parts>) {
        // A hub is made for one scheduler; a second call would be a mistake of ours and changes nothing.
        let _ = self.parts.set(Arc::downgrade(parts));
    }
}

impl Watcher for Hub {
    fn work(&self) {
        self.pool.work();
    }

    fn finished(&self, ids: &[JobId]) {
        self.waiters.finished(ids);
        self.ended.notify_one();
    }

    fn awaited(&self) -> Vec<JobId> {
        self.waiters.awaited()
    }

    fn cancel_requested(&self, leases: &[LeaseId]) {
        let Some(parts) = self.parts.get().and_then(Weak::upgrade) else {
            return;
        };
        // What is at hand but hasn't started needn't wait for a worker to find out.
        for claimed in parts.pool.take(leases) {
            let ClaimedJob {
                lease,
                job,
                progress,
                ..
            } = claimed;
            let ended = Ended::Cancelled(parts.clock.wall().floor());
            let report = Report {
                lease,
                job,
                progress,
                ended,
            };
            parts.settles.push(settlement(report, &*parts.policy));
        }
        parts.pool.cancel(leases, CancelReason::Requested);
    }
}
