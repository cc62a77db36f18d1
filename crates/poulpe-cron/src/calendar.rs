//! The civil calendar in numbers: days since 1970-01-01, months, weekdays. Knows no zone and no schedule; the search for
//! fire times and the printing of local times call it.

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// The first year a schedule can name.
pub(crate) const FIRST_YEAR: u32 = 1970;

/// The last year a schedule can name; Quartz ends here too.
pub(crate) const LAST_YEAR: u32 = 2099;

/// Where the calendar of schedules ends, in seconds of wall clock since 1970-01-01T00:00:00.
pub(crate) const END: i64 = 4_102_444_800;

/// A date: year, month from 1, day from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: u32,
    pub(crate) month: u32,
    pub(crate) day: u32,
}

/// 1970-01-01 counted from 1968-03-01. Years begin in March here, so that the leap day is the last of its year.
const EPOCH: u32 = 671;

/// The date of a day, counted from 1970-01-01. From 1970 to 2099 every fourth year is a leap year, 2000 too: that saves
/// the divisions by centuries.
pub(crate) fn date(days: u32) -> Date {
    let days = days + EPOCH;
    let march_year = (4 * days + 3) / 1_461;
    let day_of_year = days - 1_461 * march_year / 4;
    let month_from_march = (5 * day_of_year + 2) / 153;
    let is_next_year = month_from_march >= 10;
    Date {
        year: 1968 + march_year + u32::from(is_next_year),
        month: if is_next_year {
            month_from_march - 9
        } else {
            month_from_march + 3
        },
        day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
    }
}

/// The number of the day on which a month begins.
pub(crate) fn first_day(year: u32, month: u32) -> u32 {
    let is_before_march = month <= 2;
    let march_year = year - 1968 - u32::from(is_before_march);
    let month_from_march = if is_before_march {
        month + 9
    } else {
        month - 3
    };
    1_461 * march_year / 4 + (153 * month_from_march + 2) / 5 - EPOCH
}

/// How many days a month has.
pub(crate) fn length(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4);
    match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The weekday of a day: 0 is Sunday, 6 Saturday.
pub(crate) fn weekday(days: u32) -> u32 {
    // 1970-01-01 was a Thursday.
    (days + 4) % 7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_the_calendar_has_the_date_that_jiff_gives_it() {
        let mut day = jiff::civil::date(1970, 1, 1);
        for days in 0..u32::try_from(END / DAY).unwrap() {
            let ours = date(days);
            let theirs = (day.year() as u32, day.month() as u32, day.day() as u32);
            assert_eq!((ours.year, ours.month, ours.day), theirs);
            assert_eq!(first_day(ours.year, ours.month) + ours.day - 1, days);
            assert_eq!(length(ours.year, ours.month), day.days_in_month() as u32);
            assert_eq!(weekday(days), day.weekday().to_sunday_zero_offset() as u32);
            day = day.tomorrow().unwrap();
        }
        assert_eq!(day, jiff::civil::date(2100, 1, 1));
    }
}
