//! What goes wrong in a world, and how often. Never does any of it; the world, its disk and its wire do.

use crate::dice::Dice;
use std::sync::atomic::{AtomicU64, Ordering};

/// How often things go wrong. The same seed gives the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Faults {
    /// A call doesn't reach the store.
    pub(crate) request_lost: f64,
    /// A call takes effect, its answer doesn't arrive.
    pub(crate) answer_lost: f64,
    /// A write fails for good.
    pub(crate) write_fails: f64,
    /// A write takes long.
    pub(crate) write_stalls: f64,
    /// How many times the process is killed.
    pub(crate) crashes: u64,
    /// How many times it is shut down.
    pub(crate) stops: u64,
    /// How many times the store is out of reach for a while.
    pub(crate) outages: u64,
    /// How many times the wall clock is moved.
    pub(crate) jumps: u64,
    /// Attempts that don't stop when told to.
    pub(crate) deaf: f64,
    /// Attempts that outlast their deadline.
    pub(crate) late: f64,
    /// Lives of the daemon that lack an executor.
    pub(crate) lacking: f64,
}

impl Faults {
    pub(crate) const NONE: Self = Self {
        request_lost: 0.0,
        answer_lost: 0.0,
        write_fails: 0.0,
        write_stalls: 0.0,
        crashes: 0,
        stops: 0,
        outages: 0,
        jumps: 0,
        deaf: 0.0,
        late: 0.0,
        lacking: 0.0,
    };

    /// One world in five is calm, so that a wake-up lost for no reason isn't put down to a fault.
    pub(crate) fn throw(dice: &mut Dice) -> Self {
        if dice.chance(0.2) {
            return Self::NONE;
        }
        Self {
            request_lost: dice.share(0.15),
            answer_lost: dice.share(0.2),
            write_fails: dice.share(0.01),
            write_stalls: dice.share(0.02),
            crashes: dice.number(0..5),
            stops: dice.number(0..2),
            outages: dice.number(0..4).saturating_sub(1),
            jumps: dice.number(0..6).saturating_sub(3),
            deaf: dice.share(0.6),
            late: dice.share(0.3),
            lacking: dice.share(0.8),
        }
    }
}

/// Counts what happens in a world, and says when the process is to be killed: any action can be the last.
#[derive(Debug)]
pub(crate) struct Actions {
    count: AtomicU64,
    last: AtomicU64,
}

impl Actions {
    pub(crate) fn new() -> Self {
        Self {
            count: AtomicU64::new(0),
            last: AtomicU64::new(u64::MAX),
        }
    }

    /// The process dies that many actions from now.
    pub(crate) fn die_in(&self, actions: u64) {
        self.last.store(
            self.count.load(Ordering::Relaxed) + actions,
            Ordering::Relaxed,
        );
    }

    pub(crate) fn live_on(&self) {
        self.last.store(u64::MAX, Ordering::Relaxed);
    }

    /// Counts one action; whether it was the last.
    pub(crate) fn was_last(&self) -> bool {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        count == self.last.load(Ordering::Relaxed)
    }
}
