//! Gives jobs at hand back to a store that other daemons share, when no worker here gets to them: another daemon may have
//! one that is idle. Runs only with such a store.

use super::{Parts, dispatch};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long the first job at hand may wait for a worker: long beside a claim, short beside what a person notices.
const PATIENCE: Duration = Duration::from_millis(50);

/// Woken when jobs come to hand.
#[derive(Default)]
pub(crate) struct Share {
    wake: Notify,
}

impl Share {
    pub(crate) fn handed(&self) {
        self.wake.notify_one();
    }
}

/// Looks after the jobs at hand until the task is aborted.
pub(crate) async fn run(parts: Arc<Parts>) {
    if !parts.settings.shares_store {
        return;
    }
    loop {
        parts.share.wake.notified().await;
        while let Some(first) = parts.pool.first_ahead() {
            let then = parts.clock.monotonic() + PATIENCE;
            parts.clock.sleep_until(then).await;
            if parts.pool.first_ahead() == Some(first) {
                dispatch::give_back(&parts, parts.pool.take_ahead());
            }
        }
    }
}
