//! The seven fields of an expression: their order, bounds and names. Reads no expression; the parser and the words for
//! people call it.

use crate::calendar::{FIRST_YEAR, LAST_YEAR};

/// One of the seven fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Second,
    Minute,
    Hour,
    Day,
    Month,
    Weekday,
    Year,
}

/// The names of months, from January.
pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The names of weekdays, from Sunday.
pub(crate) const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

impl Field {
    /// All of them, in the order they are written.
    pub(crate) const ALL: [Field; 7] = [
        Field::Second,
        Field::Minute,
        Field::Hour,
        Field::Day,
        Field::Month,
        Field::Weekday,
        Field::Year,
    ];

    /// The lowest and the highest number.
    pub(crate) fn bounds(self) -> (u32, u32) {
        match self {
            Field::Second | Field::Minute => (0, 59),
            Field::Hour => (0, 23),
            Field::Day => (1, 31),
            Field::Month => (1, 12),
            Field::Weekday => (1, 7),
            Field::Year => (FIRST_YEAR, LAST_YEAR),
        }
    }

    /// The longest step: a longer one never leaves its start.
    pub(crate) fn longest_step(self) -> u32 {
        let (low, high) = self.bounds();
        high - low
    }

    /// What the field is called.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Field::Second => "second",
            Field::Minute => "minute",
            Field::Hour => "hour",
            Field::Day => "day",
            Field::Month => "month",
            Field::Weekday => "weekday",
            Field::Year => "year",
        }
    }

    /// Its values, as an error explains them.
    pub(crate) fn values(self) -> &'static str {
        match self {
            Field::Second => "seconds are 0 to 59",
            Field::Minute => "minutes are 0 to 59",
            Field::Hour => "hours are 0 to 23",
            Field::Day => "days are 1 to 31, L, LW, L-3 or 15W",
            Field::Month => "months are 1 to 12 or JAN to DEC",
            Field::Weekday => "weekdays are 1 (Sunday) to 7 (Saturday) or SUN to SAT, L, 6L or 6#3",
            Field::Year => "years are 1970 to 2099",
        }
    }

    /// Whether `?`, `L` and their like belong here.
    pub(crate) fn is_of_days(self) -> bool {
        matches!(self, Field::Day | Field::Weekday)
    }

    /// Whether a word of three letters, in capitals, is one of its names.
    pub(crate) fn has_name(self, word: &str) -> bool {
        let names: &[&str] = match self {
            Field::Month => &MONTHS,
            Field::Weekday => &WEEKDAYS,
            _ => &[],
        };
        names.iter().any(|name| {
            name.get(..3)
                .is_some_and(|short| short.eq_ignore_ascii_case(word))
        })
    }
}
