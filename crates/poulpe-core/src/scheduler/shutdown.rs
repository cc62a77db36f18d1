//! Stopping without losing anything.

use super::{Parts, Scheduler, dead_letters, dispatch, members};
use crate::CancelReason;
use poulpe_job::{Due, ReleaseReason, Verdict};
use poulpe_store::Settlement;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long cancelled attempts may take to return: a command is killed within half a second.
const CANCEL_GRACE: Duration = Duration::from_secs(2);
/// The same when nobody wants to wait: a command that ignores SIGTERM is killed after half a second.
const INTERRUPT_GRACE: Duration = Duration::from_millis(800);
/// How long the last verdicts may take to be written.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

impl Scheduler {
    /// Stops: takes no new work, gives back what hasn't started, lets attempts that run end within `drain`, interrupts
    /// the rest, and returns once everything is durable. Whoever waits for a result until then is answered. Interrupted
    /// jobs run again after the next start.
    pub async fn stop(&self, drain: Duration) {
        let parts = &self.parts;
        if parts.stopping.swap(true, Ordering::AcqRel) {
            return;
        }
        parts.admission.close();
        parts.wake.task();
        parts.cron.stop();
        dispatch::give_back(parts, parts.pool.take_back());
        let end = parts.clock.monotonic() + drain;
        wait_until_idle(parts, end).await;
        // What the dispatcher had under way when it stopped.
        dispatch::give_back(parts, parts.pool.take_back());
        if parts.pool.running() > 0 {
            let leases = parts.pool.cancel_all(CancelReason::Shutdown);
            tracing::warn!(
                count = leases.len(),
                "interrupting what still runs, it runs again after the next start"
            );
            wait_until_idle(parts, parts.clock.monotonic() + CANCEL_GRACE).await;
        }
        for lease in parts.pool.abandon() {
            let verdict = Verdict::Release {
                due: Due::NOW,
                reason: ReleaseReason::Interrupted,
            };
            parts.settles.push(Settlement { lease, verdict });
        }
        let end = parts.clock.monotonic() + FLUSH_LIMIT;
        while !parts.settles.is_empty() && parts.clock.monotonic() < end {
            tokio::select! {
                () = parts.settles.all_durable.notified() => {}
                () = parts.clock.sleep_until(end) => {}
            }
        }
        parts.hub.waiters.close();
        // What isn't copied by then is after the next start: the outbox keeps it.
        let end = parts.clock.monotonic() + FLUSH_LIMIT;
        tokio::select! {
            copied = dead_letters::copy_all(parts) => if let Err(reason) = copied {
                tracing::error!(reason, "dead letters could not be copied, they will be after the next start");
            },
            () = parts.clock.sleep_until(end) => {
                tracing::warn!("not all dead letters were copied, the rest will be after the next start");
            }
        }
        parts.pool.close();
        for task in self.tasks.iter() {
            task.abort();
        }
        members::leave(parts).await;
    }

    /// For those who can't wait for [`stop`](Self::stop): stops every attempt, and returns when they have returned or
    /// after less than a second. Nothing is settled: what ran runs again after the next start, as after a crash.
    pub async fn interrupt(&self) {
        let parts = &self.parts;
        parts.stopping.store(true, Ordering::Release);
        parts.pool.cancel_all(CancelReason::Shutdown);
        wait_until_idle(parts, parts.clock.monotonic() + INTERRUPT_GRACE).await;
    }
}

async fn wait_until_idle(parts: &Parts, end: Duration) {
    while parts.pool.running() > 0 && parts.clock.monotonic() < end {
        tokio::select! {
            () = parts.pool.all_idle.notified() => {}
            () = parts.clock.sleep_until(end) => {}
        }
    }
}
