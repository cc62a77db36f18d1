//! An audit says what an opening would say, and more, and changes nothing.

mod common;
use common::*;

use poulpe_job::Due;
use poulpe_store::{Checkpoint, Checkpoints, JobStore, Limits, ManualTime, Settlement, Store};
use poulpe_store_embedded::{CheckReport, OpenError, check};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

fn audit(dir: &Path) -> CheckReport {
    check(dir, Limits::default(), &*time(), &mut |_| {}).expect("it can be looked at")
}

/// Everything that a look could have changed.
fn state_of(dir: &Path) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
    let entries = fs::read_dir(dir).expect("it lists");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let state = paths.map(|path| {
        let metadata = fs::metadata(&path).expect("it is there");
        let modified = metadata.modified().expect("a time");
        let bytes = fs::read(&path).expect("it reads");
        (path, (modified, bytes))
    });
    state.collect()
}

/// One of everything, in several segments.
fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    for number in 0..400 {
        enqueue(&store, &format!("job-{number}"), Due::NOW);
    }
    let hour = Duration::from_secs(3_600);
    enqueue(&store, "later", Due::In(hour));
    let claimed = claim_max(&store, 1, 40);
    for (number, claimed) in claimed.iter().enumerate() {
        start(&store, &claimed.lease);
        let verdict = match number {
            0..20 => complete("output"),
            20..25 => bury(1),
            25..30 => retry(1, Due::In(hour)),
            _ => continue,
        };
        settle(&store, &claimed.lease, verdict);
    }
    let checkpoint = Checkpoint {
        name: "offsets".into(),
        expected: None,
        next: vec![0, 1, 254, 255],
    };
    assert_eq!(wait(store.compare_and_set(checkpoint)), Ok(true));
    let crashed = copy(dir.path());
    assert!(segments(crashed.path()).len() > 3);
    crashed
}

/// A store with a cold segment.
fn cleaned() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = time();
    let store = open_short(dir.path(), SMALL, &clock);
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut round = 0;
    while figure(&store, "cold_segments") == 0 {
        assert!(Instant::now() < deadline, "nothing was cleaned");
        enqueue(
            &store,
            &format!("lasting-{round}"),
            Due::In(Duration::from_secs(1_000_000)),
        );
        run(&store, &clock, round);
        round += 1;
    }
    copy(dir.path())
}

fn run(store: &dyn JobStore, clock: &ManualTime, round: u64) {
    for number in 0..60 {
        enqueue(store, &format!("{round}-{number}"), Due::NOW);
    }
    for claimed in claim_max(store, round + 1, 60) {
        start(store, &claimed.lease);
        settle(store, &claimed.lease, complete("done"));
    }
    clock.advance(Duration::from_secs(10));
}

#[test]
fn a_sound_store_is_sound_and_counted() {
    let dir = filled();
    let before = state_of(dir.path());
    let report = audit(dir.path());
    assert_eq!(report.problems, []);
    assert!(!report.in_use);
    let jobs = report.jobs;
    assert_eq!(
        (
            jobs.delayed,
            jobs.ready,
            jobs.running,
            jobs.retrying,
            jobs.dead,
            jobs.done
        ),
        (1, 360, 10, 5, 5, 20)
    );
    assert_eq!((report.checkpoints, report.results), (1, 25));
    assert_eq!(report.records.checkpoints, 1);
    assert_eq!((report.records.puts, report.records.ends), (401 + 10, 20));
    assert_eq!(state_of(dir.path()), before);
}

#[test]
fn a_store_with_cold_segments_is_sound() {
    let dir = cleaned();
    let report = audit(dir.path());
    assert_eq!(report.problems, []);
    assert!(report.segments.cold > 0);
    assert_eq!(report.torn_bytes, 0);
}

#[test]
fn golden_stores_are_sound_and_not_brought_to_the_newest_format() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for format in [1, 2] {
        let report = audit(&golden.join(format.to_string()));
        assert_eq!((report.format, report.problems), (format, Vec::new()));
    }
}

/// Flips a bit at each of these bytes of a file, one after the other: the audit names the file if and only if an opening
/// refuses.
fn flip_each(dir: &Path, file: &Path, offsets: impl Iterator<Item = usize>) -> (u64, u64) {
    let bytes = fs::read(file).expect("it reads");
    let name = file.file_name().expect("a name");
    let (mut refused, mut taken) = (0, 0);
    for at in offsets {
        let changed = copy(dir);
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        fs::write(changed.path().join(name), &flipped).expect("it writes");
        let before = state_of(changed.path());
        let report = audit(changed.path());
        assert!(
            state_of(changed.path()) == before,
            "byte {at} changed something"
        );
        match try_open(changed.path()) {
            Err(OpenError::Damaged { file, offset, .. }) => {
                let file = file
                    .file_name()
                    .and_then(|name| name.to_str())
                    .map(String::from);
                let is_named = |problem: &poulpe_store_embedded::Problem| {
                    problem.file == file && problem.offset == Some(offset)
                };
                assert!(
                    report.problems.iter().any(is_named),
                    "byte {at}: {report:?}"
                );
                refused += 1;
            }
            Ok(_) => {
                assert_eq!(report.problems, [], "byte {at}");
                taken += 1;
            }
            Err(error) => panic!("byte {at}: {error}"),
        }
    }
    (refused, taken)
}

/// The offsets of the frames of a segment.
fn frames(file: &Path) -> Vec<usize> {
    const MAGIC: [u8; 4] = [0xf8, b'p', b'l', 0xff];
    let bytes = fs::read(file).expect("it reads");
    let all = (0..bytes.len() - 4).step_by(8);
    all.filter(|at| bytes[*at..*at + 4] == MAGIC).collect()
}

#[test]
fn a_flipped_bit_of_a_whole_segment_is_named() {
    let dir = filled();
    let file = &segments(dir.path())[1];
    let frames = frames(file);
    let (refused, taken) = flip_each(dir.path(), file, frames[1]..frames[2]);
    // Padding means nothing.
    assert!(refused > 100 && taken < 8, "{refused} {taken}");
    let (refused, _) = flip_each(dir.path(), file, 0..frames[1]);
    assert!(refused > 40);
}

#[test]
fn a_flipped_bit_of_the_last_segment_is_named_or_unproven() {
    let dir = filled();
    let file = segments(dir.path()).pop().expect("a segment");
    let frames = frames(&file);
    let proven = frames[frames.len() - 2];
    let (refused, taken) = flip_each(dir.path(), &file, proven..frames[frames.len() - 1]);
    assert!(refused > 40 && taken < 8, "{refused} {taken}");
    let last = frames[frames.len() - 1];
    let (refused, taken) = flip_each(dir.path(), &file, (last..last + 400).step_by(3));
    assert!(refused == 0 && taken > 100, "{refused} {taken}");
}

#[test]
fn a_flipped_bit_of_a_cold_segment_is_named() {
    let dir = cleaned();
    let entries = fs::read_dir(dir.path()).expect("it lists");
    let mut paths = entries.map(|entry| entry.expect("an entry").path());
    let file = paths.find(|path| path.extension().is_some_and(|ending| ending == "cold"));
    let file = file.expect("a cold segment");
    let len = fs::metadata(&file).expect("it is there").len() as usize;
    let (refused, taken) = flip_each(dir.path(), &file, (0..len).step_by(5));
    assert!(refused > 50 && taken < refused, "{refused} {taken}");
}

#[test]
fn all_damage_is_listed_not_only_the_first() {
    let dir = filled();
    let files = segments(dir.path());
    for file in &files[..2] {
        let at = frames(file)[3] + 60;
        let mut bytes = fs::read(file).expect("it reads");
        bytes[at] ^= 1;
        fs::write(file, bytes).expect("it writes");
    }
    let report = audit(dir.path());
    let named: Vec<_> = report
        .problems
        .iter()
        .filter_map(|problem| problem.file.clone())
        .collect();
    assert_eq!(named, ["00000001.seg", "00000002.seg"]);
}

#[test]
fn a_directory_without_a_store_is_said_to_be_one() {
    let dir = tempfile::tempdir().expect("a directory");
    for path in [dir.path().to_path_buf(), dir.path().join("nothing")] {
        let looked = check(&path, Limits::default(), &*time(), &mut |_| {});
        assert!(
            matches!(looked, Err(OpenError::NoStore { .. })),
            "{looked:?}"
        );
    }
    assert_eq!(fs::read_dir(dir.path()).expect("it lists").count(), 0);
}

#[test]
fn a_store_under_load_is_sound_whenever_it_is_looked_at() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = time();
    let store = open_short(dir.path(), SMALL, &clock);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (store, is_over) = (&store, &is_over);
            scope.spawn(move || {
                for number in 0.. {
                    if is_over.load(Relaxed) {
                        return;
                    }
                    let due = match number % 20 {
                        0 => Due::In(Duration::from_secs(1_000_000)),
                        _ => Due::NOW,
                    };
                    enqueue(store, &format!("{thread}-{number}"), due);
                }
            });
        }
        let (store, over) = (&store, &is_over);
        scope.spawn(move || {
            for request in 1.. {
                if over.load(Relaxed) {
                    return;
                }
                // All at once, so that those who submit don't run away.
                let settlements = claim_max(store, request, 1_000).into_iter();
                let settlements = settlements.map(|claimed| Settlement {
                    lease: claimed.lease,
                    verdict: complete("done"),
                });
                wait(store.settle(settlements.collect())).expect("it settles");
                clock.advance(Duration::from_secs(20));
            }
        });
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut looks = 0;
        // Until segments have come and gone, and cold ones been made of them.
        while looks < 30 || figure(store, "cleaned_segments") < 5 {
            let report = audit(dir.path());
            let is_expected = report.problems.is_empty() && report.in_use;
            if !is_expected || Instant::now() > deadline {
                is_over.store(true, Relaxed);
                panic!("look {looks}: {report:?}");
            }
            assert_eq!(report.pid, Some(std::process::id()));
            looks += 1;
        }
        is_over.store(true, Relaxed);
    });
}
