//! One item of a field's list, such as `5`, `22-2`, `*/15` or `L-3`. saffron reads the items of the five middle fields;
//! seconds and years, which it doesn't know, are read here. Evaluates nothing.

use crate::field::Field;
use saffron::parse::{CronExpr, DayOfMonthExpr, DayOfWeekExpr, Expr, Exprs, Last, OrsExpr, Step};

/// What an item means. Numbers are as written: days, months and weekdays count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// `*`, or `?` where it is allowed.
    All,
    One(u32),
    /// From the first to the second, round the end if the second is lower.
    Range(u32, u32),
    Step {
        from: u32,
        to: u32,
        by: u32,
    },
    /// So many days before the month's last.
    LastDay(u32),
    /// The workday nearest to the day so many before the month's last.
    LastWorkday(u32),
    /// The workday nearest to a day.
    Workday(u32),
    /// The last such weekday of the month.
    LastOf(u32),
    /// A weekday, and which one of the month.
    Nth(u32, u32),
}

/// Reads an item in capitals; `None` when it can't be read. `?` has been replaced by `*` where that is allowed.
pub(crate) fn read(field: Field, item: &str) -> Option<Part> {
    match field {
        Field::Second | Field::Year => read_numbers(field, item),
        _ => read_by_saffron(field, item),
    }
}

/// One item at a time: saffron refuses an expression without saying where, and takes `5,*` for 5 and the lowest value.
fn read_by_saffron(field: Field, item: &str) -> Option<Part> {
    let place = Field::ALL.iter().position(|of| *of == field)? - 1;
    let mut expression = ["*"; 5];
    *expression.get_mut(place)? = item;
    // A blank would be another field.
    let is_one_word = !item.is_empty() && !item.contains([' ', '\t', ',']);
    if !is_one_word {
        return None;
    }
    let read: CronExpr = expression.join(" ").parse().ok()?;
    match field {
        Field::Minute => plain(read.minutes, 0),
        Field::Hour => plain(read.hours, 0),
        Field::Month => plain(read.months, 1),
        Field::Day => day(read.doms),
        Field::Weekday => weekday(read.dows),
        Field::Second | Field::Year => None,
    }
}

/// saffron counts days, months and weekdays from 0: `base` is what is missing.
fn plain<E>(expr: Expr<E>, base: u32) -> Option<Part>
where
    u8: From<E>,
{
    match expr {
        Expr::All => Some(Part::All),
        Expr::Many(items) => only(items, base),
        _ => None,
    }
}

fn only<E>(items: Exprs<E>, base: u32) -> Option<Part>
where
    u8: From<E>,
{
    let number = |value: E| u32::from(u8::from(value)) + base;
    match items.first {
        OrsExpr::One(value) => Some(Part::One(number(value))),
        OrsExpr::Range(from, to) => Some(Part::Range(number(from), number(to))),
        OrsExpr::Step { start, end, step } => Some(Part::Step {
            from: number(start),
            to: number(end),
            by: u32::from(<u8 as From<Step<E>>>::from(step)),
        }),
        _ => None,
    }
}

fn day(expr: DayOfMonthExpr) -> Option<Part> {
    match expr {
        DayOfMonthExpr::All => Some(Part::All),
        DayOfMonthExpr::Last(Last::Day) => Some(Part::LastDay(0)),
        DayOfMonthExpr::Last(Last::Offset(before)) => {
            Some(Part::LastDay(u32::from(u8::from(before))))
        }
        DayOfMonthExpr::Last(Last::Weekday) => Some(Part::LastWorkday(0)),
        DayOfMonthExpr::Last(Last::OffsetWeekday(before)) => {
            Some(Part::LastWorkday(u32::from(u8::from(before))))
        }
        DayOfMonthExpr::ClosestWeekday(day) => Some(Part::Workday(u32::from(u8::from(day)) + 1)),
        DayOfMonthExpr::Many(items) => only(items, 1),
        _ => None,
    }
}

fn weekday(expr: DayOfWeekExpr) -> Option<Part> {
    match expr {
        DayOfWeekExpr::All => Some(Part::All),
        DayOfWeekExpr::Last(day) => Some(Part::LastOf(u32::from(u8::from(day)) + 1)),
        DayOfWeekExpr::Nth(day, nth) => Some(Part::Nth(
            u32::from(u8::from(day)) + 1,
            u32::from(u8::from(nth)),
        )),
        DayOfWeekExpr::Many(items) => only(items, 1),
        _ => None,
    }
}

/// `*`, `5`, `5-9`, each with or without `/3`.
fn read_numbers(field: Field, item: &str) -> Option<Part> {
    let (low, high) = field.bounds();
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => {
            let step = number(step).filter(|step| (1..=field.longest_step()).contains(step))?;
            (range, Some(step))
        }
        None => (item, None),
    };
    let value = |text| number(text).filter(|value| (low..=high).contains(value));
    let part = match (range, range.split_once('-')) {
        ("*", _) => Part::All,
        (_, None) => Part::One(value(range)?),
        (_, Some((from, to))) => Part::Range(value(from)?, value(to)?),
    };
    // There is no year after the last to go on with.
    if let (Field::Year, Part::Range(from, to)) = (field, part)
        && from > to
    {
        return None;
    }
    let Some(by) = step else {
        return Some(part);
    };
    let (from, to) = match part {
        Part::One(from) => (from, high),
        Part::Range(from, to) => (from, to),
        _ => (low, high),
    };
    Some(Part::Step { from, to, by })
}

fn number(text: &str) -> Option<u32> {
    let has_digits_only = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| has_digits_only)
}

impl Part {
    /// Calls `each` with every number that a plain part stands for.
    pub(crate) fn each(self, field: Field, mut each: impl FnMut(u32)) {
        let (low, high) = field.bounds();
        let (from, to, by) = match self {
            Part::All => (low, high, 1),
            Part::One(value) => (value, value, 1),
            Part::Range(from, to) => (from, to, 1),
            Part::Step { from, to, by } => (from, to, by),
            _ => return,
        };
        let size = high - low + 1;
        // A range whose end is below its start goes round: 22-2 is 22, 23, 0, 1, 2.
        let length = if to >= from {
            to - from
        } else {
            to + size - from
        };
        let mut gone = 0;
        while gone <= length {
            each(low + (from - low + gone) % size);
            gone += by;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(field: Field, item: &str) -> Vec<u32> {
        let mut numbers = Vec::new();
        let part = read(field, item).unwrap_or_else(|| panic!("{item} is refused"));
        part.each(field, |number| numbers.push(number));
        numbers
    }

    #[test]
    fn ranges_go_round_the_end() {
        for (field, item, expected) in [
            (Field::Hour, "22-2", vec![22, 23, 0, 1, 2]),
            (Field::Hour, "22-2/2", vec![22, 0, 2]),
            (Field::Weekday, "FRI-MON", vec![6, 7, 1, 2]),
            (Field::Day, "30-2", vec![30, 31, 1, 2]),
            (Field::Month, "NOV-FEB/3", vec![11, 2]),
            (Field::Second, "58-1", vec![58, 59, 0, 1]),
            (Field::Minute, "50/20", vec![50]),
            (Field::Hour, "5-5", vec![5]),
        ] {
            assert_eq!(numbers(field, item), expected, "{item}");
        }
    }

    #[test]
    fn years_step_to_the_last_and_do_not_wrap() {
        assert_eq!(numbers(Field::Year, "2028/40"), [2028, 2068]);
        assert_eq!(numbers(Field::Year, "2099/4"), [2099]);
        assert_eq!(numbers(Field::Year, "*/100"), [1970, 2070]);
        assert_eq!(numbers(Field::Year, "2027-2031/2"), [2027, 2029, 2031]);
        for bad in ["2030-2020", "1969", "2100", "2028/0", "2028/130", "27"] {
            assert_eq!(read(Field::Year, bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_no_item_is_refused_in_every_field() {
        for field in Field::ALL {
            for bad in [
                "",
                "-",
                "/",
                "*-5",
                "5-",
                "-5",
                "*/",
                "*/0",
                "1/",
                "1-2-3",
                "1/2/3",
                "+1",
                "1.5",
                "**",
                "* *",
                "1,2",
                "#",
                "W",
                "99999999999999999999",
                "１",
                "*/99999",
                "é",
                "\0",
            ] {
                assert_eq!(read(field, bad), None, "{field:?} {bad:?}");
            }
        }
    }

    #[test]
    fn days_and_weekdays_keep_their_numbers() {
        assert_eq!(read(Field::Day, "L"), Some(Part::LastDay(0)));
        assert_eq!(read(Field::Day, "L-3"), Some(Part::LastDay(3)));
        assert_eq!(read(Field::Day, "LW"), Some(Part::LastWorkday(0)));
        assert_eq!(read(Field::Day, "L-3W"), Some(Part::LastWorkday(3)));
        assert_eq!(read(Field::Day, "15W"), Some(Part::Workday(15)));
        assert_eq!(read(Field::Weekday, "L"), Some(Part::One(7)));
        assert_eq!(read(Field::Weekday, "6L"), Some(Part::LastOf(6)));
        assert_eq!(read(Field::Weekday, "FRI#3"), Some(Part::Nth(6, 3)));
        assert_eq!(read(Field::Month, "DEC"), Some(Part::One(12)));
        assert_eq!(read(Field::Month, "1"), Some(Part::One(1)));
    }
}
