//! What can't be opened says why and what to do.

mod common;
use common::*;

use poulpe_job::Due;
use poulpe_store_embedded::OpenError;
use std::fs;

#[test]
fn a_directory_is_made_for_this_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a directory");
    let deep = dir.path().join("a/b");
    drop(open(&deep));
    let mode = fs::metadata(&deep)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_directory_in_use_is_refused_and_free_again_after() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = open(dir.path());
    let error = try_open(dir.path()).err();
    assert!(
        matches!(&error, Some(OpenError::InUse { pid, .. }) if *pid == Some(std::process::id())),
        "{error:?}"
    );
    drop(first);
    open(dir.path());
}

#[test]
fn a_file_is_no_directory() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    fs::write(&file, "").expect("it writes");
    for path in [file.clone(), file.join("below")] {
        let error = try_open(&path).err();
        assert!(
            matches!(error, Some(OpenError::NotADirectory { .. })),
            "{error:?}"
        );
    }
}

#[test]
fn a_newer_format_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(open(dir.path()));
    fs::write(dir.path().join("FORMAT"), "poulpe store 3\n").expect("it writes");
    let error = try_open(dir.path()).err();
    assert!(
        matches!(
            error,
            Some(OpenError::Newer {
                found: 3,
                known: 2,
                ..
            })
        ),
        "{error:?}"
    );
}

#[test]
fn a_format_that_makes_no_sense_or_is_missing_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(open(dir.path()));
    let format = dir.path().join("FORMAT");
    for text in ["", "poulpe store x\n", "something else"] {
        fs::write(&format, text).expect("it writes");
        let error = try_open(dir.path()).err();
        assert!(
            matches!(error, Some(OpenError::Damaged { .. })),
            "{error:?}"
        );
    }
    fs::remove_file(&format).expect("it goes");
    let error = try_open(dir.path()).err();
    assert!(
        matches!(error, Some(OpenError::Damaged { .. })),
        "{error:?}"
    );
}

#[test]
fn files_of_others_and_half_made_ones_do_no_harm() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    enqueue(&store, "a", Due::NOW);
    drop(store);
    for name in [
        "spare.tmp",
        "next.tmp",
        "FORMAT.tmp",
        "spare",
        "notes.txt",
        "1.seg",
    ] {
        fs::write(dir.path().join(name), "something").expect("it writes");
    }
    let store = open(dir.path());
    // Until the spare is used: it must not be the one with something in it.
    for number in 0..200 {
        enqueue(&store, &format!("{number}"), Due::NOW);
    }
    drop(store);
    assert_eq!(counts(&open(dir.path())).ready, 201);
}
