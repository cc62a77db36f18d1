//! What is read as an expression and what is refused, with the words and the column of the refusal.

use poulpe_cron::{Schedule, Zone};
use poulpe_job::Timestamp;

#[test]
fn bad_input_is_refused_where_it_is_bad_and_in_words() {
    for (text, blamed, words) in [
        (
            "0 0 0 ? * 0 *",
            "0",
            "0 is no weekday: weekdays are 1 (Sunday) to 7 (Saturday)",
        ),
        ("0 0 0 ? * 8 *", "8", "8 is no weekday"),
        ("0 0 0 ? * 2-8 *", "8", "8 is no weekday"),
        (
            "60 * * * * * *",
            "60",
            "60 is no second: seconds are 0 to 59",
        ),
        ("0 60 * * * * *", "60", "60 is no minute"),
        ("0 0 24 * * * *", "24", "24 is no hour"),
        ("0 0 0 32 * * *", "32", "32 is no day"),
        ("0 0 0 0 * * *", "0", "0 is no day"),
        (
            "0 0 0 1 13 * *",
            "13",
            "13 is no month: months are 1 to 12 or JAN to DEC",
        ),
        ("0 0 0 1 FOO * *", "FOO", "is no month"),
        ("0 0 0 ? * SUNDAY *", "SUNDAY", "is no weekday"),
        (
            "0 0 0 1 1 * 1969",
            "1969",
            "1969 is no year: years are 1970 to 2099",
        ),
        ("0 0 0 1 1 * 2100", "2100", "2100 is no year"),
        ("0 0 0 1 1 * 2030-2020", "2030-2020", "goes backwards"),
        ("0 0 0 1 1 * 2028/130", "130", "steps are 1 to 129"),
        (", * * * * * *", "", "an item of the list is empty"),
        ("1,,2 * * * * * *", "", "an item of the list is empty"),
        ("1, * * * * * *", "", "an item of the list is empty"),
        (
            "*/0 * * * * * *",
            "0",
            "0 is no step for the second: steps are 1 to 59",
        ),
        ("0 */60 * * * * *", "60", "60 is no step for the minute"),
        ("0 0 */24 * * * *", "24", "24 is no step for the hour"),
        ("0 0 0 ? * 6#6 *", "6#6", "can't be read as a weekday"),
        ("0 0 0 L-31 * ? *", "L-31", "can't be read as a day"),
        ("0 0 0 L-0 * ? *", "L-0", "can't be read as a day"),
        ("0 0 0 W * ? *", "W", "can't be read as a day"),
        (
            "? * * * * * *",
            "?",
            "`?` is for day and weekday only; write `*`",
        ),
        ("0 0 0 1,? * * *", "?", "`?` stands alone"),
        ("0 0 L * * * *", "L", "can't be read as an hour"),
        ("-1 * * * * * *", "-1", "can't be read as a second"),
        ("1.5 * * * * * *", "1.5", "can't be read as a second"),
        ("0 0 0 30 2 * *", "0 0 0 30 2 * *", "never fires"),
        (
            "0 0 0 31 FEB,APR,JUN,SEP,NOV * *",
            "0 0 0 31 FEB,APR,JUN,SEP,NOV * *",
            "never fires",
        ),
        ("0 0 0 31W 4 ? *", "0 0 0 31W 4 ? *", "never fires"),
        ("0 0 0 29 2 * 2027", "0 0 0 29 2 * 2027", "never fires"),
        ("0 0 0 8 * MON#1 *", "0 0 0 8 * MON#1 *", "never fires"),
        ("*/5 * * * *", "*/5 * * * *", "`0 */5 * * * * *`"),
        ("30 2 * * 0-5", "30 2 * * 0-5", "`0 30 2 * * SUN-FRI *`"),
        ("0 0 * * 5#2", "0 0 * * 5#2", "`0 0 0 * * FRI#2 *`"),
        ("0 */5 * * * *", "0 */5 * * * *", "`0 */5 * * * * *`"),
        ("* * * *", "*", "4 fields instead of seven"),
        ("* * * * * * * *", "*", "8 fields instead of seven"),
        ("", "", "no fields"),
        (" \t ", " \t ", "no fields"),
        (
            "@fortnightly",
            "@fortnightly",
            "names are @secondly, @minutely, @hourly",
        ),
        ("@reboot", "@reboot", "no @reboot"),
    ] {
        let error = Schedule::parse(text).expect_err(text);
        assert!(error.to_string().contains(words), "{text}: {error}");
        assert_eq!(&text[error.span.clone()], blamed, "{text}: {error}");
    }
}

#[test]
fn the_column_is_that_of_the_bad_item() {
    for (text, start) in [
        ("0 1,2,60 * * * * *", 6),
        ("0 0 0 ? * MON-8 *", 14),
        ("1,,2 * * * * * *", 2),
        ("\t 0  0 0 L L * *", 11),
    ] {
        assert_eq!(
            Schedule::parse(text).unwrap_err().span.start,
            start,
            "{text}"
        );
    }
}

#[test]
fn what_is_the_same_is_read_as_the_same() {
    for (one, other) in [
        ("0 0 0 ? jan Mon-FRI *", "0 0 0 * JAN MON-FRI *"),
        ("  0\t0  0 * * * *  ", "0 0 0 * * * *"),
        ("00 05 07 01 1 * 2027", "0 5 7 1 1 * 2027"),
        ("@Hourly", "0 0 * * * * *"),
        ("@midnight", "@daily"),
        ("@annually", "@yearly"),
        ("0 0 0 l-3w * ? *", "0 0 0 L-3W * * *"),
    ] {
        assert_eq!(
            Schedule::parse(one).unwrap(),
            Schedule::parse(other).unwrap(),
            "{one}"
        );
    }
}

#[test]
fn a_schedule_that_follows_elapsed_time_has_a_star_a_step_or_a_range_in_its_time() {
    for (text, is_interval) in [
        ("0 0 0 * * * *", false),
        ("0,30 0,30 2,3 1-5 */2 MON-FRI 2027-2030", false),
        ("* 0 0 * * * *", true),
        ("0 */5 0 * * * *", true),
        ("0 0 9-17 * * * *", true),
        ("0 0 5-5 * * * *", true),
        ("0 0 5,* * * * *", true),
        ("@hourly", true),
        ("@daily", false),
    ] {
        assert_eq!(
            Schedule::parse(text).unwrap().is_interval(),
            is_interval,
            "{text}"
        );
    }
}

#[test]
fn a_workday_near_day_31_is_not_looked_for_in_shorter_months() {
    let schedule = Schedule::parse("0 0 0 31W * ? 2027").unwrap();
    let months: Vec<u32> = schedule
        .after(Timestamp::from_millis(0), &Zone::utc())
        .map(|fire| Zone::utc().local(fire).date().1)
        .collect();
    assert_eq!(months, [1, 3, 5, 7, 8, 10, 12]);
}

#[test]
fn an_expression_as_long_as_a_line_is_refused_soon() {
    let list = "1,".repeat(30_000) + "1";
    assert!(Schedule::parse(&format!("{list} * * * * * *")).is_err());
    assert!(Schedule::parse(&"* ".repeat(100_000)).is_err());
}

#[test]
fn zones_are_known_by_name_in_any_case_and_slips_are_understood() {
    assert_eq!(
        Zone::named("asia/shanghai").unwrap().name(),
        "Asia/Shanghai"
    );
    let slip = Zone::named("Asia/Shangai").unwrap_err().to_string();
    assert!(slip.contains("did you mean Asia/Shanghai?"), "{slip}");
    for bad in [
        "",
        "../../etc/passwd",
        "/etc/localtime",
        "Mars/Olympus",
        "a\0b",
        &"x/".repeat(1_000),
    ] {
        let error = Zone::named(bad).expect_err(bad).to_string();
        assert!(error.contains("is no time zone"), "{error}");
    }
}
