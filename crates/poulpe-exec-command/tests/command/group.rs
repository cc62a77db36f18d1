//! No process of a command outlives its attempt.

use crate::support::{
    LONG, Signpost, cancel_script, executor, is_gone, job, list, pids, run_script, run_script_for,
};
use poulpe_core::{Attempt, CancelReason, Executor};
use rustix::process::{Signal, kill_process, test_kill_process};
use std::time::{Duration, Instant};

#[test]
fn the_deadline_kills_a_command_that_ignores_sigterm_and_its_children() {
    // Ignoring a signal is inherited: none of the three dies of SIGTERM.
    let script = "trap '' TERM; (sleep 1000 & echo $!; wait) & sleep 1000 & echo $$ $!; wait";
    let failure = run_script_for(Duration::from_secs(1), script).expect_err("too slow");
    assert_eq!(failure.status, Some(-9));
    let pids = pids(&failure.output);
    assert_eq!(pids.len(), 3, "{failure:?}");
    assert!(pids.into_iter().all(is_gone));
}

#[test]
fn a_cancelled_command_dies_with_all_its_children() {
    let script = "sleep 1000 & a=$!; sh -c 'sleep 1000 & wait' & echo $$ $a $! > $1; wait";
    let (result, said) = cancel_script(script);
    let failure = result.expect_err("cancelled");
    assert_eq!(failure.reason, "command was killed: its job was cancelled");
    assert_eq!(failure.status, Some(-15));
    assert!(pids(&said).into_iter().all(is_gone));
}

#[test]
fn a_cancelled_command_may_tidy_up() {
    let script = "trap 'echo tidied; exit 7' TERM; echo ready > $1; sleep 1000 & wait";
    let failure = cancel_script(script).0.expect_err("cancelled");
    assert_eq!(
        (failure.output.as_str(), failure.status),
        ("tidied\n", Some(7))
    );
}

#[test]
fn a_child_may_tidy_up_when_its_parent_dies_at_once() {
    let script = "sh -c 'trap \"sleep 0.2; echo tidied; exit\" TERM; echo ready > $0; sleep 1000 & wait' $1 & wait";
    let failure = cancel_script(script).0.expect_err("cancelled");
    assert_eq!(
        (failure.output.as_str(), failure.status),
        ("tidied\n", Some(-15))
    );
}

#[test]
fn a_child_that_ignores_sigterm_dies_although_its_parent_is_gone() {
    let script = "(trap '' TERM; sleep 1000 & echo $! > $1; wait) & wait";
    let (result, said) = cancel_script(script);
    result.expect_err("cancelled");
    assert!(pids(&said).into_iter().all(is_gone));
}

#[test]
fn an_attempt_that_is_already_cancelled_starts_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("started").display().to_string();
    let (attempt, canceller) = Attempt::for_test(LONG);
    canceller.cancel(CancelReason::Shutdown);
    let failure = executor(&["/bin/touch"])
        .execute(&job("/bin/touch", list(&[&file])), &attempt)
        .expect_err("cancelled");
    assert_eq!(
        failure.reason,
        "command was not started: poulpe is shutting down"
    );
    assert!(!std::fs::exists(file).expect("readable"));
}

#[test]
fn children_left_behind_are_killed_and_their_hold_on_the_output_ends() {
    let start = Instant::now();
    let output = run_script("(trap '' TERM; sleep 1000) & echo $!", &[]).expect("success");
    assert!(start.elapsed() < LONG, "it hung");
    assert!(pids(&output.text).into_iter().all(is_gone));
}

#[test]
fn a_child_that_escapes_the_group_does_not_hold_up_the_attempt() {
    let signpost = Signpost::new();
    // Ends only when the child is in its own session. `<>` because opening a pipe to read alone waits for a writer.
    let script = "setsid sh -c 'echo $$ > $0; exec sleep 1000' $1 & exec head -n 1 <> $1";
    let start = Instant::now();
    let output = run_script(script, &[&signpost.path()]).expect("success");
    let pids = pids(&output.text);
    let lives = pids.iter().all(|pid| test_kill_process(*pid).is_ok());
    for pid in pids {
        kill_process(pid, Signal::KILL).expect("it escaped");
    }
    assert!(start.elapsed() < LONG, "it hung");
    assert!(lives, "it didn't escape, so this shows nothing");
}

#[test]
fn a_child_that_escapes_and_prints_on_does_not_hold_up_the_attempt() {
    let signpost = Signpost::new();
    let script = "setsid sh -c 'echo $$ > $0; exec yes' $1 & read pid <> $1; echo $pid >&2; exit 1";
    let failure = run_script(script, &[&signpost.path()]).expect_err("exit code 1");
    let (_, pid) = failure.reason.split_once(": ").expect("its number");
    // Nobody reads its output any more.
    assert!(pids(pid).into_iter().all(is_gone));
}
