//! Everything random in a world, from its seed. Never asks the system for randomness. Everybody who decides something by
//! chance has dice of their own, so that one more throw here doesn't change what falls there.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::ops::Range;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Dice(StdRng);

impl Dice {
    pub(crate) fn new(seed: u64, whose: u64) -> Self {
        Self(StdRng::seed_from_u64(
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ whose,
        ))
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.0.random_bool(probability)
    }

    pub(crate) fn number(&mut self, range: Range<u64>) -> u64 {
        self.0.random_range(range)
    }

    pub(crate) fn index(&mut self, len: usize) -> usize {
        self.0.random_range(0..len)
    }

    pub(crate) fn millis(&mut self, range: Range<u64>) -> Duration {
        // Not whole milliseconds: the clocks of the world don't tick in them either.
        Duration::from_micros(self.number(range.start * 1_000..range.end * 1_000))
    }

    /// A share up to `most`, small ones as likely as large ones.
    pub(crate) fn share(&mut self, most: f64) -> f64 {
        most * self.0.random_range(0.0..1.0_f64).powi(2)
    }
}
