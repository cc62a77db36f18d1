//! Fire times: the search for the next one, beside the crates cron and croner in the same run, and what 10,000 schedules
//! cost a scheduler that drives them.

use chrono::{DateTime, Utc};
use croner::parser::{CronParser, Seconds, Year};
use poulpe_benches::amount;
use poulpe_core::machine::{CronDriver, Loading};
use poulpe_core::store::{Accepted, GroupAnswer};
use poulpe_core::{FileContents, ScheduleFile, State, Timestamp};
use poulpe_cron::{CronFile, Defaults, Schedule, Zone};
use std::collections::HashSet;
use std::hint::black_box;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// What people write; all three crates understand it as the same.
const EXPRESSIONS: [&str; 8] = [
    "30 * * * * * *",
    "*/5 * * * * * *",
    "0 */15 * * * * *",
    "0 0 * * * * *",
    "0 30 2 * * * *",
    "0 0 9-17 * * MON-FRI *",
    "0 0 0 1 * * *",
    "0 30 6 15 1,7 * *",
];

/// 2027-01-15T08:00:00Z.
const START: i64 = 1_800_000_000;

fn main() {
    let rounds = amount(20_000);
    println!(
        "next fire time, UTC, ns each, {rounds} in a row of each of {} expressions:",
        EXPRESSIONS.len()
    );
    println!(
        "  {:<26} {:>8} {:>8} {:>8} {:>12} {:>12}",
        "", "poulpe", "cron", "croner", "cron", "croner"
    );
    let mut sums = [0.0; 3];
    for expression in EXPRESSIONS {
        let costs = [
            poulpe(expression, &Zone::utc(), rounds),
            cron(expression, rounds),
            croner(expression, rounds.div_ceil(10)),
        ];
        row(expression, costs);
        for (sum, cost) in sums.iter_mut().zip(costs) {
            *sum += cost;
        }
    }
    row("mean", sums.map(|sum| sum / EXPRESSIONS.len() as f64));
    println!("next fire time in a zone, ns each (poulpe):");
    let berlin = Zone::named("Europe/Berlin").expect("a zone");
    for expression in EXPRESSIONS {
        println!(
            "  {expression:<26} {:>8.1}",
            poulpe(expression, &berlin, rounds)
        );
    }
    drive(amount(10_000));
}

fn row(what: &str, [poulpe, cron, croner]: [f64; 3]) {
    println!(
        "  {what:<26} {poulpe:>8.1} {cron:>8.1} {croner:>8.1} {:>10.1} × {:>10.1} ×",
        cron / poulpe,
        croner / poulpe
    );
}

fn each(count: usize, begin: Instant) -> f64 {
    begin.elapsed().as_nanos() as f64 / count.max(1) as f64
}

fn poulpe(expression: &str, zone: &Zone, rounds: usize) -> f64 {
    let schedule = Schedule::parse(expression).expect("an expression");
    let mut at = Timestamp::from_millis(START * 1_000);
    let mut count = 0;
    let begin = Instant::now();
    for _ in 0..rounds {
        count += 1;
        // What is rare ends with the calendar: begin again.
        at = match schedule.next_after(black_box(at), zone) {
            Some(next) => next,
            None => Timestamp::from_millis(START * 1_000),
        };
    }
    black_box(at);
    each(count, begin)
}

fn cron(expression: &str, rounds: usize) -> f64 {
    let schedule = cron::Schedule::from_str(expression).expect("an expression");
    let start: DateTime<Utc> = DateTime::from_timestamp(START, 0).expect("a time");
    let mut at = start;
    let begin = Instant::now();
    for _ in 0..rounds {
        at = schedule.after(black_box(&at)).next().unwrap_or(start);
    }
    black_box(at);
    each(rounds, begin)
}

fn croner(expression: &str, rounds: usize) -> f64 {
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Required)
        .dom_and_dow(true)
        .alternative_weekdays(true)
        .build();
    let schedule = parser.parse(expression).expect("an expression");
    let start: DateTime<Utc> = DateTime::from_timestamp(START, 0).expect("a time");
    let mut at = start;
    let begin = Instant::now();
    for _ in 0..rounds {
        at = schedule
            .find_next_occurrence(black_box(&at), false)
            .unwrap_or(start);
    }
    black_box(at);
    each(rounds, begin)
}

/// A minute of simulated time: the scheduler's driver decides at each time at which it wants to. What the store does for
/// the jobs is no part of it.
fn drive(schedules: usize) {
    const SECONDS: i64 = 60;
    println!("{schedules} schedules driven for {SECONDS} s of simulated time, Europe/Berlin:");
    for (what, shape) in [
        ("each once a minute", 0),
        ("each once an hour", 1),
        ("each every second", 2),
    ] {
        let of = |number: usize| match shape {
            0 => format!("{} * * * * * *", number % 60),
            1 => format!("{} {} * * * * *", number % 60, number / 60 % 60),
            _ => "* * * * * * *".into(),
        };
        let mut driver = driver((0..schedules).map(of));
        let end = Timestamp::from_millis((START + SECONDS) * 1_000);
        let mut fired = 0;
        let mut worst = Duration::ZERO;
        let begin = Instant::now();
        while let Some(now) = driver.wake_at().filter(|at| *at <= end) {
            let this = Instant::now();
            fired += settle(&mut driver, now);
            worst = worst.max(this.elapsed());
        }
        let mean = begin.elapsed().as_secs_f64() * 1e3 / SECONDS as f64;
        println!(
            "  {what:<26} {mean:>8.3} ms a second, worst {:.3} ms, {fired} fire times",
            worst.as_secs_f64() * 1e3
        );
    }
}

/// A driver of schedules that are new.
fn driver(expressions: impl Iterator<Item = String>) -> CronDriver {
    let lines: String = expressions
        .map(|expression| format!("{expression} http://127.0.0.1/ GET\n"))
        .collect();
    let start = Timestamp::from_millis(START * 1_000);
    let zone = Zone::named("Europe/Berlin").expect("a zone");
    let file = CronFile::parse(lines.as_bytes(), &Defaults { zone, now: start });
    let contents = FileContents::Read {
        entries: file.entries,
        problems: file.problems,
    };
    let name = "cron".into();
    let mut loading = Loading::new(vec![ScheduleFile { name, contents }]);
    let mut driver = CronDriver::default();
    loop {
        let wanted = loading.wanted(&driver);
        if wanted.is_empty() {
            break;
        }
        for name in wanted {
            loading.loaded(name, None);
        }
    }
    driver.set(loading, start, &|_| Ok(()));
    driver
}

/// Has everything decided that is due, as if the store had taken it; how many fire times that were.
fn settle(driver: &mut CronDriver, now: Timestamp) -> usize {
    let mut fired = 0;
    loop {
        let overlapping = HashSet::new();
        let firings = driver.firings(now, &overlapping);
        if firings.is_empty() {
            return fired;
        }
        for firing in firings {
            fired += firing.tasks.len();
            let accepted = vec![Accepted::New(State::Ready); firing.tasks.len()];
            driver.fired(&firing, &GroupAnswer::Taken(accepted));
        }
    }
}
