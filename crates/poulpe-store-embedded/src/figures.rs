//! What operators want to know of a log. Only counts; decides nothing.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Counters since the store was opened.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) batches: AtomicU64,
    pub(crate) records: AtomicU64,
    pub(crate) max_batch: AtomicU64,
    pub(crate) start_marks: AtomicU64,
    pub(crate) written_bytes: AtomicU64,
    pub(crate) rotations: AtomicU64,
    pub(crate) unlinked: AtomicU64,
    pub(crate) cleaned: AtomicU64,
    pub(crate) copied_records: AtomicU64,
    pub(crate) copied_bytes: AtomicU64,
    syncs: AtomicU64,
    sync_nanos: AtomicU64,
    sync_max_nanos: AtomicU64,
}

impl Figures {
    pub(crate) fn batch(&self, records: usize) {
        self.batches.fetch_add(1, Relaxed);
        self.records.fetch_add(records as u64, Relaxed);
        self.max_batch.fetch_max(records as u64, Relaxed);
    }

    pub(crate) fn sync(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.syncs.fetch_add(1, Relaxed);
        self.sync_nanos.fetch_add(nanos, Relaxed);
        self.sync_max_nanos.fetch_max(nanos, Relaxed);
    }

    pub(crate) fn list(&self) -> Vec<(&'static str, u64)> {
        [
            ("batches", &self.batches),
            ("records", &self.records),
            ("max_batch", &self.max_batch),
            ("start_marks", &self.start_marks),
            ("written_bytes", &self.written_bytes),
            ("rotations", &self.rotations),
            ("unlinked_segments", &self.unlinked),
            ("cleaned_segments", &self.cleaned),
            ("copied_records", &self.copied_records),
            ("copied_bytes", &self.copied_bytes),
            ("syncs", &self.syncs),
            ("sync_nanos", &self.sync_nanos),
            ("sync_max_nanos", &self.sync_max_nanos),
        ]
        .map(|(name, counter)| (name, counter.load(Relaxed)))
        .to_vec()
    }
}
