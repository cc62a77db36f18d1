//! Space: what can be given back, and giving it back.
//!
//! Unlinking segments in which nothing lives any more. Never the one in use, and never one that ends or replaces records
//! of a segment that still exists: a job that had ended would come back at the next start. Done by the cleaner.

use crate::book::Totals;
use crate::clean::Victim;
use crate::log::{Log, lock};
use crate::segment;
use poulpe_store::StoreResult;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

impl Log {
    /// Unlinks what can be. In rounds: what depended on a segment may go only when that one's end is durable.
    pub(crate) fn reclaim(&self) -> StoreResult<()> {
        loop {
            self.health()?;
            let dead = lock(&self.book).wholly_dead();
            if dead.is_empty() {
                return Ok(());
            }
            for id in &dead {
                self.disk
                    .remove(&segment::name(*id))
                    .map_err(|error| self.fail_io("remove", *id, &error))?;
            }
            self.disk
                .sync()
                .map_err(|error| self.fail(format!("failed to sync the directory: {error}")))?;
            lock(&self.book).forget(&dead);
            self.figures.unlinked.fetch_add(dead.len() as u64, Relaxed);
        }
    }

    /// Whether a segment still exists.
    pub(crate) fn has_segment(&self, id: u32) -> bool {
        lock(&self.book).segments.contains_key(&id)
    }

    /// What is worth cleaning: something once less than half of the log counts, give or take half a segment.
    pub(crate) fn victims(&self) -> Vec<Victim> {
        let in_use = lock(&self.tail).segment.id;
        let book = lock(&self.book);
        let Totals { bytes, live } = book.totals(in_use);
        let is_sparse = bytes > 2 * live + self.segment_bytes / 2;
        let victims = if is_sparse {
            book.victims(in_use, self.segment_bytes)
        } else {
            book.crumbs(in_use, self.segment_bytes)
        };
        let kept = victims.iter().filter_map(|id| book.segments.get(id));
        kept.map(|kept| Victim {
            segment: Arc::clone(&kept.segment),
            bytes: kept.bytes,
        })
        .collect()
    }

    /// Whether cleaning has to hurry to keep the log within twice what counts and four segments: this one, the one in
    /// use, the spare, and the one that is being filled.
    pub(crate) fn is_behind(&self) -> bool {
        let in_use = lock(&self.tail).segment.id;
        let Totals { bytes, live } = lock(&self.book).totals(in_use);
        bytes > 2 * live + self.segment_bytes
    }

    /// The id of the next cold segment. `None` when there are no more, which takes a thousand years.
    pub(crate) fn next_cold(&self) -> Option<u32> {
        let next = self.next_cold.load(Relaxed);
        self.next_cold.store(next.checked_add(1)?, Relaxed);
        Some(next)
    }

    /// How large everything is.
    pub(crate) fn sizes(&self) -> Vec<(&'static str, u64)> {
        let tail = lock(&self.tail);
        let (in_use, used, in_use_live) = (tail.segment.id, tail.offset, tail.segment.live());
        drop(tail);
        let book = lock(&self.book);
        let totals = book.totals(in_use);
        let cold = book.segments.range(segment::FIRST_COLD..).count();
        vec![
            ("segments", book.segments.len() as u64),
            ("cold_segments", cold as u64),
            ("log_bytes", totals.bytes + used),
            ("live_bytes", totals.live + in_use_live),
        ]
    }
}
