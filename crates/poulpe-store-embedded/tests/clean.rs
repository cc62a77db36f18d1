//! Sparse segments are cleaned: jobs that wait for long don't keep what was written around them, and are the same after
//! it, and after a restart.

mod common;
use common::*;

use poulpe_job::{Due, Params};
use poulpe_store::{
    Checkpoint, Checkpoints, Group, Inspect, JobStore, ManualTime, Store, TimeSource,
};
use poulpe_store_embedded::Options;
use std::time::{Duration, Instant};

/// Longer than any test lets pass.
const LONG: Duration = Duration::from_secs(1_000_000_000);

/// Smaller than real ones, but with room for some hundred jobs.
const SEGMENT: u64 = 256 * 1024;

/// Runs so many jobs to their end, in batches, with time passing.
fn run(store: &dyn JobStore, clock: &ManualTime, round: usize, jobs: usize) {
    let groups = (0..jobs).map(|number| {
        let mut job = job(&format!("short-{round}-{number}"));
        job.params = Params::Text("x".repeat(300));
        Group::job(job, Due::NOW)
    });
    wait(store.enqueue(groups.collect())).expect("it enqueues");
    let claimed = claim_max(store, clock.monotonic().as_nanos() as u64, jobs);
    let settlements = claimed.iter().map(|one| poulpe_store::Settlement {
        lease: one.lease.clone(),
        verdict: complete("done"),
    });
    wait(store.settle(settlements.collect())).expect("it settles");
    clock.advance(Duration::from_secs(10));
}

/// Goes on with short jobs until the store says so.
fn run_until(store: &dyn JobStore, clock: &ManualTime, is_enough: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    for round in 1_000_000.. {
        if is_enough() {
            return;
        }
        assert!(Instant::now() < deadline, "{:?}", store.stats().figures);
        run(store, clock, round, 10);
    }
}

fn long(store: &dyn JobStore, number: usize) {
    enqueue(store, &format!("long-{number}"), Due::In(LONG));
}

#[test]
fn long_delays_beside_much_traffic_are_copied_at_most_twice_and_bound_the_disk() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = time();
    let store = open_short(dir.path(), SEGMENT, &clock);
    let longs = 2_000;
    // Between them dozens of times their bytes go by.
    for round in 0..200 {
        for number in 0..longs / 200 {
            long(&store, round * (longs / 200) + number);
        }
        run(&store, &clock, round, 200);
    }
    let bounded = || {
        let (log, live) = (figure(&store, "log_bytes"), figure(&store, "live_bytes"));
        log <= 2 * live + 4 * SEGMENT
    };
    run_until(&store, &clock, bounded);
    assert!(figure(&store, "cleaned_segments") > 50);
    let copied = figure(&store, "copied_records");
    // The last of them may lie in segments that aren't sparse yet.
    assert!(copied >= longs as u64 * 9 / 10, "{copied}");
    assert!(copied <= 2 * longs as u64, "{copied}");
    assert_eq!(counts(&store).delayed, longs as u64);
    drop(store);
    let store = open_short(dir.path(), SEGMENT, &clock);
    assert_eq!(counts(&store).delayed, longs as u64);
    clock.advance(LONG);
    let mut names = claim_all(&store);
    names.retain(|name| name.starts_with("long-"));
    assert_eq!(names.len(), longs);
}

#[test]
fn what_was_moved_ends_for_good() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = time();
    let store = open_short(dir.path(), SEGMENT, &clock);
    for round in 0..100 {
        long(&store, round);
        run(&store, &clock, round, 100);
    }
    run_until(&store, &clock, || figure(&store, "copied_records") >= 50);
    for number in 0..50 {
        wait(store.cancel(&id(&format!("long-{number}")))).expect("it cancels");
    }
    // The ends lie in hot segments, the jobs' records in cold ones; the ends are moved too, and stay as long as needed.
    let cleaned = figure(&store, "cleaned_segments");
    for round in 100..200 {
        long(&store, round);
        run(&store, &clock, round, 100);
    }
    run_until(&store, &clock, || {
        figure(&store, "cleaned_segments") > cleaned + 20
    });
    for crash in 0..2 {
        let crashed = copy(dir.path());
        let store = open_short(crashed.path(), SEGMENT, &clock);
        assert_eq!(counts(&store).delayed, 150, "crash {crash}");
        run(&store, &clock, 1_000 + crash, 10);
    }
}

#[test]
fn dead_letters_results_and_checkpoints_move_too() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = time();
    let store = open_short(dir.path(), SEGMENT, &clock);
    enqueue(&store, "dead", Due::NOW);
    let claimed = claim_max(&store, 1, 1).remove(0);
    settle(&store, &claimed.lease, bury(1));
    let checkpoint = Checkpoint {
        name: "offsets".into(),
        expected: None,
        next: b"seven".to_vec(),
    };
    assert!(wait(store.compare_and_set(checkpoint)).expect("it answers"));
    for round in 0..200 {
        run(&store, &clock, round, 100);
    }
    run_until(&store, &clock, || figure(&store, "copied_records") >= 2);
    drop(store);
    let store = open_short(dir.path(), SEGMENT, &clock);
    let dead = wait(store.dead(&id("dead"))).expect("it answers");
    assert!(dead.is_some_and(|dead| dead.job.is_some()));
    let value = wait(store.load("offsets")).expect("it answers");
    assert_eq!(value.as_deref(), Some(b"seven".as_slice()));
}

#[test]
fn many_crumbs_become_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = time();
    let store = open_short(dir.path(), SEGMENT, &clock);
    for round in 0..600 {
        if round % 5 == 0 {
            long(&store, round);
        }
        run(&store, &clock, round, 200);
    }
    run_until(&store, &clock, || figure(&store, "cold_segments") < 16);
    assert_eq!(counts(&store).delayed, 120);
}

/// The promise at full size. `cargo test --release --test clean -- --ignored --nocapture`
#[test]
#[ignore = "writes twenty gigabytes"]
fn a_million_long_delays_beside_ten_gigabytes_of_short_jobs() {
    const LONGS: usize = 1_000_000;
    const ROUNDS: usize = 1_000;
    const SHORTS: usize = 160;
    let dir = tempfile::tempdir().expect("a directory");
    let clock = time();
    let store = open_short(dir.path(), Options::default().segment_bytes, &clock);
    let mut most = 0.0_f64;
    for round in 0..ROUNDS {
        let numbers = round * (LONGS / ROUNDS)..(round + 1) * (LONGS / ROUNDS);
        let longs = numbers.map(|number| Group::job(job(&format!("long-{number}")), Due::In(LONG)));
        wait(store.enqueue(longs.collect())).expect("it enqueues");
        let shorts = (0..SHORTS).map(|number| {
            let mut job = job(&format!("short-{round}-{number}"));
            job.params = Params::Text("x".repeat(64 * 1024));
            Group::job(job, Due::NOW)
        });
        wait(store.enqueue(shorts.collect())).expect("it enqueues");
        let claimed = claim_max(&store, round as u64, SHORTS);
        assert_eq!(claimed.len(), SHORTS);
        let settlements = claimed.iter().map(|one| poulpe_store::Settlement {
            lease: one.lease.clone(),
            verdict: complete("done"),
        });
        wait(store.settle(settlements.collect())).expect("it settles");
        clock.advance(Duration::from_secs(2));
        let (log, live) = (figure(&store, "log_bytes"), figure(&store, "live_bytes"));
        let segment = (64 * 1024 * 1024) as f64;
        most = most.max((log as f64 - 2.0 * live as f64) / segment);
    }
    println!("{:?}", store.stats().figures);
    println!("at most {most:.1} segments beyond twice what lives");
    assert!(most <= 4.0, "{most}");
    assert!(figure(&store, "copied_records") <= 2 * LONGS as u64);
    assert_eq!(counts(&store).delayed, LONGS as u64);
}
