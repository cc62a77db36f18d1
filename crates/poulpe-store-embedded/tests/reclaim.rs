//! Segments in which nothing lives are unlinked, and nothing that had ended comes back.

mod common;
use common::*;

use poulpe_job::{Due, State};
use poulpe_store::{Inspect, JobStore, ManualTime, Store, TimeSource};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Runs jobs to their end, with time passing.
fn run(store: &dyn JobStore, clock: &ManualTime, round: &str, jobs: usize) {
    for number in 0..jobs {
        enqueue(store, &format!("{round}-{number}"), Due::NOW);
    }
    for claimed in claim_max(store, clock.monotonic().as_nanos() as u64, jobs) {
        start(store, &claimed.lease);
        settle(store, &claimed.lease, complete("done"));
    }
    clock.advance(Duration::from_secs(10));
}

/// Gives the housekeeper occasions until there are so few segments.
fn until_segments(store: &dyn JobStore, clock: &ManualTime, at_most: u64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut round = 0;
    while figure(store, "segments") > at_most {
        assert!(
            Instant::now() < deadline,
            "{} segments are left",
            figure(store, "segments")
        );
        round += 1;
        run(store, clock, &format!("occasion-{round}"), 1);
    }
}

#[test]
fn short_jobs_leave_few_segments_and_none_comes_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = time();
    let store = open_short(dir.path(), SMALL, &clock);
    for round in 0..20 {
        run(&store, &clock, &format!("{round}"), 50);
    }
    until_segments(&store, &clock, 3);
    assert!(figure(&store, "unlinked_segments") > 5);
    let crashed = copy(dir.path());
    let store = open_short(crashed.path(), SMALL, &clock);
    let left = counts(&store);
    assert_eq!(
        (left.ready, left.delayed, left.running, left.retrying),
        (0, 0, 0, 0)
    );
}

#[test]
fn ends_stay_as_long_as_what_they_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = time();
    let store = open_short(dir.path(), SMALL, &clock);
    // Lives in the first segment and keeps it, with the records of jobs whose ends lie in later ones.
    enqueue(&store, "lasting", Due::In(Duration::from_secs(1_000_000)));
    for round in 0..20 {
        run(&store, &clock, &format!("{round}"), 50);
        let crashed = copy(dir.path());
        let reopened = open_short(crashed.path(), SMALL, &clock);
        let left = counts(&reopened);
        assert_eq!(
            (left.ready, left.delayed, left.running),
            (0, 1, 0),
            "{round}"
        );
    }
}

#[test]
fn jobs_of_all_lengths_are_the_same_after_every_crash() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = time();
    let store = open_short(dir.path(), SMALL, &clock);
    let mut living = BTreeSet::new();
    for round in 0_u64..40 {
        for number in 0..10 {
            let name = format!("{round}-{number}");
            let wait = Duration::from_secs((round * 7 + number * 13) % 90);
            enqueue(&store, &name, Due::In(wait));
            living.insert(name);
        }
        for claimed in claim_max(&store, round, 40) {
            start(&store, &claimed.lease);
            settle(&store, &claimed.lease, complete("done"));
            living.remove(claimed.job.id.as_str());
        }
        clock.advance(Duration::from_secs(5));
        let crashed = copy(dir.path());
        let reopened = open_short(crashed.path(), SMALL, &clock);
        assert_eq!(
            names_in(&[State::Delayed, State::Ready], &reopened),
            living,
            "{round}"
        );
    }
    assert!(figure(&store, "unlinked_segments") > 0);
}

#[test]
fn the_start_of_a_running_job_is_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = time();
    let store = open_short(dir.path(), SMALL, &clock);
    enqueue(&store, "running", Due::NOW);
    let claimed = claim_max(&store, 1, 1);
    start(&store, &claimed[0].lease);
    for round in 0..250 {
        run(&store, &clock, &format!("after-{round}"), 1);
        let renewed = store.renew(vec![claimed[0].lease.clone()], Duration::from_secs(30));
        wait(renewed).expect("it renews");
    }
    let crashed = copy(dir.path());
    let reopened = open_short(crashed.path(), SMALL, &clock);
    let view = wait(reopened.job(&id("running"))).expect("it answers");
    let progress = view.expect("it is there").progress;
    assert_eq!((progress.attempts, progress.losses), (1, 1));
}
