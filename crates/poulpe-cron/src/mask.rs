//! What the parts of a field match, as bits: the quick form that fire times are searched in. Built once a schedule;
//! never allocates afterwards.

use crate::calendar::{FIRST_YEAR, first_day, length, weekday};
use crate::field::Field;
use crate::part::Part;

/// The numbers of a plain field; bit 0 is number 0.
pub(crate) fn numbers(field: Field, parts: &[Part]) -> u64 {
    let mut mask = 0;
    for part in parts {
        part.each(field, |number| mask |= 1 << number);
    }
    mask
}

/// The years of a schedule; bit 0 of the first word is [`FIRST_YEAR`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Years([u64; 3]);

impl Years {
    pub(crate) fn new(parts: &[Part]) -> Self {
        let mut years = Self::default();
        for part in parts {
            part.each(Field::Year, |year| {
                let place = year - FIRST_YEAR;
                if let Some(word) = years.0.get_mut((place / 64) as usize) {
                    *word |= 1 << (place % 64);
                }
            });
        }
        years
    }

    pub(crate) fn contains(&self, year: u32) -> bool {
        let place = year - FIRST_YEAR;
        let word = self.0.get((place / 64) as usize).copied().unwrap_or(0);
        word >> (place % 64) & 1 == 1
    }
}

/// The days that fields day and weekday leave of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Days {
    /// Bit 0 is day 1.
    plain: u32,
    /// Bit n is the day n before the last.
    last: u32,
    /// Bit n is the workday nearest to the day n before the last.
    last_workday: u32,
    /// Bit 0 is the workday nearest to day 1.
    workday: u32,
    /// Bit 0 is Sunday.
    weekdays: u32,
    /// The last such weekday of the month.
    last_weekdays: u32,
    /// The first to fifth such weekday of the month.
    nth_weekdays: [u32; 5],
    /// Nothing above restricts anything, which is most schedules.
    is_every_day: bool,
}

impl Days {
    pub(crate) fn new(days: &[Part], weekdays: &[Part]) -> Self {
        let mut rule = Self::default();
        for part in days {
            match *part {
                Part::LastDay(before) => rule.last |= 1 << before,
                Part::LastWorkday(before) => rule.last_workday |= 1 << before,
                Part::Workday(day) => rule.workday |= 1 << (day - 1),
                plain => plain.each(Field::Day, |day| rule.plain |= 1 << (day - 1)),
            }
        }
        for part in weekdays {
            match *part {
                Part::LastOf(day) => rule.last_weekdays |= 1 << (day - 1),
                Part::Nth(day, nth) => {
                    if let Some(mask) = rule.nth_weekdays.get_mut(nth as usize - 1) {
                        *mask |= 1 << (day - 1);
                    }
                }
                plain => plain.each(Field::Weekday, |day| rule.weekdays |= 1 << (day - 1)),
            }
        }
        rule.is_every_day = rule.plain == u32::MAX >> 1 && rule.weekdays == 0x7f;
        rule
    }

    /// The matching days of a month; bit 0 is day 1.
    pub(crate) fn of(&self, year: u32, month: u32) -> u32 {
        let length = length(year, month);
        let whole = u32::MAX >> (32 - length);
        if self.is_every_day {
            return whole;
        }
        let first = weekday(first_day(year, month));
        whole & self.by_number(length, first) & self.by_weekday(length, first)
    }

    fn by_number(&self, length: u32, first: u32) -> u32 {
        let mut days = self.plain;
        each_bit(self.last, |before| {
            if before < length {
                days |= 1 << (length - 1 - before);
            }
        });
        each_bit(self.workday, |place| {
            if place < length {
                days |= 1 << nearest_workday(place, length, first);
            }
        });
        each_bit(self.last_workday, |before| {
            if before < length {
                days |= 1 << nearest_workday(length - 1 - before, length, first);
            }
        });
        days
    }

    fn by_weekday(&self, length: u32, first: u32) -> u32 {
        let mut days = spread(self.weekdays, first);
        if self.last_weekdays != 0 {
            days |= spread(self.last_weekdays, first) & (0x7f << (length - 7));
        }
        for (week, mask) in self.nth_weekdays.iter().enumerate() {
            days |= spread(*mask, first) & (0x7f << (7 * week));
        }
        days
    }
}

/// The days of a month that begins with weekday `first` which have one of these weekdays.
fn spread(weekdays: u32, first: u32) -> u32 {
    let turned = (weekdays >> first | weekdays << (7 - first)) & 0x7f;
    turned | turned << 7 | turned << 14 | turned << 21 | turned << 28
}

/// The day from Monday to Friday nearest to a day counted from 0, in the same month.
fn nearest_workday(place: u32, length: u32, first: u32) -> u32 {
    match (first + place) % 7 {
        6 if place == 0 => 2,
        6 => place - 1,
        0 if place + 1 == length => place - 2,
        0 => place + 1,
        _ => place,
    }
}

fn each_bit(mut mask: u32, mut each: impl FnMut(u32)) {
    while mask != 0 {
        each(mask.trailing_zeros());
        mask &= mask - 1;
    }
}
