//! A time on the wall clock of a zone, to be shown to people. Compares nothing: two of them may be one instant or an hour
//! apart.

use crate::calendar::{DAY, date};

/// What a clock on the wall shows, and how far that is from UTC. Displays as RFC 3339: `2027-03-28T03:00:00+02:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    /// Seconds since 1970-01-01T00:00:00 on the wall.
    pub(crate) wall: i64,
    /// Seconds ahead of UTC.
    pub(crate) offset: i64,
}

impl LocalTime {
    /// Year, month and day, the latter two from 1.
    pub fn date(&self) -> (u32, u32, u32) {
        // A schedule begins in 1970; the day before is all that a zone can add.
        let days = u32::try_from(self.wall.div_euclid(DAY)).unwrap_or(0);
        let date = date(days);
        (date.year, date.month, date.day)
    }

    /// Hour, minute and second.
    pub fn time(&self) -> (u32, u32, u32) {
        let time = u32::try_from(self.wall.rem_euclid(DAY)).unwrap_or(0);
        (time / 3_600, time / 60 % 60, time % 60)
    }

    /// The time of day alone: `03:00:00`.
    pub fn clock(&self) -> String {
        let (hour, minute, second) = self.time();
        format!("{hour:02}:{minute:02}:{second:02}")
    }

    /// The distance to UTC: `+02:00`, or `Z` for none.
    pub fn utc_offset(&self) -> String {
        if self.offset == 0 {
            return "Z".into();
        }
        let sign = if self.offset < 0 { '-' } else { '+' };
        let size = self.offset.abs();
        let (hours, minutes, seconds) = (size / 3_600, size / 60 % 60, size % 60);
        match seconds {
            0 => format!("{sign}{hours:02}:{minutes:02}"),
            _ => format!("{sign}{hours:02}:{minutes:02}:{seconds:02}"),
        }
    }
}

impl std::fmt::Display for LocalTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (year, month, day) = self.date();
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{}{}",
            self.clock(),
            self.utc_offset()
        )
    }
}
