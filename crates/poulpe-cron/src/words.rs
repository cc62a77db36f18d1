//! A schedule in English words. Made for people to see whether they wrote what they meant; nothing is decided by it.

use crate::field::{Field, MONTHS, WEEKDAYS};
use crate::part::Part;

/// The most times of a day that are told one by one.
const MAX_TIMES: usize = 6;

pub(crate) fn describe(parts: &[Vec<Part>; 7]) -> String {
    let [second, minute, hour, day, month, weekday, year] = parts;
    let mut text = time(second, minute, hour);
    for more in [days(day, weekday), months(month), years(year)]
        .into_iter()
        .flatten()
    {
        text += &more;
    }
    text
}

fn time(second: &[Part], minute: &[Part], hour: &[Part]) -> String {
    if let Some(times) = times(second, minute, hour) {
        return format!("at {times}");
    }
    let of_hours = match amount(hour) {
        Amount::Every => None,
        Amount::Step(by) => Some(format!("every {by} hours")),
        Amount::Some => Some(format!(
            "{} {}",
            noun("hour", hour),
            list(Field::Hour, hour)
        )),
    };
    // Seconds that go on all the time lie within minutes; single ones are counted from them.
    let is_within = !matches!(amount(second), Amount::Some);
    let of_minutes = match amount(minute) {
        Amount::Every if of_hours.is_none() => "every minute".into(),
        Amount::Every => "every minute of".into(),
        Amount::Step(by) => format!("every {by} minutes"),
        Amount::Some if is_within => {
            let numbers = list(Field::Minute, minute);
            format!("{} {numbers} past", noun("minute", minute))
        }
        Amount::Some if is_only(minute, 0) => String::new(),
        Amount::Some => format!("{} past", count("minute", minute)),
    };
    let of_hours = match (of_hours, amount(minute)) {
        (None, Amount::Some) => "every hour".into(),
        (None, _) => String::new(),
        (Some(hours), Amount::Step(_)) => format!("of {hours}"),
        (Some(hours), _) => hours,
    };
    let later = [of_minutes.as_str(), of_hours.as_str()];
    let later: Vec<&str> = later.into_iter().filter(|text| !text.is_empty()).collect();
    let later = later.join(" ");
    match amount(second) {
        Amount::Every if later == "every minute" => "every second".into(),
        Amount::Step(by) if later == "every minute" => format!("every {by} seconds"),
        Amount::Every => format!("every second of {}", later),
        Amount::Step(by) => format!("every {by} seconds of {}", later),
        Amount::Some if is_only(second, 0) && later.starts_with("every") => later,
        Amount::Some if is_only(second, 0) => format!("at {later}"),
        Amount::Some => format!("at {} past {later}", count("second", second)),
    }
}

/// The times of a day one by one, when they are few and fixed.
fn times(second: &[Part], minute: &[Part], hour: &[Part]) -> Option<String> {
    let [seconds, minutes, hours] = [second, minute, hour].map(|parts| {
        parts
            .iter()
            .map(|part| match part {
                Part::One(number) => Some(*number),
                _ => None,
            })
            .collect::<Option<Vec<u32>>>()
    });
    let (seconds, minutes, hours) = (seconds?, minutes?, hours?);
    if seconds.len() * minutes.len() * hours.len() > MAX_TIMES {
        return None;
    }
    let mut times = Vec::new();
    for hour in hours {
        for minute in &minutes {
            for second in &seconds {
                times.push(format!("{hour:02}:{minute:02}:{second:02}"));
            }
        }
    }
    times.sort();
    times.dedup();
    let shown: Vec<String> = match times.iter().all(|time| time.ends_with(":00")) {
        true => times.iter().map(|time| time[..5].into()).collect(),
        false => times,
    };
    Some(join(&shown))
}

fn days(day: &[Part], weekday: &[Part]) -> Option<String> {
    let day = (!day.contains(&Part::All)).then(|| {
        let items: Vec<String> = day.iter().map(|part| of_day(*part)).collect();
        join(&items)
    });
    let weekday = (!weekday.contains(&Part::All)).then(|| {
        let items: Vec<String> = weekday.iter().map(|part| of_weekday(*part)).collect();
        join(&items)
    });
    match (day, weekday) {
        (None, None) => None,
        (Some(days), None) => Some(format!(", on {days} of the month")),
        (None, Some(weekdays)) => Some(format!(", on {weekdays}")),
        (Some(days), Some(weekdays)) => {
            Some(format!(", on {days} of the month if it is also {weekdays}"))
        }
    }
}

fn of_day(part: Part) -> String {
    match part {
        Part::LastDay(0) => "the last day".into(),
        Part::LastDay(before) => format!("the day {before} before the last"),
        Part::LastWorkday(0) => "the last workday".into(),
        Part::LastWorkday(before) => {
            format!("the workday nearest to the day {before} before the last")
        }
        Part::Workday(day) => format!("the workday nearest to day {day}"),
        plain => format!("day {}", item(Field::Day, plain)),
    }
}

fn of_weekday(part: Part) -> String {
    const NTH: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];
    match part {
        Part::LastOf(day) => format!("the last {} of the month", value(Field::Weekday, day)),
        Part::Nth(day, nth) => {
            let nth = NTH.get(nth as usize - 1).copied().unwrap_or_default();
            format!("the {nth} {} of the month", value(Field::Weekday, day))
        }
        plain => item(Field::Weekday, plain),
    }
}

fn months(month: &[Part]) -> Option<String> {
    let is_every = month.contains(&Part::All);
    (!is_every).then(|| format!(", in {}", list(Field::Month, month)))
}

fn years(year: &[Part]) -> Option<String> {
    let is_every = year.contains(&Part::All);
    (!is_every).then(|| format!(", in {}", list(Field::Year, year)))
}

/// How much of a field its list is.
enum Amount {
    Every,
    Step(u32),
    Some,
}

fn amount(parts: &[Part]) -> Amount {
    match parts {
        parts if parts.contains(&Part::All) => Amount::Every,
        [
            Part::Step {
                from: 0,
                to: 59 | 23,
                by,
            },
        ] if *by > 1 => Amount::Step(*by),
        _ => Amount::Some,
    }
}

fn is_only(parts: &[Part], number: u32) -> bool {
    parts == [Part::One(number)]
}

/// "1 minute", "5 and 10 minutes".
fn count(unit: &str, parts: &[Part]) -> String {
    let numbers: Vec<String> = parts
        .iter()
        .map(|part| item(Field::Minute, *part))
        .collect();
    format!("{} {}", join(&numbers), noun_of(unit, is_only(parts, 1)))
}

fn noun(unit: &str, parts: &[Part]) -> String {
    noun_of(unit, matches!(parts, [Part::One(_)]))
}

fn noun_of(unit: &str, is_one: bool) -> String {
    if is_one {
        unit.into()
    } else {
        format!("{unit}s")
    }
}

fn list(field: Field, parts: &[Part]) -> String {
    let items: Vec<String> = parts.iter().map(|part| item(field, *part)).collect();
    join(&items)
}

fn item(field: Field, part: Part) -> String {
    let shown = |number| value(field, number);
    match part {
        Part::One(number) => shown(number),
        Part::Range(from, to) => format!("{} to {}", shown(from), shown(to)),
        Part::Step { from, to, by } => {
            let (_, high) = field.bounds();
            let end = if to == high {
                String::new()
            } else {
                format!(" to {}", shown(to))
            };
            format!("every {by} from {}{end}", shown(from))
        }
        _ => "every".into(),
    }
}

fn value(field: Field, number: u32) -> String {
    let names: &[&str] = match field {
        Field::Month => &MONTHS,
        Field::Weekday => &WEEKDAYS,
        _ => &[],
    };
    let name = (number as usize)
        .checked_sub(1)
        .and_then(|place| names.get(place));
    name.map_or_else(|| number.to_string(), |name| (*name).to_string())
}

/// "a", "a and b", "a, b and c".
fn join(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use crate::Schedule;

    #[test]
    fn schedules_are_told_in_words() {
        for (fields, words) in [
            ("* * * * * * *", "every second"),
            ("30 * * * * * *", "at 30 seconds past every minute"),
            ("1 * * * * * *", "at 1 second past every minute"),
            ("*/5 * * * * * *", "every 5 seconds"),
            ("0 * * * * * *", "every minute"),
            ("0 */15 * * * * *", "every 15 minutes"),
            ("0 0 * * * * *", "every hour"),
            ("0 5,35 * * * * *", "at 5 and 35 minutes past every hour"),
            (
                "30 5 * * * * *",
                "at 30 seconds past 5 minutes past every hour",
            ),
            ("0 0 */2 * * * *", "every 2 hours"),
            ("0 30 2 * * * *", "at 02:30"),
            ("15 30 2,14 * * * *", "at 02:30:15 and 14:30:15"),
            (
                "0 0 9-17 * * MON-FRI *",
                "at hours 9 to 17, on Monday to Friday",
            ),
            ("0 */10 9-17 * * * *", "every 10 minutes of hours 9 to 17"),
            ("0 * 9 * * * *", "every minute of hour 9"),
            ("* 5 * * * * *", "every second of minute 5 past every hour"),
            ("* 0 9 * * * *", "every second of minute 0 past hour 9"),
            (
                "*/5 1,2 * * * * *",
                "every 5 seconds of minutes 1 and 2 past every hour",
            ),
            ("* * 9 * * * *", "every second of every minute of hour 9"),
            (
                "30 * 9 * * * *",
                "at 30 seconds past every minute of hour 9",
            ),
            ("0 0 0 L * ? *", "at 00:00, on the last day of the month"),
            (
                "0 0 12 15W 1,7 ? 2027-2030",
                "at 12:00, on the workday nearest to day 15 of the month, in January and July, in 2027 to 2030",
            ),
            (
                "0 0 12 ? * 6#3 *",
                "at 12:00, on the third Friday of the month",
            ),
            (
                "0 0 12 13 * FRI *",
                "at 12:00, on day 13 of the month if it is also Friday",
            ),
            (
                "0 0 12 ? * 6L 2028/4",
                "at 12:00, on the last Friday of the month, in every 4 from 2028",
            ),
            ("@weekly", "at 00:00, on Sunday"),
        ] {
            assert_eq!(
                Schedule::parse(fields).unwrap().describe(),
                words,
                "{fields}"
            );
        }
    }
}
