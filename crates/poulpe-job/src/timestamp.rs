//! A point on the wall clock.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A point in time in milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This point plus `wait`, rounded up to the next millisecond: a job is never due early. Saturates.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        let millis = wait.as_nanos().div_ceil(1_000_000);
        Self(
            self.0
                .saturating_add(i64::try_from(millis).unwrap_or(i64::MAX)),
        )
    }

    /// This point less `by`, of which whole milliseconds count. Saturates.
    #[must_use]
    pub fn before(self, by: Duration) -> Self {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// The time from `earlier` to this point; zero when `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_rounds_up_so_that_nothing_is_early() {
        let start = Timestamp::from_millis(1_000);
        assert_eq!(start.after(Duration::from_nanos(1)).as_millis(), 1_001);
        assert_eq!(start.after(Duration::from_millis(5)).as_millis(), 1_005);
        assert_eq!(start.after(Duration::MAX).as_millis(), i64::MAX);
    }

    #[test]
    fn subtracting_saturates() {
        let start = Timestamp::from_millis(1_000);
        assert_eq!(start.before(Duration::from_millis(1)).as_millis(), 999);
        let first = Timestamp::from_millis(i64::MIN);
        assert_eq!(first.before(Duration::MAX), first);
    }

    #[test]
    fn time_since_a_later_point_is_zero() {
        assert_eq!(
            Timestamp::from_millis(1).since(Timestamp::from_millis(5)),
            Duration::ZERO
        );
    }
}
