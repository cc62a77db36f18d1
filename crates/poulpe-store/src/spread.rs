//! How values are spread: counts them by size, without a lock. Decides no bounds and shows nothing; a [`Histogram`] is
//! what others see of it.

use crate::Histogram;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts values by size. Each value costs two additions to shared memory.
#[derive(Debug)]
pub struct Spread {
    bounds: &'static [u64],
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Spread {
    /// Steps with these largest values, rising, and one for all that is beyond.
    pub fn new(bounds: &'static [u64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0));
        Self {
            bounds,
            counts: counts.collect(),
            sum: AtomicU64::new(0),
        }
    }

    /// Counts a value.
    pub fn add(&self, value: u64) {
        let step = self.bounds.partition_point(|bound| *bound < value);
        self.counts[step].fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    /// What was counted so far.
    pub fn histogram(&self, name: &'static str) -> Histogram {
        Histogram {
            name,
            bounds: self.bounds,
            counts: self
                .counts
                .iter()
                .map(|count| count.load(Relaxed))
                .collect(),
            sum: self.sum.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_a_bound_belongs_to_it() {
        let spread = Spread::new(&[1, 10]);
        for value in [0, 1, 2, 10, 11] {
            spread.add(value);
        }
        let histogram = spread.histogram("x");
        assert_eq!(histogram.counts, [2, 2, 1]);
        assert_eq!(histogram.sum, 24);
    }
}
