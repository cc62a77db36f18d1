//! What happened since the start.

use poulpe_job::Kind;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counts since the start of the scheduler.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) succeeded: AtomicU64,
    pub(crate) buried: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) retried: AtomicU64,
    pub(crate) lost: AtomicU64,
    unrunnable: Mutex<BTreeMap<Kind, u64>>,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note_unrunnable(&self, kind: &Kind) {
        let mut unrunnable = self
            .unrunnable
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *unrunnable.entry(kind.clone()).or_default() += 1;
    }

    pub(crate) fn unrunnable(&self) -> Vec<(String, u64)> {
        let unrunnable = self
            .unrunnable
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        unrunnable
            .iter()
            .map(|(kind, count)| (kind.to_string(), *count))
            .collect()
    }
}
