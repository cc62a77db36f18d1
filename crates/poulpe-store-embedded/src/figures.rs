//! What operators want to know of a log. Only counts; decides nothing.

use poulpe_store::{Histogram, Spread};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Counters since the store was opened.
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
    sync_micros: Spread,
    batch_records: Spread,
}

/// From a battery-backed controller, over flash, to a disk that spins, or is overloaded.
const SYNC_MICROS: [u64; 12] = [
    25, 50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 102_400,
];

const BATCH_RECORDS: [u64; 12] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 4_096];

impl Default for Figures {
    fn default() -> Self {
        Self {
            batches: AtomicU64::default(),
            records: AtomicU64::default(),
            max_batch: AtomicU64::default(),
            start_marks: AtomicU64::default(),
            written_bytes: AtomicU64::default(),
            rotations: AtomicU64::default(),
            unlinked: AtomicU64::default(),
            cleaned: AtomicU64::default(),
            copied_records: AtomicU64::default(),
            copied_bytes: AtomicU64::default(),
            syncs: AtomicU64::default(),
            sync_nanos: AtomicU64::default(),
            sync_max_nanos: AtomicU64::default(),
            sync_micros: Spread::new(&SYNC_MICROS),
            batch_records: Spread::new(&BATCH_RECORDS),
        }
    }
}

impl Figures {
    pub(crate) fn batch(&self, records: usize) {
        self.batches.fetch_add(1, Relaxed);
        self.records.fetch_add(records as u64, Relaxed);
        self.max_batch.fetch_max(records as u64, Relaxed);
        self.batch_records.add(records as u64);
    }

    pub(crate) fn sync(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.syncs.fetch_add(1, Relaxed);
        self.sync_nanos.fetch_add(nanos, Relaxed);
        self.sync_max_nanos.fetch_max(nanos, Relaxed);
        self.sync_micros.add(nanos.div_ceil(1_000));
    }

    pub(crate) fn histograms(&self) -> Vec<Histogram> {
        vec![
            self.sync_micros.histogram("sync_micros"),
            self.batch_records.histogram("batch_records"),
        ]
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
