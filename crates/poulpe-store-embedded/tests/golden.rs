//! A store that an earlier version wrote is read by this one. `golden/1` holds format 1, and `golden/2` format 2, in
//! which some of the same was moved to a cold segment. Both were written once and never again: a change of them would
//! break everybody's data.

mod common;
use common::*;

use poulpe_job::{Due, LaneSet, Params, State};
use poulpe_store::{Checkpoint, Group, JobStore, Lookup, Settlement};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn golden(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(format)
}

/// A job with something in every field.
fn full() -> poulpe_job::Job {
    poulpe_job::Job {
        params: Params::List(vec!["one".into(), "two words".into(), "🐙".into()]),
        lanes: LaneSet::new([1, 3]),
        headers: vec![("X-One".into(), "1".into()), ("X-Two".into(), "ü".into())],
        ..job("full")
    }
}

/// One of everything that a store writes.
fn fill(store: &dyn JobStore) {
    let group = Group::job(full(), Due::In(Duration::from_secs(3_600)));
    wait(store.enqueue(vec![group])).expect("it enqueues");
    for name in ["done", "dead", "retrying", "running"] {
        enqueue(store, name, Due::NOW);
    }
    let claimed = claim_max(store, 1, 10);
    let lease = |name| {
        let found = claimed.iter().find(|one| one.job.id == id(name));
        &found.expect("it was claimed").lease
    };
    for name in ["done", "dead", "retrying", "running"] {
        start(store, lease(name));
    }
    settle(store, lease("done"), complete("output"));
    settle(store, lease("dead"), bury(1));
    settle(
        store,
        lease("retrying"),
        retry(1, Due::In(Duration::from_secs(60))),
    );
    let checkpoint = Checkpoint {
        name: "offsets".into(),
        expected: None,
        next: vec![0, 1, 254, 255],
    };
    assert_eq!(wait(store.compare_and_set(checkpoint)), Ok(true));
}

/// Lets so much go by that all of this is moved. What goes by leaves nothing: dead letters that are removed.
fn age(store: &dyn JobStore) {
    for round in 0_u64.. {
        if figure(store, "copied_records") >= 6 {
            return;
        }
        let names: Vec<String> = (0..10)
            .map(|number| format!("gone-{round}-{number}"))
            .collect();
        let groups = names.iter().map(|name| {
            let mut job = job(name);
            job.params = Params::Text("x".repeat(500));
            Group::job(job, Due::NOW)
        });
        wait(store.enqueue(groups.collect())).expect("it enqueues");
        let settlements = claim_max(store, 2 + round, 10)
            .into_iter()
            .map(|one| Settlement {
                lease: one.lease,
                verdict: bury(1),
            });
        wait(store.settle(settlements.collect())).expect("it settles");
        for name in names {
            wait(store.purge(&id(&name))).expect("it purges");
        }
    }
}

fn assert_all_there(store: &dyn JobStore) {
    let found = counts(store);
    let numbers = (
        found.delayed,
        found.ready,
        found.retrying,
        found.dead,
        found.done,
        found.outbox,
    );
    assert_eq!(numbers, (1, 1, 1, 1, 1, 1));
    let job = |name| {
        wait(store.job(&id(name)))
            .expect("it answers")
            .expect("it is there")
    };
    let mut expected = full();
    expected.accepted_at = poulpe_job::Timestamp::from_millis(START);
    expected.due = poulpe_job::Timestamp::from_millis(START + 3_600_000);
    assert_eq!(job("full").job, Some(expected));
    assert_eq!(
        lookup(store, "done"),
        Lookup::Ended(result("output", State::Done))
    );
    assert_eq!(
        lookup(store, "dead"),
        Lookup::Ended(result("", State::Dead))
    );
    assert_eq!(job("retrying").progress.errors, [error(1)]);
    assert_eq!(
        (
            job("running").progress.attempts,
            job("running").progress.losses
        ),
        (1, 1)
    );
    assert_eq!(wait(store.load("offsets")), Ok(Some(vec![0, 1, 254, 255])));
}

#[test]
fn format_1_is_read() {
    let dir = copy(&golden("1"));
    assert_all_there(&open(dir.path()));
}

#[test]
fn format_2_is_read() {
    let dir = copy(&golden("2"));
    assert!(dir.path().join("00000001.cold").exists());
    assert_all_there(&open(dir.path()));
}

#[test]
fn what_is_written_today_is_of_the_same_size() {
    // Not of the same bytes, there are random numbers in it; but a field more or less shows.
    let dir = tempfile::tempdir().expect("a directory");
    write(dir.path(), fill);
    for name in names(&golden("1")) {
        let len = |dir: &Path| {
            let bytes = std::fs::read(dir.join(&name)).expect("it is there");
            bytes.iter().rposition(|byte| *byte != 0)
        };
        assert_eq!(len(dir.path()), len(&golden("1")), "{name}");
    }
}

/// Writes the golden files of the present format. Only for a new one: `cargo test --test golden -- --ignored`.
#[test]
#[ignore = "writes files into the source tree"]
fn write_golden() {
    let dir = golden("new");
    std::fs::create_dir_all(&dir).expect("it is made");
    write(&dir, |store| {
        fill(store);
        age(store);
    });
}

fn write(dir: &Path, fill: impl FnOnce(&dyn JobStore)) {
    let written = tempfile::tempdir().expect("a directory");
    let store = open(written.path());
    fill(&store);
    let crashed = copy(written.path());
    for name in names(crashed.path()) {
        let bytes = std::fs::read(crashed.path().join(&name)).expect("it reads");
        // Of the zeros behind the last frame none is needed, of those in it each: a last purge ends with some.
        let used = bytes.iter().rposition(|byte| *byte != 0);
        let end = match used {
            None => 0,
            Some(_) if name.ends_with(".cold") => bytes.len(),
            Some(last) => bytes.len().min(last + 1 + 8),
        };
        // There or not; neither belongs to the format.
        if end > 0 && name != "LOCK" && name != "spare" {
            std::fs::write(dir.join(name), &bytes[..end]).expect("it writes");
        }
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("it lists");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}
