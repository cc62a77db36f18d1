//! A schedule: seven fields, and the next time on a wall clock that matches all of them. Knows no zone; `fire` turns wall
//! clocks into instants. Searches are bounded by the months from 1970 to 2099.

use crate::calendar::{DAY, END, FIRST_YEAR, LAST_YEAR, date, first_day};
use crate::expression::{BadSchedule, Expression, Word, words};
use crate::field::Field;
use crate::mask::{Days, Years, numbers};
use crate::part::Part;
use crate::words::describe;

/// When something is to happen: seconds, minutes, hours, days, months, weekdays and years, by the rules of Quartz. All
/// seven must match.
///
/// ```
/// use poulpe_cron::{Schedule, Zone};
/// use poulpe_job::Timestamp;
/// let schedule = Schedule::parse("30 * * * * * *").unwrap();
/// assert_eq!(schedule.describe(), "at 30 seconds past every minute");
/// let next = schedule.next_after(Timestamp::from_millis(30_000), &Zone::utc());
/// assert_eq!(next, Some(Timestamp::from_millis(90_000)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    seconds: u64,
    minutes: u64,
    hours: u64,
    /// Bit 1 is January.
    months: u64,
    years: Years,
    days: Days,
    /// The first time of any matching day, in seconds.
    first_time: u32,
    is_interval: bool,
    restricts_day_and_weekday: bool,
    normal: Box<str>,
}

impl Schedule {
    /// Reads an expression of seven fields, or a name such as `@hourly`. An expression that matches no date of the
    /// calendar is refused: it never fires.
    pub fn parse(text: &str) -> Result<Self, BadSchedule> {
        let span = match (words(text, 0).next(), words(text, 0).last()) {
            (Some(first), Some(last)) => first.start..last.span().end,
            _ => 0..text.len(),
        };
        Self::new(&Expression::parse(text)?, span)
    }

    /// Reads seven words of a line.
    pub(crate) fn from_fields(words: &[Word; 7]) -> Result<Self, BadSchedule> {
        let [first, .., last] = words;
        Self::new(&Expression::fields(words)?, first.start..last.span().end)
    }

    /// Reads a name such as `@hourly`.
    pub(crate) fn from_name(word: Word) -> Result<Self, BadSchedule> {
        Self::new(&Expression::named(word)?, word.span())
    }

    fn new(expression: &Expression, span: std::ops::Range<usize>) -> Result<Self, BadSchedule> {
        let [second, minute, hour, day, month, weekday, year] = &expression.parts;
        let is_interval = [second, minute, hour]
            .into_iter()
            .flatten()
            .any(|part| !matches!(part, Part::One(_)));
        let restricts = |parts: &[Part]| !parts.contains(&Part::All);
        let mut schedule = Self {
            seconds: numbers(Field::Second, second),
            minutes: numbers(Field::Minute, minute),
            hours: numbers(Field::Hour, hour),
            months: numbers(Field::Month, month),
            years: Years::new(year),
            days: Days::new(day, weekday),
            first_time: 0,
            is_interval,
            restricts_day_and_weekday: restricts(day) && restricts(weekday),
            normal: expression.normal.as_str().into(),
        };
        schedule.first_time = schedule.time_from(0).unwrap_or(0);
        if schedule.next_on_wall(0).is_none() {
            let reason =
                "never fires: no date from 1970 to 2099 has this day, month, weekday and year";
            return Err(BadSchedule::new(span, reason));
        }
        Ok(schedule)
    }

    /// Whether the second, minute or hour has a `*`, a step or a range. Such a schedule follows elapsed time when clocks
    /// are moved; any other is fixed to the wall clock.
    pub fn is_interval(&self) -> bool {
        self.is_interval
    }

    /// Whether both day and weekday are restricted. Both must match, which is not what a classic crontab does.
    pub fn restricts_day_and_weekday(&self) -> bool {
        self.restricts_day_and_weekday
    }

    /// The seven fields in their one form: capitals, single blanks, `*` for `?`, no leading zeros, names replaced by the
    /// fields they stand for.
    pub fn fields(&self) -> &str {
        &self.normal
    }

    /// The schedule in English words.
    pub fn describe(&self) -> String {
        match Expression::parse(&self.normal) {
            Ok(expression) => describe(&expression.parts),
            Err(_) => self.normal.to_string(),
        }
    }

    /// The first match at or after a time on the wall clock, both in seconds since 1970-01-01T00:00:00 on it.
    pub(crate) fn next_on_wall(&self, start: i64) -> Option<i64> {
        let start = start.max(0);
        if start >= END {
            return None;
        }
        let today = u32::try_from(start / DAY).ok()?;
        let time = u32::try_from(start % DAY).ok()?;
        let from = date(today);
        let mut first_day_left = from.day - 1;
        let mut month = from.month;
        if self.years.contains(from.year) && self.months >> month & 1 == 1 {
            let days = self.days.of(from.year, month);
            if days >> first_day_left & 1 == 1
                && let Some(time) = self.time_from(time)
            {
                return Some(i64::from(today) * DAY + i64::from(time));
            }
        }
        first_day_left += 1;
        for year in from.year.max(FIRST_YEAR)..=LAST_YEAR {
            if self.years.contains(year) {
                let mut months = self.months & (u64::MAX << month);
                while months != 0 {
                    let next = months.trailing_zeros();
                    let skipped = if next == month { first_day_left } else { 0 };
                    // A shift by all of the bits would be none at all.
                    let left = u32::try_from(u64::from(u32::MAX) << skipped & u64::from(u32::MAX))
                        .unwrap_or(0);
                    let days = self.days.of(year, next) & left;
                    if days != 0 {
                        let day = first_day(year, next) + days.trailing_zeros();
                        return Some(i64::from(day) * DAY + i64::from(self.first_time));
                    }
                    months &= months - 1;
                }
            }
            month = 1;
            first_day_left = 0;
        }
        None
    }

    /// The first matching time of a day at or after one, in seconds.
    fn time_from(&self, time: u32) -> Option<u32> {
        let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
        let at = |hour: u32, minute: u32, second: u32| hour * 3_600 + minute * 60 + second;
        if self.hours >> hour & 1 == 1 {
            if self.minutes >> minute & 1 == 1 {
                let seconds = self.seconds >> second;
                if seconds != 0 {
                    return Some(at(hour, minute, second + seconds.trailing_zeros()));
                }
            }
            let minutes = self.minutes & (u64::MAX << (minute + 1));
            if minutes != 0 {
                return Some(at(
                    hour,
                    minutes.trailing_zeros(),
                    self.seconds.trailing_zeros(),
                ));
            }
        }
        let hours = self.hours & (u64::MAX << (hour + 1));
        if hours == 0 {
            return None;
        }
        Some(at(
            hours.trailing_zeros(),
            self.minutes.trailing_zeros(),
            self.seconds.trailing_zeros(),
        ))
    }
}

impl std::str::FromStr for Schedule {
    type Err = BadSchedule;

    fn from_str(text: &str) -> Result<Self, BadSchedule> {
        Self::parse(text)
    }
}

impl std::fmt::Display for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.normal)
    }
}
