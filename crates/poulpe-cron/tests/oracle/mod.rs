//! The rules of the fields once more, slowly: every item is looked at for every second, the calendar is jiff's. Shares
//! nothing with the code it checks.
#![expect(dead_code, reason = "each test that includes this uses a part of it")]

use jiff::civil::{Date, DateTime};

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const BOUNDS: [(i64, i64); 7] = [
    (0, 59),
    (0, 59),
    (0, 23),
    (1, 31),
    (1, 12),
    (1, 7),
    (1970, 2099),
];

/// An expression as its seven texts, with the hours, minutes and seconds looked up.
pub(crate) struct Slow {
    fields: Vec<String>,
    seconds: Vec<bool>,
    minutes: Vec<bool>,
    hours: Vec<bool>,
}

impl Slow {
    pub(crate) fn new(expression: &str) -> Self {
        let fields: Vec<String> = expression
            .split_whitespace()
            .map(str::to_uppercase)
            .collect();
        assert_eq!(fields.len(), 7);
        let table = |field: usize| {
            (0..60)
                .map(|value| plain(field, &fields[field], value))
                .collect()
        };
        Self {
            seconds: table(0),
            minutes: table(1),
            hours: table(2),
            fields,
        }
    }

    /// By the design: a `*`, a `/` or a range in the second, minute or hour.
    pub(crate) fn is_interval(&self) -> bool {
        self.fields[..3]
            .iter()
            .any(|field| field.contains(['*', '/', '-']))
    }

    pub(crate) fn matches_date(&self, date: Date) -> bool {
        plain(6, &self.fields[6], i64::from(date.year()))
            && plain(4, &self.fields[4], i64::from(date.month()))
            && self.fields[3].split(',').any(|item| day(item, date))
            && self.fields[5].split(',').any(|item| weekday(item, date))
    }

    pub(crate) fn matches_time(&self, second_of_day: i64) -> bool {
        let at = |table: &[bool], value: i64| table[usize::try_from(value).unwrap()];
        at(&self.seconds, second_of_day % 60)
            && at(&self.minutes, second_of_day / 60 % 60)
            && at(&self.hours, second_of_day / 3_600)
    }

    pub(crate) fn matches(&self, at: DateTime) -> bool {
        let time =
            i64::from(at.hour()) * 3_600 + i64::from(at.minute()) * 60 + i64::from(at.second());
        self.matches_time(time) && self.matches_date(at.date())
    }
}

fn value_of(text: &str) -> i64 {
    let by_name = |names: &[&str]| {
        names
            .iter()
            .position(|name| *name == text)
            .map(|place| place as i64 + 1)
    };
    let number = text.parse().ok();
    number
        .or_else(|| by_name(&MONTHS))
        .or_else(|| by_name(&WEEKDAYS))
        .unwrap_or_else(|| panic!("{text:?} is no value"))
}

fn plain(field: usize, list: &str, value: i64) -> bool {
    list.split(',').any(|item| plain_item(field, item, value))
}

fn plain_item(field: usize, item: &str, value: i64) -> bool {
    let (low, high) = BOUNDS[field];
    if value < low || value > high {
        return false;
    }
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(step.parse::<i64>().unwrap())),
        None => (item, None),
    };
    let (from, to) = match range.split_once('-') {
        _ if range == "*" || range == "?" => (low, high),
        Some((from, to)) => (value_of(from), value_of(to)),
        None if step.is_some() => (value_of(range), high),
        None => (value_of(range), value_of(range)),
    };
    // Walk from the start to the end, one by one, round the corner if need be.
    let (mut at, mut walked) = (from, 0);
    loop {
        if at == value && walked % step.unwrap_or(1) == 0 {
            return true;
        }
        if at == to {
            return false;
        }
        at = if at == high { low } else { at + 1 };
        walked += 1;
    }
}

fn day(item: &str, date: Date) -> bool {
    let last = date.last_of_month().day();
    let this = date.day();
    let nearest = |day: i8| nearest_workday(date, day) == Some(this);
    match item {
        "L" => this == last,
        "LW" => nearest(last),
        _ if item.starts_with("L-") => {
            let before = item[2..].trim_end_matches('W').parse::<i8>().unwrap();
            let day = last - before;
            if item.ends_with('W') {
                day >= 1 && nearest(day)
            } else {
                this == day
            }
        }
        _ if item.ends_with('W') => nearest(item.trim_end_matches('W').parse().unwrap()),
        _ => plain_item(3, item, i64::from(this)),
    }
}

/// The nearest day from Monday to Friday of the same month: try the day, then one off, then two.
fn nearest_workday(month: Date, day: i8) -> Option<i8> {
    let is_workday = |day: i8| {
        let date = Date::new(month.year(), month.month(), day).ok();
        date.is_some_and(|date| (1..=5).contains(&date.weekday().to_sunday_zero_offset()))
    };
    Date::new(month.year(), month.month(), day).ok()?;
    [day, day - 1, day + 1, day - 2, day + 2]
        .into_iter()
        .find(|day| is_workday(*day))
}

fn weekday(item: &str, date: Date) -> bool {
    let this = i64::from(date.weekday().to_sunday_zero_offset()) + 1;
    let last = date.last_of_month().day();
    if item == "L" {
        return this == 7;
    }
    if let Some((day, nth)) = item.split_once('#') {
        return this == value_of(day)
            && i64::from((date.day() - 1) / 7) + 1 == nth.parse::<i64>().unwrap();
    }
    if let Some(day) = item.strip_suffix('L') {
        return this == value_of(day) && date.day() + 7 > last;
    }
    plain_item(5, item, this)
}

/// Random numbers, the same in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// 0 to `end` - 1.
    pub(crate) fn below(&mut self, end: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        i64::try_from(self.0 >> 33).unwrap() % end
    }

    pub(crate) fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[usize::try_from(self.below(choices.len() as i64)).unwrap()]
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(high - low + 1)
    }

    /// A list for a plain field.
    pub(crate) fn plain(&mut self, field: usize) -> String {
        let (low, high) = BOUNDS[field];
        if self.below(4) == 0 {
            return "*".into();
        }
        let count = 1 + self.below(3).min(self.below(3));
        let items: Vec<String> = (0..count).map(|_| self.item(field, low, high)).collect();
        items.join(",")
    }

    fn item(&mut self, field: usize, low: i64, high: i64) -> String {
        let (a, b) = (self.between(low, high), self.between(low, high));
        let step = 1 + self.below(high - low);
        // Years don't go round.
        let (a, b) = if field == 6 {
            (a.min(b), a.max(b))
        } else {
            (a, b)
        };
        match self.below(6) {
            0 => format!("*/{step}"),
            1 => format!("{a}-{b}"),
            2 => format!("{a}-{b}/{step}"),
            3 => format!("{a}/{step}"),
            _ => a.to_string(),
        }
    }

    /// A day field.
    pub(crate) fn day(&mut self) -> String {
        match self.below(9) {
            0 => "L".into(),
            1 => "LW".into(),
            2 => format!("L-{}", 1 + self.below(30)),
            3 => format!("{}W", 1 + self.below(31)),
            4 => format!("L-{}W", 1 + self.below(28)),
            5 => "*".into(),
            6 => format!("{}W,L,{}", 1 + self.below(31), 1 + self.below(31)),
            _ => self.plain(3),
        }
    }

    /// A weekday field.
    pub(crate) fn weekday(&mut self) -> String {
        let day = 1 + self.below(7);
        match self.below(8) {
            0 => format!("{day}L"),
            1 => format!("{day}#{}", 1 + self.below(5)),
            2 => "?".into(),
            3 => self
                .pick(&["FRI-MON", "mon-fri", "Sat,sun", "L", "2#1,2#3", "friL"])
                .into(),
            4 | 5 => "*".into(),
            _ => self.plain(5),
        }
    }

    /// A year field that leaves something near the present.
    pub(crate) fn year(&mut self) -> String {
        self.pick(&[
            "*",
            "*",
            "*",
            "2027-2031",
            "2026/4",
            "2024,2028",
            "*/3",
            "2000-2099/7",
        ])
        .into()
    }
}
