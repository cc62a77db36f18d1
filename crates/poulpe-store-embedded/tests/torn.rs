//! A crash may leave anything behind what was synced: what was acknowledged before is there all the same. What was
//! synced and can't be read is damage.

mod common;
use common::*;

use poulpe_job::Due;
use poulpe_store_embedded::OpenError;
use std::fs;
use std::path::{Path, PathBuf};

const MAGIC: [u8; 4] = [0xf8, b'p', b'l', 0xff];

/// A store with three jobs, each in its own frame, as it lies on disk; the segment, and where its frames start. The
/// last one is the end.
struct Crashed {
    dir: tempfile::TempDir,
    segment: PathBuf,
    frames: Vec<usize>,
    end: usize,
}

fn crashed() -> Crashed {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    for name in ["a", "b", "c"] {
        enqueue(&store, name, Due::NOW);
    }
    let dir = copy(dir.path());
    let segment = segments(dir.path()).pop().expect("a segment");
    let bytes = fs::read(&segment).expect("it reads");
    let frames = (0..bytes.len() - 4).step_by(8);
    let frames: Vec<usize> = frames.filter(|at| bytes[*at..*at + 4] == MAGIC).collect();
    assert_eq!(frames.len(), 4, "the head and three jobs");
    let end = bytes.iter().rposition(|byte| *byte != 0).expect("frames") + 1;
    Crashed {
        dir,
        segment,
        frames,
        end,
    }
}

/// The same directory with other bytes in its segment, opened.
fn with_bytes(
    crashed: &Crashed,
    bytes: &[u8],
) -> (
    tempfile::TempDir,
    Result<impl poulpe_store::JobStore + use<>, OpenError>,
) {
    let dir = copy(crashed.dir.path());
    let name = crashed.segment.file_name().expect("a name");
    fs::write(dir.path().join(name), bytes).expect("it writes");
    let store = try_open(dir.path());
    (dir, store)
}

#[test]
fn a_tail_torn_at_any_byte_costs_only_what_was_not_acknowledged() {
    let crashed = crashed();
    let bytes = fs::read(&crashed.segment).expect("it reads");
    let last = crashed.frames[3];
    for cut in last..crashed.end {
        for filler in [0, 0xaa] {
            let mut torn = bytes.clone();
            torn[cut..crashed.end].fill(filler);
            let (dir, store) = with_bytes(&crashed, &torn);
            let store = store.unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
            assert_eq!(claim_all(&store), ["a", "b"], "cut at {cut}");
            // And it stays so.
            drop(store);
            assert_eq!(claim_all(&open(dir.path())), ["a", "b"], "cut at {cut}");
        }
    }
}

#[test]
fn a_file_that_ends_within_the_tail_is_torn_too() {
    let crashed = crashed();
    let bytes = fs::read(&crashed.segment).expect("it reads");
    for cut in crashed.frames[3]..crashed.end {
        let (_dir, store) = with_bytes(&crashed, &bytes[..cut]);
        let store = store.unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
        assert_eq!(claim_all(&store), ["a", "b"], "cut at {cut}");
    }
}

#[test]
fn a_bit_flipped_in_what_was_synced_is_refused() {
    let crashed = crashed();
    let bytes = fs::read(&crashed.segment).expect("it reads");
    for at in 0..crashed.frames[3] {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        let (_dir, store) = with_bytes(&crashed, &flipped);
        match store {
            // Between two frames there may be some bytes that mean nothing.
            Ok(store) => assert_eq!(claim_all(&store), ["a", "b", "c"], "byte {at}"),
            Err(OpenError::Damaged { file, offset, .. }) => {
                assert_eq!(file.file_name(), crashed.segment.file_name());
                assert!(offset <= at as u64, "byte {at}, said {offset}");
            }
            Err(other) => panic!("byte {at}: {other}"),
        }
    }
}

#[test]
fn what_was_synced_and_is_zero_now_is_refused() {
    let crashed = crashed();
    let mut bytes = fs::read(&crashed.segment).expect("it reads");
    bytes[crashed.frames[1]..crashed.frames[2]].fill(0);
    let (_dir, store) = with_bytes(&crashed, &bytes);
    assert!(matches!(store.err(), Some(OpenError::Damaged { .. })));
}

#[test]
fn the_error_names_the_file_and_changes_nothing() {
    let crashed = crashed();
    let mut bytes = fs::read(&crashed.segment).expect("it reads");
    bytes[crashed.frames[1] + 50] ^= 1;
    let (dir, store) = with_bytes(&crashed, &bytes);
    let text = store.err().expect("it is refused").to_string();
    assert!(text.contains("00000001.seg"), "{text}");
    assert!(
        text.contains(&format!("offset {}", crashed.frames[1])),
        "{text}"
    );
    let name = crashed.segment.file_name().expect("a name");
    assert_eq!(fs::read(dir.path().join(name)).expect("it reads"), bytes);
}

/// Several segments, all but the last of them ended.
fn several() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    for number in 0..500 {
        enqueue(&store, &format!("{number}"), Due::NOW);
    }
    let dir = copy(dir.path());
    assert!(segments(dir.path()).len() > 3);
    dir
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("it reads");
    change(&mut bytes);
    fs::write(path, bytes).expect("it writes");
}

#[test]
fn damage_in_an_earlier_segment_is_refused_wherever_it_is() {
    let original = several();
    let len = fs::metadata(&segments(original.path())[1])
        .expect("it is there")
        .len() as usize;
    for at in [0, 10, 100, len / 2, len - 30] {
        let dir = copy(original.path());
        change(&segments(dir.path())[1], |bytes| bytes[at] ^= 1);
        let error = try_open(dir.path()).err().map(|error| error.to_string());
        let error = error.unwrap_or_else(|| panic!("byte {at} was taken"));
        assert!(error.contains("00000002.seg"), "{error}");
    }
}

#[test]
fn an_earlier_segment_that_is_too_short_is_refused() {
    let original = several();
    let len = fs::metadata(&segments(original.path())[1])
        .expect("it is there")
        .len() as usize;
    for keep in [0, 30, 200, len - 8] {
        let dir = copy(original.path());
        change(&segments(dir.path())[1], |bytes| bytes.truncate(keep));
        let error = try_open(dir.path()).err().map(|error| error.to_string());
        assert!(
            error.is_some_and(|text| text.contains("00000002.seg")),
            "{keep}"
        );
    }
}

#[test]
fn a_tail_is_torn_in_a_later_segment_too() {
    let dir = several();
    let last = segments(dir.path()).pop().expect("a segment");
    let jobs = counts(&open(copy(dir.path()).path())).ready;
    change(&last, |bytes| {
        let end = bytes.iter().rposition(|byte| *byte != 0).expect("frames");
        bytes[end] ^= 1;
    });
    assert_eq!(counts(&open(dir.path())).ready, jobs - 1);
}
