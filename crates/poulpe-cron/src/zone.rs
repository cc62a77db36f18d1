//! A time zone as a table of the periods between changes of its offset, from 1970 to 2099. Read from the time zone
//! database once; everything afterwards is arithmetic. Never asks what time it is.

use crate::calendar::{DAY, END, FIRST_YEAR, LAST_YEAR, first_day, length};
use crate::local::LocalTime;
use crate::zone_data;
use jiff::tz::TimeZone;
use poulpe_job::Timestamp;
use std::sync::Arc;

/// A time zone. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(Arc<Table>);

#[derive(Debug, PartialEq, Eq)]
struct Table {
    name: Box<str>,
    periods: Box<[Period]>,
}

/// A time in which the offset stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    /// The first second.
    pub(crate) from: i64,
    /// What is added to the instant to get the wall clock.
    pub(crate) offset: i64,
    /// Where the wall clock had got before, at its farthest. If it goes on later than that there is a gap, if earlier a
    /// fold.
    pub(crate) reached: i64,
}

/// Why there is no such zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadZone {
    /// The time zone database has no such name.
    #[error("{name:?} is no time zone of the IANA database {version}; {advice}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The version of the database that was searched.
        version: String,
        /// What may have been meant.
        advice: String,
    },
    /// The host says something about its zone that can't be understood.
    #[error("the host's time zone can't be read: {0}")]
    Host(String),
}

/// A day more than zones are away from UTC.
const MARGIN: i64 = 2 * DAY;

/// More changes than any zone has: the rules of a zone come from outside.
const MAX_PERIODS: usize = 4_096;

impl Zone {
    /// UTC.
    pub fn utc() -> Self {
        Self::from_jiff("UTC", &TimeZone::UTC)
    }

    /// The zone of an IANA name such as `Europe/Berlin`, in any case. The system's time zone database is asked if it is
    /// there and not older than the one inside poulpe.
    pub fn named(name: &str) -> Result<Self, BadZone> {
        let zone = zone_data::find(name)?;
        Ok(Self::from_jiff(zone.iana_name().unwrap_or(name), &zone))
    }

    /// The host's zone: what TZ says, or /etc/localtime; UTC when neither is there.
    pub fn host() -> Result<Self, BadZone> {
        let zone = zone_data::host()?;
        Ok(Self::from_jiff(zone.iana_name().unwrap_or("local"), &zone))
    }

    fn from_jiff(name: &str, zone: &TimeZone) -> Self {
        let start = -MARGIN;
        let offset_at = |at: jiff::Timestamp| i64::from(zone.to_offset(at).seconds());
        let start = jiff::Timestamp::from_second(start).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let mut offset = offset_at(start);
        let mut reached = i64::MIN;
        let mut periods = vec![Period {
            from: i64::MIN,
            offset,
            reached,
        }];
        for change in zone.following(start).take(MAX_PERIODS) {
            let from = change.timestamp().as_second();
            if from > END + MARGIN {
                break;
            }
            let next = i64::from(change.offset().seconds());
            if next == offset {
                continue;
            }
            reached = reached.max(from + offset);
            periods.push(Period {
                from,
                offset: next,
                reached,
            });
            offset = next;
        }
        Self(Arc::new(Table {
            name: name.into(),
            periods: periods.into(),
        }))
    }

    /// The IANA name, or `local` for a zone of the host that has none.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What clocks on the wall show.
    pub fn local(&self, at: Timestamp) -> LocalTime {
        let seconds = at
            .as_millis()
            .div_euclid(1_000)
            .clamp(-MARGIN, END + MARGIN);
        let offset = self.period(seconds).0.offset;
        LocalTime {
            wall: seconds + offset,
            offset,
        }
    }

    /// The first instant at which the wall clock shows this time of a day, or a later one where it is skipped; `None` for
    /// a date that isn't one, or isn't between 1970 and 2099.
    ///
    /// ```
    /// use poulpe_cron::Zone;
    /// let zone = Zone::named("Europe/Berlin").unwrap();
    /// let gap = zone.first_at((2027, 3, 28), (2, 30, 0)).unwrap();
    /// assert_eq!(zone.local(gap).to_string(), "2027-03-28T03:00:00+02:00");
    /// ```
    pub fn first_at(&self, date: (u32, u32, u32), time: (u32, u32, u32)) -> Option<Timestamp> {
        let ((year, month, day), (hour, minute, second)) = (date, time);
        let is_date = (FIRST_YEAR..=LAST_YEAR).contains(&year)
            && (1..=12).contains(&month)
            && (1..=length(year, month)).contains(&day);
        let is_time = hour < 24 && minute < 60 && second < 60;
        if !is_date || !is_time {
            return None;
        }
        let days = i64::from(first_day(year, month) + day - 1);
        let wall = days * DAY + i64::from(hour * 3_600 + minute * 60 + second);
        let mut periods = self.0.periods.iter().peekable();
        while let Some(period) = periods.next() {
            let at = (wall - period.offset).max(period.from);
            if periods.peek().is_none_or(|next| at < next.from) {
                return Some(Timestamp::from_millis(at * 1_000));
            }
        }
        None
    }

    /// The first change of clocks strictly after an instant: the first second of the new time.
    pub fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        let (_, next) = self.period(after.as_millis().div_euclid(1_000));
        next.map(|next| Timestamp::from_millis(next.from * 1_000))
    }

    /// All periods from the one that holds an instant.
    pub(crate) fn periods_from(&self, at: i64) -> &[Period] {
        let periods = &self.0.periods;
        // UTC, and whatever else never changes, need no search.
        let index = match periods.len() {
            1 => 0,
            _ => periods.partition_point(|period| period.from <= at) - 1,
        };
        periods.get(index..).unwrap_or_default()
    }

    /// The period that holds an instant, and the next one.
    pub(crate) fn period(&self, at: i64) -> (Period, Option<Period>) {
        match self.periods_from(at) {
            [period, next, ..] => (*period, Some(*next)),
            [period] => (*period, None),
            [] => (
                Period {
                    from: i64::MIN,
                    offset: 0,
                    reached: i64::MIN,
                },
                None,
            ),
        }
    }
}
