//! On a full disk new jobs are refused and running ones end; when there is room again all goes on by itself.

use super::common::*;
use super::fail_stop::open_faulty;
use crate::{EmbeddedStore, OpenError};
use poulpe_job::Due;
use poulpe_store::{Accepted, Hold};
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

/// Enqueues jobs until one is answered so; gives how many were taken.
fn enqueue_until(store: &EmbeddedStore, prefix: &str, wanted: Accepted) -> u64 {
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut taken = 0;
    for number in 0.. {
        let accepted = enqueue(store, &format!("{prefix}-{number}"), Due::NOW);
        taken += u64::from(matches!(accepted, Accepted::New(_)));
        if accepted == wanted {
            break;
        }
        assert!(Instant::now() < deadline, "never {wanted:?}");
    }
    taken
}

#[test]
fn new_jobs_are_refused_running_ones_end_and_it_recovers() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, faults) = open_faulty(dir.path());
    for number in 0..10 {
        enqueue(&store, &format!("{number}"), Due::NOW);
    }
    faults.full.store(true, SeqCst);
    let taken = 10 + enqueue_until(&store, "first", Accepted::Full);
    let claimed = claim_max(&store, 1, 5);
    for one in &claimed {
        start(&store, &one.lease);
        assert_eq!(settle(&store, &one.lease, complete("done")), Hold::Held);
    }
    faults.full.store(false, SeqCst);
    let new = Accepted::New(poulpe_job::State::Ready);
    enqueue_until(&store, "second", new);
    assert_eq!(counts(&store).ready, taken + 1 - claimed.len() as u64);
    drop(store);
    assert_eq!(
        counts(&open(dir.path())).ready,
        taken + 1 - claimed.len() as u64
    );
}

#[test]
fn half_a_spare_does_not_take_the_room() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, faults) = open_faulty(dir.path());
    faults.full.store(true, SeqCst);
    enqueue_until(&store, "job", Accepted::Full);
    assert!(!dir.path().join("spare.tmp").exists());
}

#[test]
fn a_store_that_is_full_can_be_closed() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, faults) = open_faulty(dir.path());
    faults.full.store(true, SeqCst);
    enqueue_until(&store, "job", Accepted::Full);
    drop(store);
}

#[test]
fn a_full_disk_at_opening_is_said_so() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(open(dir.path()));
    let (disk, faults) = super::faulty_disk::FaultyDisk::over(dir.path());
    faults.full.store(true, SeqCst);
    let error = EmbeddedStore::open_on(&disk, dir.path(), options(), time()).err();
    assert!(matches!(error, Some(OpenError::NoRoom { .. })), "{error:?}");
}
