//! Where a line starts that was changed while no daemon ran.

use poulpe_core::cron::{CronFile, Defaults, Zone};
use poulpe_core::machine::{CronDriver, Firing, Loading};
use poulpe_core::store::{Accepted, GroupAnswer};
use poulpe_core::{FileContents, ScheduleFile, State, Timestamp};
use std::collections::{HashMap, HashSet};

/// 2027-01-15T00:00:00Z.
pub(crate) const MIDNIGHT: i64 = 1_799_971_200;

pub(crate) type Store = HashMap<String, Vec<u8>>;

pub(crate) fn hour(hour: i64) -> Timestamp {
    Timestamp::from_millis((MIDNIGHT + hour * 3_600) * 1_000)
}

pub(crate) fn start(line: &str, store: &Store, now: Timestamp) -> CronDriver {
    let zone = Zone::utc();
    let file = CronFile::parse(line.as_bytes(), &Defaults { zone, now });
    assert_eq!(file.problems, []);
    let (entries, problems) = (file.entries, file.problems);
    let mut loading = Loading::new(vec![ScheduleFile {
        name: "cron".into(),
        contents: FileContents::Read { entries, problems },
    }]);
    let mut driver = CronDriver::default();
    loop {
        let wanted = loading.wanted(&driver);
        if wanted.is_empty() {
            break;
        }
        for name in wanted {
            let value = store.get(&name).cloned();
            loading.loaded(name, value);
        }
    }
    driver.set(loading, now, &|_| Ok(()));
    driver
}

pub(crate) fn write(driver: &mut CronDriver, firings: Vec<Firing>, store: &mut Store) -> usize {
    let mut jobs = 0;
    for firing in firings {
        let checkpoint = &firing.checkpoint;
        assert_eq!(store.get(&checkpoint.name), checkpoint.expected.as_ref());
        store.insert(checkpoint.name.clone(), checkpoint.next.clone());
        jobs += firing.tasks.len();
        let accepted = vec![Accepted::New(State::Ready); firing.tasks.len()];
        driver.fired(&firing, &GroupAnswer::Taken(accepted));
    }
    jobs
}

/// Decides everything; how many jobs that gave.
pub(crate) fn settle(driver: &mut CronDriver, now: Timestamp, store: &mut Store) -> usize {
    let mut jobs = 0;
    loop {
        let firings = driver.firings(now, &HashSet::new());
        if firings.is_empty() {
            return jobs;
        }
        jobs += write(driver, firings, store);
    }
}

#[test]
fn a_line_changed_in_a_short_stop_does_not_run_for_a_time_before_the_stop() {
    let mut store = Store::new();
    let mut driver = start("0 0 3 * * * * x GET", &store, hour(1));
    assert_eq!(settle(&mut driver, hour(1), &mut store), 0);
    assert_eq!(settle(&mut driver, hour(3), &mut store), 1);
    let marks = driver.last_marks(hour(14));
    write(&mut driver, marks, &mut store);

    let mut driver = start("0 0 4 * * * * x GET", &store, hour(14));
    assert_eq!(settle(&mut driver, hour(14), &mut store), 0);
    assert_eq!(settle(&mut driver, hour(28), &mut store), 1);
}

#[test]
fn a_line_changed_during_an_outage_makes_up_for_what_was_missed_since_the_stop() {
    let mut store = Store::new();
    let mut driver = start("0 0 3 * * * * x GET", &store, hour(1));
    settle(&mut driver, hour(1), &mut store);
    let marks = driver.last_marks(hour(2));
    write(&mut driver, marks, &mut store);

    let mut driver = start("0 0 4 * * * * x GET", &store, hour(14));
    assert_eq!(settle(&mut driver, hour(14), &mut store), 1);
}

#[test]
fn a_clock_that_was_a_year_ahead_does_not_hold_up_new_lines() {
    let mut store = Store::new();
    let year_ahead = hour(366 * 24);
    let mut driver = start("0 0 3 * * * * x GET", &store, year_ahead);
    settle(&mut driver, year_ahead, &mut store);

    let mut driver = start("0 0 4 * * * * x GET", &store, hour(1));
    settle(&mut driver, hour(1), &mut store);
    assert_eq!(settle(&mut driver, hour(4), &mut store), 1);
}
