//! A process that is killed in the middle of its work: every job it was told to be accepted is there.

mod common;
use common::*;

use poulpe_job::{Due, State};
use poulpe_store::Lookup;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Tells the test binary that it is the process to be killed, and where its data is.
const CHILD: &str = "POULPE_TEST_CHILD_DIR";

/// How often a process is killed.
const ROUNDS: usize = 10;

/// Not a test of its own: what the killed process does. Four threads enqueue, and end every other job.
#[test]
fn child() {
    let Ok(dir) = std::env::var(CHILD) else {
        return;
    };
    let store = std::sync::Arc::new(open(Path::new(&dir)));
    let round = std::process::id();
    let threads = (0..4).map(|thread| {
        let store = std::sync::Arc::clone(&store);
        std::thread::spawn(move || work(&store, round, thread))
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().expect("it works until it is killed");
    }
}

fn work(store: &poulpe_store_embedded::EmbeddedStore, round: u32, thread: u64) {
    for number in 0_u64.. {
        let name = format!("{round}-{thread}-{number}");
        enqueue(store, &name, Due::NOW);
        say(&format!("accepted {name}"));
        if number.is_multiple_of(2) {
            for claimed in claim_max(store, number * 4 + thread + 1, 1) {
                start(store, &claimed.lease);
                let held = settle(store, &claimed.lease, complete("done"));
                assert_eq!(held, poulpe_store::Hold::Held);
                say(&format!("ended {}", claimed.job.id));
            }
        }
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .expect("the parent listens");
}

#[test]
fn every_acknowledged_job_is_there_after_a_kill() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut accepted, mut ended) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Killed after so many lines: somewhere else in each round.
        for line in lines_until_killed(dir.path(), 50 + round * 97) {
            match line.split_once(' ') {
                Some(("accepted", name)) => accepted.push(name.to_string()),
                Some(("ended", name)) => ended.push(name.to_string()),
                _ => {}
            }
        }
        let store = open(dir.path());
        for name in &ended {
            assert_eq!(
                lookup(&store, name),
                Lookup::Ended(result("done", State::Done)),
                "{name}"
            );
        }
        for name in &accepted {
            assert_ne!(lookup(&store, name), Lookup::Unknown, "{name}");
        }
    }
    assert!(accepted.len() > ROUNDS * 10 && !ended.is_empty());
}

/// Starts a process, kills it after it has said so much, and gives all that it said.
fn lines_until_killed(dir: &Path, lines: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let out = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut said = Vec::new();
    for line in out.lines() {
        said.push(line.expect("it speaks"));
        if said.len() == lines {
            child.kill().expect("it dies");
        }
    }
    child.wait().expect("it is dead");
    said
}
