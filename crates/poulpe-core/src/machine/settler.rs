//! Brings settlements to the store in batches: what arrives while one batch is being written makes the next. Never
//! decides a verdict. Runs as one task per scheduler.

use super::backoff;
use poulpe_store::{Hold, Settlement, StoreError};
use std::time::Duration;

/// The most settlements in one write.
const BATCH: usize = 4_096;

/// What the settler is told.
#[derive(Debug)]
pub enum SettleEvent {
    /// These are to be settled.
    Ended(Vec<Settlement>),
    /// The answers to the batch under way.
    Settled(Vec<Hold>),
    /// The batch's answer was lost, or the store has stopped.
    Failed(StoreError),
    /// Time has passed.
    Timer,
}

/// What the settler wants done.
#[derive(Debug, PartialEq)]
pub enum SettleAction {
    /// Ask the store; answer with `Settled` or `Failed`.
    Settle(Vec<Settlement>),
    /// Durable: for whoever counts.
    Note(Vec<(Settlement, Hold)>),
}

/// The settlements not yet durable.
#[derive(Debug, Default)]
pub struct Settler {
    waiting: Vec<Settlement>,
    batch: Vec<Settlement>,
    is_writing: bool,
    retry_at: Option<Duration>,
    failures: u32,
}

impl Settler {
    /// Takes an event at monotonic time `now`.
    pub fn on(&mut self, event: SettleEvent, now: Duration) -> Vec<SettleAction> {
        let mut actions = Vec::new();
        match event {
            SettleEvent::Ended(settlements) if self.waiting.is_empty() => {
                self.waiting = settlements;
            }
            SettleEvent::Ended(settlements) => self.waiting.extend(settlements),
            SettleEvent::Settled(holds) => {
                self.is_writing = false;
                self.failures = 0;
                let settled = std::mem::take(&mut self.batch)
                    .into_iter()
                    .zip(holds)
                    .collect();
                actions.push(SettleAction::Note(settled));
            }
            SettleEvent::Failed(StoreError::Failed(_)) => {
                // The store is gone for good; its leases end with it and nothing of this can be kept.
                self.is_writing = false;
                self.batch.clear();
                self.waiting.clear();
            }
            SettleEvent::Failed(StoreError::Unavailable(_)) => {
                self.is_writing = false;
                self.failures += 1;
                self.retry_at = Some(now + backoff(self.failures));
            }
            SettleEvent::Timer => {}
        }
        if self.is_writing || self.retry_at.is_some_and(|at| at > now) {
            return actions;
        }
        self.retry_at = None;
        if self.batch.is_empty() {
            let rest = self.waiting.split_off(self.waiting.len().min(BATCH));
            self.batch = std::mem::replace(&mut self.waiting, rest);
        }
        if !self.batch.is_empty() {
            self.is_writing = true;
            actions.push(SettleAction::Settle(self.batch.clone()));
        }
        actions
    }

    /// When to send `Timer`.
    pub fn wake_at(&self) -> Option<Duration> {
        self.retry_at.filter(|_| !self.is_writing)
    }

    /// Whether everything is durable.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.batch.is_empty()
    }
}
