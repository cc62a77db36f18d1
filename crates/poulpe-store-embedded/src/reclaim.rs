//! Unlinking segments in which nothing lives any more. Never the one in use, and never one that ends or replaces records
//! of a segment that still exists: a job that had ended would come back at the next start. Done by the housekeeper.

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
            let dead = self.wholly_dead();
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
            let mut segments = lock(&self.segments);
            for id in &dead {
                segments.remove(id);
            }
            drop(segments);
            self.figures.unlinked.fetch_add(dead.len() as u64, Relaxed);
        }
    }

    fn wholly_dead(&self) -> Vec<u32> {
        let segments = lock(&self.segments);
        let is_dead = |id: &u32| {
            let kept = &segments[id];
            // The one in use is held by the tail, those with living records by their places.
            let is_unused = Arc::strong_count(&kept.segment) == 1;
            is_unused
                && !kept
                    .depends_on
                    .iter()
                    .any(|other| segments.contains_key(other))
        };
        segments.keys().copied().filter(is_dead).collect()
    }
}
