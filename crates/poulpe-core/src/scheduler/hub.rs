//! Hears what happened in the store and wakes whoever it concerns.

use super::pool::Pool;
use super::waiters::Waiters;
use crate::CancelReason;
use poulpe_job::JobId;
use poulpe_store::{LeaseId, Watcher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
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
    pool: Weak<Pool>,
}

impl Hub {
    pub(crate) fn new(wake: Arc<DispatchWake>, pool: &Arc<Pool>) -> Self {
        Self {
            waiters: Waiters::default(),
            wake,
            pool: Arc::downgrade(pool),
        }
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
        if let Some(pool) = self.pool.upgrade() {
            pool.cancel(leases, CancelReason::Requested);
        }
    }
}
