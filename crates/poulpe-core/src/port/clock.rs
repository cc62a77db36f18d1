//! Reading and waiting for time.

use super::alarm::Alarm;
use poulpe_store::{BoxFuture, SystemTimeSource, TimeSource, WallTime};
use std::time::{Duration, Instant};

/// Reads clocks and waits for them; a manual one lets tests move time.
pub trait Clock: TimeSource {
    /// Returns once the monotonic clock reads at least `due`.
    fn sleep_until(&self, due: Duration) -> BoxFuture<'_, ()>;

    /// The instant at which the monotonic clock reads `due`, for executors' deadlines.
    fn instant(&self, due: Duration) -> Instant;
}

/// Less than this before its end, a sleep is left to the alarm; more is the runtime's, which needs no thread for it.
const LAST_STRETCH: Duration = Duration::from_millis(3);

/// The system's clocks. Must be used inside a tokio runtime with time enabled.
pub struct SystemClock {
    start: Instant,
    source: SystemTimeSource,
    alarm: Option<Alarm>,
}

impl SystemClock {
    /// Counts monotonic time from now.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            source: SystemTimeSource::new(),
            alarm: Alarm::start(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for SystemClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SystemClock")
            .field("start", &self.start)
            .finish_non_exhaustive()
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
        let end = self.instant(due);
        Box::pin(async move {
            let Some(alarm) = &self.alarm else {
                tokio::time::sleep_until(end.into()).await;
                return;
            };
            if end.saturating_duration_since(Instant::now()) > LAST_STRETCH {
                tokio::time::sleep_until((end - LAST_STRETCH).into()).await;
            }
            if alarm.at(end).await.is_err() {
                tokio::time::sleep_until(end.into()).await;
            }
        })
    }

    fn instant(&self, due: Duration) -> Instant {
        // Further away than the system can say is as good as never.
        let never = self.start + Duration::from_secs(100 * 365 * 86_400);
        self.start.checked_add(due).unwrap_or(never)
    }
}
