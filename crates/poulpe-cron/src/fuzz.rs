//! What must hold of any bytes that are read as a cron file. Called by `fuzz/` alone, which makes them up.

use crate::{CronFile, Defaults, Entry, Problem, Schedule, Zone};
use poulpe_job::Timestamp;
use std::sync::LazyLock;

/// The most entries whose fire times are looked at: an input is small, and its lines alike.
const MAX_ENTRIES: usize = 20;

/// 2027-03-28T00:59:59Z, a second before a gap, and 2027-10-31T00:30:00Z, in a fold, both in Europe/Berlin; the ends of
/// the calendar; the ends of time.
const INSTANTS: [i64; 6] = [
    1_806_195_599_000,
    1_824_942_600_000,
    -1,
    4_102_444_799_000,
    i64::MIN,
    i64::MAX,
];

static DEFAULTS: LazyLock<Defaults> = LazyLock::new(|| Defaults {
    zone: Zone::named("Europe/Berlin").unwrap_or_else(|_| Zone::utc()),
    now: Timestamp::from_millis(0),
});

/// Panics if the input shows that reading is wrong.
#[doc(hidden)]
pub fn fuzz(input: &[u8]) {
    let file = CronFile::parse(input, &DEFAULTS);
    let lines = input.split(|byte| *byte == b'\n').count();
    for problem in file.problems.iter().chain(&file.notes) {
        check_problem(problem, lines);
    }
    for entry in file.entries.iter().take(MAX_ENTRIES) {
        check_entry(entry, lines);
    }
    let again = CronFile::parse(input, &DEFAULTS);
    assert!(again == file, "the same bytes were read as something else");
}

fn check_problem(problem: &Problem, lines: usize) {
    assert!(problem.line <= lines, "{problem:?}");
    assert_eq!(problem.line == 0, problem.column == 0, "{problem:?}");
    assert!(!problem.message.is_empty());
    let shown = problem.render("f");
    let steers = |character: char| character.is_control() && !['\n', '\t'].contains(&character);
    assert!(!shown.contains(steers), "{shown:?}");
    assert!(
        shown.lines().count() == if problem.line == 0 { 1 } else { 3 },
        "{shown:?}"
    );
}

fn check_entry(entry: &Entry, lines: usize) {
    assert!((1..=lines).contains(&entry.line));
    assert!(!entry.name.is_empty() && !entry.id.as_str().is_empty());
    assert!(!entry.schedule.describe().is_empty());
    let again = Schedule::parse(entry.schedule.fields()).expect("the one form of what was read");
    assert!(again == entry.schedule, "{:?}", entry.schedule);
    for instant in INSTANTS.map(Timestamp::from_millis) {
        let mut last = instant;
        for fire in entry.schedule.after(instant, &entry.zone).take(4) {
            assert!(
                fire > last && fire.as_millis() % 1_000 == 0,
                "{} after {last:?}",
                entry.text
            );
            assert_eq!(
                entry.next_after(Timestamp::from_millis(fire.as_millis() - 1)),
                Some(fire),
                "{}",
                entry.text
            );
            let _ = entry.schedule.remark(fire, &entry.zone);
            assert_eq!(entry.task(fire).id, Some(entry.job_id(fire)));
            last = fire;
        }
    }
}
