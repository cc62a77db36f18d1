//! What happened since the start: counts and spreads, for operators. Decides nothing. Written on the hot path, so
//! without a lock: the kinds are known from the start.

use crate::machine::SkipReason;
use crate::{Histogram, KindFigures};
use poulpe_job::{Door, Kind, Verdict};
use poulpe_store::Spread;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How late starts are: from what a sync takes to a queue that is an hour behind.
const LAG_MICROS: [u64; 18] = [
    250,
    500,
    1_000,
    2_000,
    3_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    5_000_000,
    30_000_000,
    300_000_000,
    1_800_000_000,
    3_600_000_000,
];

/// How long attempts run: from a call in the same house to a night's work.
const RUN_MICROS: [u64; 14] = [
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    100_000,
    500_000,
    1_000_000,
    5_000_000,
    30_000_000,
    60_000_000,
    600_000_000,
    3_600_000_000,
];

/// Counts since the start of the scheduler.
pub(crate) struct Counters {
    pub(crate) succeeded: AtomicU64,
    pub(crate) buried: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) retried: AtomicU64,
    pub(crate) lost: AtomicU64,
    start_lag: Spread,
    by_kind: HashMap<Kind, KindCounters>,
    unrunnable: Mutex<BTreeMap<Kind, u64>>,
    given_up: Mutex<BTreeMap<&'static str, u64>>,
}

/// Counts of one kind.
pub(crate) struct KindCounters {
    accepted: [AtomicU64; Door::ALL.len()],
    succeeded: AtomicU64,
    buried: AtomicU64,
    cancelled: AtomicU64,
    retried: AtomicU64,
    run_time: Spread,
}

impl KindCounters {
    fn new() -> Self {
        Self {
            accepted: Default::default(),
            succeeded: AtomicU64::new(0),
            buried: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
            retried: AtomicU64::new(0),
            run_time: Spread::new(&RUN_MICROS),
        }
    }

    /// A job was accepted that wasn't there before.
    pub(crate) fn accepted(&self, door: Door) {
        Counters::add(&self.accepted[door.place()]);
    }

    /// An attempt has run for so long and led to this verdict.
    pub(crate) fn ran(&self, took: Duration, verdict: &Verdict) {
        let counter = match verdict {
            Verdict::Complete(result) if result.is_ok() => &self.succeeded,
            Verdict::Complete(_) => &self.cancelled,
            Verdict::Retry { .. } => &self.retried,
            Verdict::Bury { .. } => &self.buried,
            // It never ran, or our own shutdown interrupted it.
            Verdict::Release { .. } => return,
        };
        Counters::add(counter);
        self.run_time.add(micros(took));
    }

    fn figures(&self, kind: &Kind) -> KindFigures {
        let accepted = Door::ALL.iter().zip(&self.accepted);
        KindFigures {
            kind: kind.to_string(),
            accepted: accepted.map(|(door, count)| (*door, read(count))).collect(),
            succeeded: read(&self.succeeded),
            buried: read(&self.buried),
            cancelled: read(&self.cancelled),
            retried: read(&self.retried),
            run_time: self.run_time.histogram("run_micros"),
        }
    }
}

impl Counters {
    /// All at nothing, for the kinds that can run here.
    pub(crate) fn new<'a>(kinds: impl Iterator<Item = &'a Kind>) -> Self {
        Self {
            succeeded: AtomicU64::new(0),
            buried: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
            retried: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            start_lag: Spread::new(&LAG_MICROS),
            by_kind: kinds
                .map(|kind| (kind.clone(), KindCounters::new()))
                .collect(),
            unrunnable: Mutex::default(),
            given_up: Mutex::default(),
        }
    }

    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The counters of a kind that can run here.
    pub(crate) fn of(&self, kind: &Kind) -> Option<&KindCounters> {
        self.by_kind.get(kind)
    }

    /// An attempt started so long after its job was due.
    pub(crate) fn started(&self, lag: Duration) {
        self.start_lag.add(micros(lag));
    }

    pub(crate) fn start_lag(&self) -> Histogram {
        self.start_lag.histogram("start_lag_micros")
    }

    /// The figures of each kind, by name.
    pub(crate) fn by_kind(&self) -> Vec<KindFigures> {
        let figures = self.by_kind.iter();
        let mut figures: Vec<_> = figures.map(|(kind, one)| one.figures(kind)).collect();
        figures.sort_by(|one, other| one.kind.cmp(&other.kind));
        figures
    }

    /// Fire times that give no job.
    pub(crate) fn note_given_up(&self, reason: SkipReason, count: u64) {
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        *given_up.entry(reason.name()).or_default() += count;
    }

    pub(crate) fn given_up(&self) -> Vec<(&'static str, u64)> {
        let given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up
            .iter()
            .map(|(reason, count)| (*reason, *count))
            .collect()
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

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
