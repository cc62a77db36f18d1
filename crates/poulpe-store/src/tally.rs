//! Counts and digests of what a store keeps, by state, to see that two stores keep the same. The order doesn't matter.
//! Results expire while one counts: what has expired by a given time is left out on both sides.

use crate::Item;
use poulpe_job::Timestamp;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::collections::BTreeMap;
use std::hash::Hasher;
use std::time::Duration;

/// A number of items, and a digest of all that they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// The sum of their digests, so that the order doesn't matter.
    pub digest: u128,
}

impl Sum {
    fn add(&mut self, other: Sum) {
        self.count += other.count;
        self.digest = self.digest.wrapping_add(other.digest);
    }
}

/// What a store keeps, counted by state.
#[derive(Debug, Clone)]
pub struct Tally {
    /// The time that tells delayed jobs from ready ones.
    at: Timestamp,
    lasting: BTreeMap<&'static str, Sum>,
    /// Done jobs and guarded ids, by the second in which they ended.
    passing: BTreeMap<(&'static str, i64), Sum>,
}

/// The states of what doesn't expire, in the order in which they are shown.
const LASTING: [&str; 6] = [
    "delayed",
    "ready",
    "retrying",
    "dead",
    "outbox",
    "checkpoints",
];

impl Tally {
    /// Nothing yet. `at` must be the same for all that are to be compared.
    pub fn new(at: Timestamp) -> Self {
        Self {
            at,
            lasting: BTreeMap::new(),
            passing: BTreeMap::new(),
        }
    }

    /// Counts an item.
    pub fn add(&mut self, item: &Item) {
        let one = Sum {
            count: 1,
            digest: digest(item),
        };
        let mut last = |name| self.lasting.entry(name).or_default().add(one);
        match item {
            Item::Job { job, progress, .. } => last(match job.due <= self.at {
                true => "ready",
                false if progress.attempts > 0 => "retrying",
                false => "delayed",
            }),
            Item::Dead { copied, .. } => {
                last("dead");
                if !copied {
                    last("outbox");
                }
            }
            Item::Checkpoint { .. } => last("checkpoints"),
            Item::Done { result, .. } => self.pass("done", result.finished_at, one),
            Item::Guard { finished_at, .. } => self.pass("guards", *finished_at, one),
        }
    }

    fn pass(&mut self, name: &'static str, finished_at: Timestamp, one: Sum) {
        let second = finished_at.as_millis().div_euclid(1_000);
        self.passing.entry((name, second)).or_default().add(one);
    }

    /// The sums by state, of done jobs and guarded ids only those that ended after `since`.
    pub fn sums(&self, since: Timestamp) -> Vec<(&'static str, Sum)> {
        let first = since.as_millis().div_euclid(1_000) + 1;
        let lasting = LASTING.map(|name| (name, self.lasting.get(name).copied()));
        let mut sums: Vec<_> = lasting
            .map(|(name, sum)| (name, sum.unwrap_or_default()))
            .into();
        for name in ["done", "guards"] {
            let mut sum = Sum::default();
            for (_, part) in self.passing.range((name, first)..=(name, i64::MAX)) {
                sum.add(*part);
            }
            sums.push((name, sum));
        }
        sums
    }

    /// How many items were counted.
    pub fn count(&self) -> u64 {
        let lasting = self.lasting.iter().filter(|(name, _)| **name != "outbox");
        let lasting = lasting.map(|(_, sum)| sum.count);
        lasting
            .chain(self.passing.values().map(|sum| sum.count))
            .sum()
    }

    /// From when on results and guards must be the same at `now`, if they are kept for `ttl`. Those that are about to
    /// expire are left out: clocks may differ by some seconds.
    pub fn since(now: Timestamp, ttl: Duration) -> Timestamp {
        const MARGIN: Duration = Duration::from_secs(30);
        now.after(MARGIN).before(ttl)
    }
}

/// A digest of all that an item holds, the same in every process.
fn digest(item: &Item) -> u128 {
    let mut hasher = SipHasher13::new();
    match postcard::to_stdvec(item) {
        Ok(bytes) => hasher.write(&bytes),
        // Nothing in an item can't be encoded; should it ever be so, what is shown of it is as good.
        Err(_) => hasher.write(format!("{item:?}").as_bytes()),
    }
    hasher.finish128().as_u128()
}
