//! After a write, sync or read failed, the store does nothing more; what it acknowledged before is there later.

use super::common::*;
use super::faulty_disk::{Faults, FaultyDisk};
use crate::{EmbeddedStore, OpenError};
use poulpe_job::Due;
use poulpe_store::{
    Checkpoints, Group, Inspect, Outbox, Results, Store, StoreError, StoreResult, TimeSource,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

pub(super) fn open_faulty(dir: &Path) -> (EmbeddedStore, Arc<Faults>) {
    let (disk, faults) = FaultyDisk::over(dir);
    let clock: Arc<dyn TimeSource> = time();
    let store = EmbeddedStore::open_on(&disk, dir, options(), clock).expect("it opens");
    (store, faults)
}

fn try_enqueue(store: &EmbeddedStore, name: &str) -> StoreResult<()> {
    wait(store.enqueue(vec![Group::job(job(name), Due::NOW)])).map(drop)
}

fn assert_stopped(store: &EmbeddedStore) {
    let stopped = |answer: StoreResult<()>| {
        assert!(matches!(answer, Err(StoreError::Failed(_))), "{answer:?}");
    };
    stopped(store.health());
    stopped(try_enqueue(store, "after"));
    stopped(wait(store.settle(vec![])).map(drop));
    stopped(wait(store.get(vec![id("before")])).map(drop));
    stopped(wait(store.job(&id("before"))).map(drop));
    stopped(wait(store.counts()).map(drop));
    stopped(wait(store.take(poulpe_store::OutboxKind::DeadLetter, 1)).map(drop));
    stopped(wait(store.load("offsets")).map(drop));
}

#[test]
fn a_failed_sync_stops_the_store_though_the_next_would_succeed() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, faults) = open_faulty(dir.path());
    enqueue(&store, "before", Due::NOW);
    faults.next_sync.store(true, SeqCst);
    assert!(try_enqueue(&store, "unknown").is_err());
    assert_stopped(&store);
    drop(store);
    let store = open(dir.path());
    assert!(
        wait(store.job(&id("before")))
            .expect("it answers")
            .is_some()
    );
}

#[test]
fn a_failed_write_stops_the_store() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, faults) = open_faulty(dir.path());
    enqueue(&store, "before", Due::NOW);
    faults.writes.store(true, SeqCst);
    assert!(try_enqueue(&store, "unknown").is_err());
    faults.writes.store(false, SeqCst);
    assert_stopped(&store);
}

#[test]
fn a_failed_start_mark_stops_the_store() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, faults) = open_faulty(dir.path());
    enqueue(&store, "before", Due::NOW);
    let claimed = claim_max(&store, 1, 1);
    faults.writes.store(true, SeqCst);
    assert!(wait(store.start(&claimed[0].lease)).is_err());
    assert_stopped(&store);
}

#[test]
fn a_failed_read_stops_the_store() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, faults) = open_faulty(dir.path());
    enqueue(&store, "before", Due::NOW);
    faults.reads.store(true, SeqCst);
    assert!(wait(store.job(&id("before"))).is_err());
    assert_stopped(&store);
}

#[test]
fn a_record_that_went_bad_is_not_handed_out() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, _faults) = open_faulty(dir.path());
    enqueue(&store, "before", Due::NOW);
    let segment = &segments(dir.path())[0];
    let mut bytes = std::fs::read(segment).expect("it reads");
    let end = bytes.iter().rposition(|byte| *byte != 0).expect("frames");
    bytes[end - 20] ^= 1;
    std::fs::write(segment, bytes).expect("it writes");
    let answer = wait(store.job(&id("before")));
    assert!(
        matches!(&answer, Err(StoreError::Failed(reason)) if reason.contains("00000001.seg")),
        "{answer:?}"
    );
    assert_stopped(&store);
}

#[test]
fn a_rotation_that_fails_stops_the_store() {
    let choices: [fn(&Faults) -> &AtomicBool; 2] =
        [|faults| &faults.read_only, |faults| &faults.dir_sync];
    for choice in choices {
        let dir = tempfile::tempdir().expect("a directory");
        let (store, faults) = open_faulty(dir.path());
        enqueue(&store, "before", Due::NOW);
        choice(&faults).store(true, SeqCst);
        let accepted =
            (0..1_000).take_while(|number| try_enqueue(&store, &format!("{number}")).is_ok());
        let accepted = accepted.count() as u64;
        assert!(accepted < 1_000);
        assert_stopped(&store);
        drop(store);
        // Not one acknowledged is missing; the one that failed may be there.
        let there = counts(&open(dir.path())).ready;
        assert!(
            (accepted + 1..=accepted + 2).contains(&there),
            "{accepted}, {there}"
        );
    }
}

#[test]
fn a_file_system_that_cannot_be_written_is_not_opened() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(open(dir.path()));
    let (disk, faults) = FaultyDisk::over(dir.path());
    faults.read_only.store(true, SeqCst);
    let error = EmbeddedStore::open_on(&disk, dir.path(), options(), time()).err();
    assert!(
        matches!(error, Some(OpenError::NotWritable { .. })),
        "{error:?}"
    );
}
