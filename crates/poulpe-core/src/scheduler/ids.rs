//! Ids for tasks that came without one.

use poulpe_job::JobId;
use std::fmt::Write;
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
        let mut text = String::with_capacity(self.prefix.len() + 16);
        text.push_str(&self.prefix);
        // Writing to a string never fails.
        let _ = write!(text, "{number:x}");
        let id = JobId::new(&text);
        id.unwrap_or_else(|e| unreachable!("a generated id is always valid: {e}"))
    }
}
