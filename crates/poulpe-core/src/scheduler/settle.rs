//! Drives the settler: what workers report goes to the store, in batches.

use super::Parts;
use super::counters::Counters;
use crate::machine::{SettleAction, SettleEvent, Settler};
use poulpe_job::Verdict;
use poulpe_store::{Hold, Settlement, StoreError};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How long verdicts are gathered at most while there is other work: writing them takes a tenth of the processor time of
/// a short job, which a burst of jobs that are due has better uses for.
const GATHER: Duration = Duration::from_millis(3);
/// So many are worth a sync at once.
const GATHERED: usize = 1_024;

/// With so many verdicts not yet durable nothing more is claimed: else jobs that run faster than the store settles them
/// would pile up, each with a lease to keep. Several times what one write takes.
const OPEN_MAX: u64 = 16_384;

/// Settlements that workers hand in.
#[derive(Default)]
pub(crate) struct SettleQueue {
    waiting: Mutex<Vec<Settlement>>,
    wake: Notify,
    /// Told when gathering has an end: a batch's worth is there, or nothing else is at hand.
    gathered: Notify,
    /// Handed in and not yet durable.
    open: AtomicU64,
    /// Told whenever everything is durable.
    pub(crate) all_durable: Notify,
}

impl SettleQueue {
    /// Announces a settlement: from now on the queue isn't empty. Called before a worker says that it is free, or a
    /// shutdown in between would see neither the attempt nor its verdict.
    pub(crate) fn announce(&self) {
        self.open.fetch_add(1, Ordering::AcqRel);
    }

    /// Hands in an announced settlement, or takes the announcement back. `is_last`: no job is at hand any more.
    pub(crate) fn push_announced(&self, settlement: Option<Settlement>, is_last: bool) {
        let Some(settlement) = settlement else {
            self.done(1);
            return;
        };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(settlement);
        let count = waiting.len();
        drop(waiting);
        if count == 1 {
            self.wake.notify_one();
        }
        if count == GATHERED || is_last {
            self.gathered.notify_one();
        }
    }

    /// Hands in a settlement.
    pub(crate) fn push(&self, settlement: Settlement) {
        self.announce();
        self.push_announced(Some(settlement), true);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }

    /// Whether so many aren't durable yet that nothing more should start. The dispatcher's task is woken when that ends.
    pub(crate) fn is_full(&self) -> bool {
        self.open.load(Ordering::Acquire) >= OPEN_MAX
    }

    fn take(&self) -> Vec<Settlement> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Fewer are open by so many; whether the queue is no longer full.
    fn done(&self, count: u64) -> bool {
        // Saturating: when the store has stopped, everything open was given up at once.
        let less = |open: u64| Some(open.saturating_sub(count));
        let before = self
            .open
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
        if before.is_ok_and(|before| before <= count) {
            self.all_durable.notify_one();
        }
        before.is_ok_and(|before| before >= OPEN_MAX && before - count.min(before) < OPEN_MAX)
    }
}

/// Settles until the task is aborted.
pub(crate) async fn run(parts: Arc<Parts>) {
    let queue = &parts.settles;
    let mut settler = Settler::default();
    loop {
        let waiting = queue.take();
        let event = if waiting.is_empty() {
            SettleEvent::Timer
        } else {
            SettleEvent::Ended(waiting)
        };
        let mut actions = VecDeque::from(settler.on(event, parts.clock.monotonic()));
        while let Some(action) = actions.pop_front() {
            match action {
                SettleAction::Note(settled) => note(&parts, settled),
                SettleAction::Settle(batch) => {
                    let count = batch.len() as u64;
                    let event = match parts.store.settle(batch).await {
                        Ok(holds) => SettleEvent::Settled(holds),
                        Err(error) => {
                            tracing::error!(%error, verdicts = count, "settling failed");
                            SettleEvent::Failed(error)
                        }
                    };
                    let is_final = matches!(event, SettleEvent::Failed(StoreError::Failed(_)));
                    actions.extend(settler.on(event, parts.clock.monotonic()));
                    if is_final {
                        queue.done(queue.open.load(Ordering::Acquire));
                    }
                }
            }
        }
        tokio::select! {
            () = queue.wake.notified() => {}
            () = super::sleep_until(&*parts.clock, settler.wake_at()) => {}
        }
        gather(&parts).await;
    }
}

/// With jobs at hand the next start is what counts: a sync for every few verdicts would take its processor. Waits a
/// moment for more of them; never when the workers have nothing else to do, so a lone job's result isn't held back.
async fn gather(parts: &Parts) {
    if parts.pool.at_hand() == 0 {
        return;
    }
    tokio::select! {
        () = parts.settles.gathered.notified() => {}
        () = parts.clock.sleep_until(parts.clock.monotonic() + GATHER) => {}
    }
}

fn note(parts: &Parts, settled: Vec<(Settlement, Hold)>) {
    let count = settled.len() as u64;
    let counters = &parts.counters;
    let mut ended = Vec::with_capacity(settled.len());
    let mut any_buried = false;
    for (Settlement { lease, verdict }, hold) in settled {
        if hold == Hold::Lost {
            tracing::warn!(job = %lease.job, claims = lease.claims, "lease lost, dropping the verdict");
            Counters::add(&counters.lost);
            ended.push(lease);
            continue;
        }
        match &verdict {
            Verdict::Complete(result) if result.is_ok() => {
                Counters::add(&counters.succeeded);
            }
            Verdict::Complete(_) => Counters::add(&counters.cancelled),
            Verdict::Retry { error, .. } => {
                tracing::info!(job = %lease.job, attempt = error.attempt, reason = error.reason, "attempt failed, to be retried");
                Counters::add(&counters.retried);
            }
            Verdict::Bury { error, .. } => {
                tracing::warn!(job = %lease.job, attempt = error.attempt, reason = error.reason, "job buried as a dead letter");
                Counters::add(&counters.buried);
                any_buried = true;
            }
            Verdict::Release { .. } => {}
        }
        ended.push(lease);
    }
    parts.keeper.ended(ended);
    if any_buried {
        parts.dead_letters.wake();
    }
    let has_room_again = parts.settles.done(count);
    if has_room_again {
        parts.wake.task();
    }
}
