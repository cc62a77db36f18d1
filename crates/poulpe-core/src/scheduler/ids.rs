//! Ids for tasks that came without one.

use poulpe_job::JobId;
use std::sync::atomic::{AtomicU64, Ordering};

/// Makes ids that no other life of any daemon makes: start time, a random number, a counter.
pub(crate) struct Ids {
    prefix: String,
    next: AtomicU64,
}

impl Ids {
    pub(crate) fn new(start_millis: i64) -> Self {
        let random: u64 = rand::random();
        Self {
            prefix: format!("{start_millis:x}-{random:016x}-"),
            next: AtomicU64::new(1),
        }
    }

    pub(crate) fn next(&self) -> JobId {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let id = JobId::new(&format!("{}{number:x}", self.prefix));
        id.unwrap_or_else(|e| unreachable!("a generated id is always valid: {e}"))
    }
}
