//! Reading and waiting for time.

use poulpe_store::{BoxFuture, SystemTimeSource, TimeSource, WallTime};
use std::time::{Duration, Instant};

/// Reads clocks and waits for them; a manual one lets tests move time.
pub trait Clock: TimeSource {
    /// Returns once the monotonic clock reads at least `due`.
    fn sleep_until(&self, due: Duration) -> BoxFuture<'_, ()>;

    /// The instant at which the monotonic clock reads `due`, for executors' deadlines.
    fn instant(&self, due: Duration) -> Instant;
}

/// The system's clocks. Must be used inside a tokio runtime with time enabled.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
    source: SystemTimeSource,
}

impl SystemClock {
    /// Counts monotonic time from now.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            source: SystemTimeSource::new(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl TimeSource for SystemClock {
    fn wall(&self) -> WallTime {
        self.source.wall()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Clock for SystemClock {
    fn sleep_until(&self, due: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep_until(self.instant(due).into()))
    }

    fn instant(&self, due: Duration) -> Instant {
        self.start + due
    }
}
