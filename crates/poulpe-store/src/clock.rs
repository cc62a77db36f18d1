//! The system's clocks as a time source. The only place of the store crates that asks the system what time it is.

use crate::{TimeSource, WallTime};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Reads the system's clocks.
#[derive(Debug)]
pub struct SystemTimeSource {
    start: Instant,
}

impl SystemTimeSource {
    /// Counts monotonic time from now.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for SystemTimeSource {
    fn default() -> Self {
        Self::new()
    }
}

impl TimeSource for SystemTimeSource {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock file of the store crates"
    )]
    fn wall(&self) -> WallTime {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => WallTime(since.as_nanos() as i128),
            Err(before) => WallTime(-(before.duration().as_nanos() as i128)),
        }
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Clocks that only tests move.
#[derive(Debug)]
pub struct ManualTime {
    now: std::sync::Mutex<(i128, Duration)>,
}

impl ManualTime {
    /// Starts at this many milliseconds since the epoch.
    pub fn new(millis: i64) -> Self {
        Self {
            now: std::sync::Mutex::new((i128::from(millis) * 1_000_000, Duration::ZERO)),
        }
    }

    /// Lets time pass on both clocks.
    pub fn advance(&self, by: Duration) {
        let mut now = self.lock();
        now.0 += by.as_nanos() as i128;
        now.1 += by;
    }

    /// Moves the wall clock alone, as an operator or NTP does.
    pub fn jump(&self, by_millis: i64) {
        self.lock().0 += i128::from(by_millis) * 1_000_000;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (i128, Duration)> {
        self.now
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl TimeSource for ManualTime {
    fn wall(&self) -> WallTime {
        WallTime(self.lock().0)
    }

    fn monotonic(&self) -> Duration {
        self.lock().1
    }
}
