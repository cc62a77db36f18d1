//! Hears what happened in the store and wakes whoever it concerns.

use super::Parts;
use super::waiters::Waiters;
use crate::CancelReason;
use crate::machine::{Ended, Report, settlement};
use poulpe_job::JobId;
use poulpe_store::{ClaimedJob, LeaseId, Watcher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use tokio::sync::Notify;

/// Wakes the dispatcher: something may be ready, or there is room.
#[derive(Default)]
pub(crate) struct DispatchWake {
    work: AtomicBool,
    notify: Notify,
}

impl DispatchWake {
    pub(crate) fn work(&self) {
        self.work.store(true, Ordering::Release);
        self.notify.notify_one();
    }

    pub(crate) fn room(&self) {
        self.notify.notify_one();
    }

    /// Whether there was work since the last call.
    pub(crate) fn take_work(&self) -> bool {
        self.work.swap(false, Ordering::AcqRel)
    }

    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }
}

/// The store's watcher.
pub(crate) struct Hub {
    pub(crate) waiters: Waiters,
    pub(crate) wake: Arc<DispatchWake>,
    /// Set once there is a scheduler. Weak: the store, which the scheduler holds, holds the hub.
    parts: OnceLock<Weak<Parts>>,
}

impl Hub {
    pub(crate) fn new(wake: Arc<DispatchWake>) -> Self {
        Self {
            waiters: Waiters::default(),
            wake,
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
        self.wake.work();
    }

    fn finished(&self, ids: &[JobId]) {
        self.waiters.finished(ids);
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
