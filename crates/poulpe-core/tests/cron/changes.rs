//! What people have schedules do, seen by a daemon that somebody else changes them beside.

use crate::edits::{Store, hour, settle, start, write};
use poulpe_core::machine::{Change, CronDriver, SkipReason};
use poulpe_core::{ScheduleAction, Timestamp};
use std::collections::HashSet;
use std::time::Duration;

const HOURLY: &str = "ID=a\n0 0 * * * * * x GET";

fn change(driver: &mut CronDriver, action: ScheduleAction, now: Timestamp, store: &mut Store) {
    match driver.change("a", action, now) {
        Change::Write(firing) => write(driver, vec![firing], store),
        other => panic!("{other:?}"),
    };
}

fn reload(driver: &mut CronDriver, store: &Store) {
    for name in driver.stale() {
        driver.reloaded(&name, store.get(&name).cloned());
    }
}

#[test]
fn a_pause_that_another_daemon_ends_is_noticed() {
    let mut store = Store::new();
    let mut other = start(HOURLY, &store, hour(1));
    settle(&mut other, hour(1), &mut store);
    change(&mut other, ScheduleAction::Pause, hour(1), &mut store);
    let mut driver = start(HOURLY, &store, hour(1));
    assert!(driver.has_doubts(hour(1)));
    assert_eq!(driver.wake_at(), None);

    change(&mut other, ScheduleAction::Resume, hour(2), &mut store);
    driver.doubt(hour(2));
    reload(&mut driver, &store);
    assert!(!driver.has_doubts(hour(2)));
    assert_eq!(settle(&mut driver, hour(3), &mut store), 1);
}

#[test]
fn a_value_that_was_read_before_a_write_from_here_is_not_taken() {
    let mut store = Store::new();
    let mut driver = start(HOURLY, &store, hour(1));
    settle(&mut driver, hour(1), &mut store);
    change(&mut driver, ScheduleAction::Pause, hour(1), &mut store);
    driver.doubt(hour(1));
    let [name] = &driver.stale()[..] else {
        panic!("one is paused")
    };
    let old = store.get(name).cloned();
    change(&mut driver, ScheduleAction::Resume, hour(1), &mut store);
    driver.reloaded(name, old);
    assert_eq!(settle(&mut driver, hour(2), &mut store), 1);
}

#[test]
fn what_a_newer_poulpe_wrote_is_only_reset() {
    let mut store = Store::new();
    store.insert("cron/a".into(), vec![u8::MAX, 1, 2]);
    let mut driver = start(HOURLY, &store, hour(1));
    for action in [
        ScheduleAction::Run,
        ScheduleAction::Pause,
        ScheduleAction::Resume,
    ] {
        let refused = driver.change("a", action, hour(1));
        assert!(matches!(refused, Change::Refused(_)), "{refused:?}");
    }
    change(&mut driver, ScheduleAction::Reset, hour(1), &mut store);
    assert_eq!(settle(&mut driver, hour(2), &mut store), 1);
}

#[test]
fn fire_times_given_up_for_two_reasons_are_told_apart() {
    let text = "ID=a\nOVERLAP=skip\nMISFIRE=skip\n*/20 * * * * * * x GET";
    let mut store = Store::new();
    let mut driver = start(text, &store, hour(1));
    settle(&mut driver, hour(1), &mut store);
    settle(
        &mut driver,
        hour(1).after(Duration::from_secs(20)),
        &mut store,
    );
    let firings = driver.firings(hour(2), &HashSet::new());
    let given_up: Vec<SkipReason> = (firings.iter())
        .flat_map(|firing| firing.given_up.iter().map(|(_, reason)| *reason))
        .collect();
    assert_eq!(given_up, [SkipReason::Missed, SkipReason::Overlap]);
}
