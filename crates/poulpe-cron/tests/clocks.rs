//! Fire times around every kind of change of clocks, second by second: what the rules of gaps and folds say, worked out
//! slowly, is what `next_after` finds.

mod oracle;

use jiff::tz::TimeZone;
use oracle::{Dice, Slow};
use poulpe_cron::{Schedule, Zone};
use poulpe_job::Timestamp;

/// The wall clock of a stretch of time.
struct Wall {
    zone: Zone,
    start: i64,
    /// What the clock shows at each second, in seconds since 1970-01-01T00:00:00 on it.
    shows: Vec<i64>,
    /// Whether each second's showing is a repeat.
    is_repeat: Vec<bool>,
}

fn wall_seconds(zone: &TimeZone, at: i64) -> i64 {
    let at = jiff::Timestamp::from_second(at).unwrap();
    let shown = zone.to_datetime(at);
    TimeZone::UTC.to_timestamp(shown).unwrap().as_second()
}

impl Wall {
    fn around(name: &str, middle: i64, reach: i64) -> Self {
        let rules = TimeZone::get(name).unwrap();
        let start = middle - reach;
        let shows: Vec<i64> = (start..middle + reach)
            .map(|at| wall_seconds(&rules, at))
            .collect();
        let lowest = *shows.iter().min().unwrap();
        let highest = *shows.iter().max().unwrap();
        let mut seen = vec![false; usize::try_from(highest - lowest + 1).unwrap()];
        let is_repeat = shows
            .iter()
            .map(|shown| {
                std::mem::replace(&mut seen[usize::try_from(shown - lowest).unwrap()], true)
            })
            .collect();
        Self {
            zone: Zone::named(name).unwrap(),
            start,
            shows,
            is_repeat,
        }
    }

    /// All fire times but for the first second's, by the rules.
    fn fires(&self, slow: &Slow) -> Vec<i64> {
        let mut date = (i64::MIN, false);
        let mut matches = |shown: i64| {
            if !slow.matches_time(shown.rem_euclid(86_400)) {
                return false;
            }
            let day = shown.div_euclid(86_400);
            if date.0 != day {
                let at = jiff::Timestamp::from_second(day * 86_400).unwrap();
                date = (day, slow.matches_date(TimeZone::UTC.to_datetime(at).date()));
            }
            date.1
        };
        let mut fires = Vec::new();
        for place in 1..self.shows.len() {
            let (before, shown) = (self.shows[place - 1], self.shows[place]);
            let is_due = match slow.is_interval() {
                true => matches(shown),
                // Whatever the clock has jumped over falls together with what it shows now.
                false => !self.is_repeat[place] && (before + 1..=shown).any(&mut matches),
            };
            if is_due {
                fires.push(self.start + place as i64);
            }
        }
        fires
    }

    fn check(&self, expression: &str, dice: &mut Dice) -> usize {
        let slow = Slow::new(expression);
        let Ok(schedule) = Schedule::parse(expression) else {
            return 0;
        };
        assert_eq!(schedule.is_interval(), slow.is_interval(), "{expression}");
        let expected = self.fires(&slow);
        let end = self.start + self.shows.len() as i64;
        let at = |second: i64| Timestamp::from_millis(second * 1_000);
        let found: Vec<i64> = schedule
            .after(at(self.start), &self.zone)
            .map(|fire| fire.as_millis() / 1_000)
            .take_while(|fire| *fire < end)
            .collect();
        assert_eq!(found, expected, "{expression} in {}", self.zone.name());
        // From anywhere in between too, down to the millisecond.
        let middle = self.start + self.shows.len() as i64 / 2;
        let points = (-2..3)
            .map(|off| middle + off)
            .chain((0..20).map(|_| self.start + 1 + dice.below(end - self.start - 1)));
        for point in points.collect::<Vec<_>>() {
            let next = expected.iter().copied().find(|fire| *fire > point);
            for millis in [0, 1, 999] {
                let found =
                    schedule.next_after(Timestamp::from_millis(point * 1_000 + millis), &self.zone);
                let found = found
                    .map(|fire| fire.as_millis() / 1_000)
                    .filter(|fire| *fire < end);
                assert_eq!(
                    found,
                    next,
                    "{expression} in {} after {point}.{millis:03}",
                    self.zone.name()
                );
            }
        }
        expected.len()
    }
}

/// Zones, the years whose changes are looked at, and how far around each.
const CLOCKS: [(&str, i16, i16, i64); 18] = [
    ("UTC", 2027, 2027, 4),
    ("Europe/Berlin", 2026, 2028, 4),
    ("America/New_York", 2026, 2028, 4),
    // Half an hour.
    ("Australia/Lord_Howe", 2026, 2027, 4),
    // Back to winter time for Ramadan.
    ("Africa/Casablanca", 2024, 2026, 4),
    // 2011-12-30 didn't happen there.
    ("Pacific/Apia", 2011, 2012, 30),
    ("Pacific/Kwajalein", 1993, 1993, 30),
    // Summer began and ended at midnight.
    ("America/Sao_Paulo", 2016, 2018, 4),
    ("Asia/Shanghai", 1986, 1991, 4),
    ("Asia/Gaza", 2025, 2026, 4),
    ("Africa/Cairo", 2014, 2014, 4),
    // Winter time is the one that is moved.
    ("Europe/Dublin", 2027, 2027, 4),
    // Two hours.
    ("Antarctica/Troll", 2027, 2027, 6),
    // The offset had seconds.
    ("Africa/Monrovia", 1972, 1972, 4),
    ("Asia/Kathmandu", 1986, 1986, 4),
    ("America/Caracas", 2007, 2016, 4),
    ("Asia/Pyongyang", 2015, 2018, 4),
    // Two hours ahead of the summer's end, and again.
    ("Antarctica/Casey", 2009, 2023, 12),
];

fn changes(name: &str, from: i16, to: i16) -> Vec<i64> {
    let zone = TimeZone::get(name).unwrap();
    let at = |year: i16| {
        TimeZone::UTC
            .to_timestamp(jiff::civil::date(year, 1, 1).at(0, 0, 0, 0))
            .unwrap()
    };
    let end = at(to + 1);
    let mut changes: Vec<i64> = zone
        .following(at(from))
        .map(|change| change.timestamp())
        .take_while(|change| *change < end)
        .map(|change| change.as_second())
        .collect();
    if changes.is_empty() {
        changes.push(at(from).as_second());
    }
    changes
}

#[test]
fn the_rules_hold_second_by_second_around_every_change_of_clocks() {
    let mut dice = Dice::new(1);
    let (mut windows, mut fires) = (0, 0);
    for (name, from, to, hours) in CLOCKS {
        for change in changes(name, from, to) {
            windows += 1;
            let wall = Wall::around(name, change, hours * 3_600);
            for expression in [
                "0 30 2 * * * *",
                "0 0 3 * * * *",
                "30 15,45 0,1,2,3 * * * *",
                "0 0 0 * * * *",
                "59 59 23 * * * *",
                "0 0,30 1-3 * * * *",
                "0 */20 * * * * *",
                "*/7 * * * * * *",
                "0 0 */2 * * * *",
                "0 0 0,1,2,12,23 L * ? *",
                "0 59 1,2 ? * SUN *",
            ] {
                fires += wall.check(expression, &mut dice);
            }
            for _ in 0..25 {
                fires += wall.check(&random(&mut dice), &mut dice);
            }
        }
    }
    assert!(
        windows > 60 && fires > 100_000,
        "{windows} windows, {fires} fires: this test checks too little"
    );
}

fn random(dice: &mut Dice) -> String {
    // Half of them fixed, with several hours so that one of them is near.
    let few = |dice: &mut Dice, end: i64| {
        let count = 1 + dice.below(8);
        let values: Vec<String> = (0..count).map(|_| dice.below(end).to_string()).collect();
        values.join(",")
    };
    let time = match dice.below(2) {
        0 => [few(dice, 60), few(dice, 60), few(dice, 24)],
        _ => [dice.plain(0), dice.plain(1), dice.plain(2)],
    };
    let (day, weekday) = match dice.below(4) {
        0 => (dice.day(), "?".into()),
        1 => ("*".into(), dice.weekday()),
        _ => ("*".into(), "*".to_string()),
    };
    format!("{} {day} * {weekday} *", time.join(" "))
}

#[test]
fn a_rare_schedule_is_found_behind_many_changes_of_clocks() {
    let zone = Zone::named("Europe/Berlin").unwrap();
    let schedule = Schedule::parse("0 30 2 29 2 MON *").unwrap();
    let fires: Vec<String> = schedule
        .after(Timestamp::from_millis(0), &zone)
        .map(|fire| zone.local(fire).to_string())
        .collect();
    assert_eq!(
        fires,
        [
            "1988-02-29T02:30:00+01:00",
            "2016-02-29T02:30:00+01:00",
            "2044-02-29T02:30:00+01:00",
            "2072-02-29T02:30:00+01:00"
        ]
    );
}

#[test]
fn what_clocks_do_is_remarked() {
    let zone = Zone::named("Europe/Berlin").unwrap();
    let around = |day: &str, expression: &str| -> Vec<String> {
        let schedule = Schedule::parse(expression).unwrap();
        let start = poulpe_job::wire::parse_rfc3339(day).unwrap();
        let remarked = schedule.after(start, &zone).take(4).map(|fire| {
            let remark = schedule
                .remark(fire, &zone)
                .map(|remark| format!(" {remark}"))
                .unwrap_or_default();
            format!("{}{remark}", zone.local(fire))
        });
        remarked.collect()
    };
    assert_eq!(
        around("2027-03-27T00:00:00+01:00", "0 30 2 * * * *")[..3],
        [
            "2027-03-27T02:30:00+01:00",
            "2027-03-28T03:00:00+02:00 gap: clocks skip 02:00:00 to 03:00:00, runs at its end instead of at 02:30:00",
            "2027-03-29T02:30:00+02:00"
        ]
    );
    assert_eq!(
        around("2027-03-28T01:00:00+01:00", "0 */30 * * * * *")[..3],
        [
            "2027-03-28T01:30:00+01:00",
            "2027-03-28T03:00:00+02:00 gap: clocks skip 02:00:00 to 03:00:00, nothing is left out of elapsed time",
            "2027-03-28T03:30:00+02:00"
        ]
    );
    assert_eq!(
        around("2027-10-31T01:30:00+02:00", "0 */30 * * * * *"),
        [
            "2027-10-31T02:00:00+02:00 fold: first pass",
            "2027-10-31T02:30:00+02:00 fold: first pass",
            "2027-10-31T02:00:00+01:00 fold: second pass",
            "2027-10-31T02:30:00+01:00 fold: second pass"
        ]
    );
    assert_eq!(
        around("2027-10-30T12:00:00+02:00", "0 30 2 * * * *")[..2],
        [
            "2027-10-31T02:30:00+02:00 fold: first pass",
            "2027-11-01T02:30:00+01:00"
        ]
    );
}
