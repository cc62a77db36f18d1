//! Fire times in UTC against three others: the rules worked out slowly, day by day and second by second, and croner in
//! its Quartz mode.

mod oracle;

use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use oracle::{Dice, Slow};
use poulpe_cron::{Schedule, Zone};
use poulpe_job::Timestamp;
use proptest::prelude::*;

#[test]
fn every_day_is_one_that_the_rules_name() {
    let mut dice = Dice::new(7);
    let mut fired = 0;
    let from = jiff::civil::date(2026, 1, 1);
    let start = TimeZone::UTC
        .to_timestamp(from.at(0, 0, 0, 0))
        .unwrap()
        .as_millisecond();
    for _ in 0..1_500 {
        let text = format!(
            "0 0 12 {} {} {} {}",
            dice.day(),
            dice.plain(4),
            dice.weekday(),
            dice.year()
        );
        let slow = Slow::new(&text);
        let days = 6 * 365;
        let expected: Vec<i64> = from
            .series(jiff::Span::new().days(1))
            .take(days)
            .enumerate()
            .filter(|(_, date)| slow.matches_date(*date))
            .map(|(day, _)| day as i64)
            .collect();
        let schedule = match Schedule::parse(&text) {
            Ok(schedule) => schedule,
            Err(error) => {
                assert!(
                    error.to_string().starts_with("never fires"),
                    "{text}: {error}"
                );
                assert!(expected.is_empty(), "{text}");
                continue;
            }
        };
        let found: Vec<i64> = schedule
            .after(Timestamp::from_millis(start), &Zone::utc())
            .map(|fire| (fire.as_millis() - start) / 86_400_000)
            .take_while(|day| *day < days as i64)
            .collect();
        assert_eq!(found, expected, "{text}");
        fired += found.len();
    }
    assert!(fired > 100_000, "{fired} days: this test checks too little");
}

#[test]
fn croner_in_quartz_mode_finds_the_same() {
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Required)
        .dom_and_dow(true)
        .alternative_weekdays(true)
        .sloppy_ranges(true)
        .build();
    let mut dice = Dice::new(3);
    let mut agreed = 0;
    for _ in 0..12_000 {
        // Its `*/2` of years begins with an odd one; ranges round the end and lists with L, W and # it doesn't know.
        let year = dice.pick(&["*", "*", "2027-2060"]);
        let text = format!(
            "{} {} {} {} {} {} {year}",
            dice.plain(0),
            dice.plain(1),
            dice.plain(2),
            dice.day(),
            dice.plain(4),
            dice.weekday()
        );
        let (Ok(ours), Ok(theirs)) = (
            Schedule::parse(&text),
            parser.parse(&text.replace('?', "*").to_uppercase()),
        ) else {
            continue;
        };
        let start = 1_700_000_000 + dice.below(400_000_000);
        let from = chrono::DateTime::from_timestamp(start, 0).unwrap();
        // It gives up on what is far away.
        let Ok(found) = theirs.find_next_occurrence(&from, false) else {
            continue;
        };
        let next = ours.next_after(Timestamp::from_millis(start * 1_000), &Zone::utc());
        assert_eq!(
            next.map(|next| next.as_millis() / 1_000),
            Some(found.timestamp()),
            "{text} after {from}"
        );
        agreed += 1;
    }
    assert!(agreed > 3_000, "{agreed}: this test checks too little");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_next_fire_time_is_after_and_matches_and_nothing_lies_between(seed in any::<u64>(), millis in 0_i64..4_102_444_800_000) {
        let mut dice = Dice::new(seed);
        let text = format!(
            "{} {} {} {} {} {} {}",
            dice.plain(0), dice.plain(1), dice.plain(2), dice.day(), dice.plain(4), dice.weekday(), dice.year()
        );
        let Ok(schedule) = Schedule::parse(&text) else {
            return Ok(());
        };
        let slow = Slow::new(&text);
        let shown = |second: i64| TimeZone::UTC.to_datetime(jiff::Timestamp::from_second(second).unwrap());
        let next = schedule.next_after(Timestamp::from_millis(millis), &Zone::utc());
        let until = next.map_or(4_102_444_800, |next| next.as_millis() / 1_000);
        if let Some(next) = next {
            prop_assert!(next.as_millis() > millis);
            prop_assert_eq!(next.as_millis() % 1_000, 0);
            prop_assert!(slow.matches(shown(until)), "{}", text);
        }
        // The first hours and the last of what lies between, by seconds.
        let from = millis.div_euclid(1_000) + 1;
        for second in (from..until.min(from + 10_000)).chain(until.saturating_sub(10_000).max(from)..until) {
            prop_assert!(!slow.matches(shown(second)), "{} at {}", text, second);
        }
    }

    #[test]
    fn nothing_makes_the_parser_panic(text in "[0-9*/,?LWlw#@ \t\\-A-Fé]{0,40}") {
        if let Ok(schedule) = Schedule::parse(&text) {
            schedule.next_after(Timestamp::from_millis(0), &Zone::utc());
            // Its one form is read as itself.
            let again = Schedule::parse(schedule.fields()).expect("what was read");
            prop_assert_eq!(&again, &schedule);
        }
    }
}

#[test]
fn the_calendar_ends_with_2099_and_begins_with_1970() {
    let utc = Zone::utc();
    let every = Schedule::parse("@secondly").unwrap();
    let end = 4_102_444_800_000;
    assert_eq!(
        every.next_after(Timestamp::from_millis(end - 2_000), &utc),
        Some(Timestamp::from_millis(end - 1_000))
    );
    for (after, next) in [
        (end - 1_000, None),
        (i64::MAX, None),
        (i64::MIN, Some(0)),
        (-1, Some(0)),
        (-1_001, Some(0)),
        (0, Some(1_000)),
    ] {
        let found = every.next_after(Timestamp::from_millis(after), &utc);
        assert_eq!(found, next.map(Timestamp::from_millis), "{after}");
    }
}
