//! A repair copies all that can be read, says what can't, and leaves the damaged store as it is.

mod common;
use common::*;

use poulpe_job::{Due, State};
use poulpe_store::JobStore;
use poulpe_store_embedded::{RepairError, RepairReport, repair};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Those of jobs that a repair has to keep.
const STATES: [State; 4] = [State::Delayed, State::Ready, State::Retrying, State::Dead];

const MAGIC: [u8; 4] = [0xf8, b'p', b'l', 0xff];

fn mend(dir: &Path, into: &Path) -> Result<RepairReport, RepairError> {
    repair(dir, into, &*time(), &mut |_| {})
}

/// Jobs in several segments, each in a frame of its own; some have ended.
fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    for number in 0..300 {
        enqueue(&store, &format!("job-{number}"), Due::NOW);
    }
    for (number, claimed) in claim_max(&store, 1, 30).iter().enumerate() {
        start(&store, &claimed.lease);
        let verdict = if number < 20 {
            complete("output")
        } else {
            bury(1)
        };
        settle(&store, &claimed.lease, verdict);
    }
    enqueue(&store, "last", Due::In(Duration::from_secs(60)));
    drop(store);
    dir
}

fn frames(bytes: &[u8]) -> Vec<usize> {
    let all = (0..bytes.len() - 4).step_by(8);
    all.filter(|at| bytes[*at..*at + 4] == MAGIC).collect()
}

fn bytes_of(dir: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(dir).expect("it lists");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut all: Vec<_> = paths
        .map(|path| {
            let bytes = fs::read(&path).expect("it reads");
            (path, bytes)
        })
        .collect();
    all.sort();
    all
}

/// Changes a segment of a filled store, repairs it, and compares; gives the names that are missing and come back.
fn after(change: impl FnOnce(&mut Vec<u8>)) -> (RepairReport, BTreeSet<String>, BTreeSet<String>) {
    let dir = filled();
    let whole = names_in(&STATES, &open(copy(dir.path()).path()));
    let file = &segments(dir.path())[0];
    let mut bytes = fs::read(file).expect("it reads");
    change(&mut bytes);
    fs::write(file, bytes).expect("it writes");
    assert!(try_open(dir.path()).is_err());
    let before = bytes_of(dir.path());
    let into = tempfile::tempdir().expect("a directory");
    let report = mend(dir.path(), into.path()).expect("it is repaired");
    assert!(
        bytes_of(dir.path()) == before,
        "the damaged store was changed"
    );
    assert_eq!(report.made.problems, []);
    let left = names_in(&STATES, &open(into.path()));
    let missing = whole.difference(&left).cloned().collect();
    let back = left.difference(&whole).cloned().collect();
    (report, missing, back)
}

#[test]
fn a_sound_store_is_copied_whole() {
    let dir = filled();
    let into = tempfile::tempdir().expect("a directory");
    let target = into.path().join("new");
    let report = mend(dir.path(), &target).expect("it is repaired");
    assert_eq!(report.lost, []);
    assert_eq!((report.living, report.dead, report.ends), (271, 10, 20));
    assert_eq!((report.may_run_again, report.superseded), (0, 0));
    let (old, new) = (open(dir.path()), open(&target));
    assert_eq!(names_in(&STATES, &new), names_in(&STATES, &old));
    assert_eq!(counts(&new), counts(&old));
    assert_eq!(lookup(&new, "job-3"), lookup(&old, "job-3"));
    // The order of acceptance goes on where it was.
    enqueue(&new, "next", Due::NOW);
    enqueue(&old, "next", Due::NOW);
    let sequence = |store: &dyn JobStore| {
        let job = wait(store.job(&id("next"))).expect("it answers");
        job.expect("it is there").sequence
    };
    assert_eq!(sequence(&new), sequence(&old));
}

#[test]
fn a_flipped_bit_in_a_record_costs_that_job() {
    let (report, missing, back) = after(|bytes| {
        let at = frames(bytes)[41] + 70;
        bytes[at] ^= 1;
    });
    assert_eq!(missing.into_iter().collect::<Vec<_>>(), ["job-40"]);
    assert_eq!((back.len(), report.lost.len()), (0, 1));
    assert!(report.may_run_again > 0);
}

#[test]
fn a_flipped_bit_in_a_header_costs_nothing() {
    for at in 0..40 {
        let (report, missing, back) = after(|bytes| {
            let start = frames(bytes)[41];
            bytes[start + at] ^= 0x10;
        });
        assert_eq!((missing.len(), back.len()), (0, 0), "byte {at}");
        assert_eq!(
            (report.lost.len(), report.rescued_records),
            (1, 1),
            "byte {at}"
        );
    }
}

#[test]
fn a_wiped_range_costs_what_was_in_it() {
    let (report, missing, back) = after(|bytes| {
        let frames = frames(bytes);
        bytes[frames[11]..frames[50]].fill(0);
    });
    // The first 30 have ended: what was wiped of them is told again by later records.
    let expected: BTreeSet<String> = (30..49).map(|number| format!("job-{number}")).collect();
    assert_eq!((missing, back.len()), (expected, 0));
    assert_eq!((report.lost.len(), report.rescued_records), (1, 0));
}

#[test]
fn a_segment_without_a_start_is_read_behind_it() {
    let (_, missing, _) = after(|bytes| bytes[..4_096].fill(0xaa));
    assert!(missing.len() < 20, "{missing:?}");
}

/// A copy of the golden store of format 2, which has a cold segment.
fn with_cold() -> (tempfile::TempDir, std::path::PathBuf) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/2");
    let dir = copy(&golden);
    let cold = dir.path().join("00000001.cold");
    assert!(cold.exists());
    (dir, cold)
}

#[test]
fn what_is_in_cold_segments_is_copied() {
    let (dir, _) = with_cold();
    let into = tempfile::tempdir().expect("a directory");
    let report = mend(dir.path(), into.path()).expect("it is repaired");
    assert_eq!(
        (report.lost, report.made.problems),
        (Vec::new(), Vec::new())
    );
    assert!(!into.path().join("00000001.cold").exists());
    let (old, new) = (open(dir.path()), open(into.path()));
    assert_eq!(names_in(&STATES, &new), names_in(&STATES, &old));
    assert_eq!(counts(&new), counts(&old));
}

#[test]
fn a_flipped_bit_anywhere_in_a_cold_segment_costs_one_job_at_most() {
    let (dir, cold) = with_cold();
    let whole = names_in(&STATES, &open(copy(dir.path()).path()));
    let bytes = fs::read(&cold).expect("it reads");
    for at in (0..bytes.len()).step_by(3) {
        let (dir, cold) = with_cold();
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        fs::write(cold, flipped).expect("it writes");
        let into = tempfile::tempdir().expect("a directory");
        let report = mend(dir.path(), into.path()).expect("it is repaired");
        assert_eq!(report.made.problems, [], "byte {at}");
        let left = names_in(&STATES, &open(into.path()));
        let missing = whole.difference(&left).count();
        let lost = report.lost.iter().map(|lost| lost.bytes);
        assert!(
            missing <= 1,
            "byte {at}: {missing} jobs, {:?}",
            lost.collect::<Vec<_>>()
        );
        assert_eq!(left.difference(&whole).count(), 0, "byte {at}");
    }
}

#[test]
fn an_end_that_was_lost_runs_the_job_again() {
    let dir = filled();
    let before = names_in(&STATES, &open(copy(dir.path()).path()));
    // In which segment the verdicts are; each has a frame of its own.
    let file = segments(dir.path()).into_iter().find_map(|file| {
        let bytes = fs::read(&file).expect("it reads");
        let output = b"output";
        let at = bytes
            .windows(output.len())
            .position(|window| window == output);
        at.map(|at| (file, at))
    });
    let (file, at) = file.expect("a result");
    let mut bytes = fs::read(&file).expect("it reads");
    bytes[at] ^= 1;
    fs::write(&file, bytes).expect("it writes");
    let into = tempfile::tempdir().expect("a directory");
    let report = mend(dir.path(), into.path()).expect("it is repaired");
    assert!(report.may_run_again > 0);
    let back = names_in(&STATES, &open(into.path()));
    let back: Vec<_> = back.difference(&before).collect();
    assert_eq!(back, ["job-0"]);
}

#[test]
fn nothing_is_written_over_or_into() {
    let dir = filled();
    let into = tempfile::tempdir().expect("a directory");
    fs::write(into.path().join("mine"), "").expect("it writes");
    let refused = mend(dir.path(), into.path());
    assert!(matches!(refused, Err(RepairError::NotEmpty { .. })));
    let before = bytes_of(dir.path());
    for inside in [dir.path().join("new"), dir.path().join("a/b")] {
        let refused = mend(dir.path(), &inside);
        assert!(matches!(refused, Err(RepairError::Inside { .. })));
    }
    assert!(bytes_of(dir.path()) == before);
}

#[test]
fn a_store_in_use_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let _store = open(dir.path());
    let into = tempfile::tempdir().expect("a directory");
    let refused = mend(dir.path(), &into.path().join("new")).expect_err("it is refused");
    assert!(refused.to_string().contains("in use"), "{refused}");
    assert!(!into.path().join("new").exists());
}
