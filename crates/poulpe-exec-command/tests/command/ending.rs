//! How the end of a command becomes the result of an attempt.

use crate::support::{run_script, run_script_for};
use poulpe_core::{Failure, Output, RetryAdvice};
use std::time::Duration;

#[test]
fn exit_code_0_is_success_and_standard_output_its_result() {
    let output = run_script("echo out; echo err >&2", &[]).expect("success");
    let expected = Output {
        text: "out\n".into(),
        status: Some(0),
    };
    assert_eq!(output, expected);
}

#[test]
fn another_exit_code_is_a_failure_with_the_last_line_of_standard_error() {
    let failure = run_script("echo out; echo first >&2; echo last >&2; exit 3", &[])
        .expect_err("exit code 3");
    let expected = Failure {
        reason: "command exited with code 3: last".into(),
        status: Some(3),
        output: "out\n".into(),
        retry: RetryAdvice::Later,
    };
    assert_eq!(failure, expected);
}

#[test]
fn a_failure_without_standard_output_shows_standard_error() {
    let failure = run_script("echo first >&2; echo last >&2; exit 1", &[]).expect_err("failure");
    assert_eq!(failure.output, "first\nlast\n");
}

#[test]
fn a_failure_that_says_nothing_still_has_a_reason() {
    let failure = run_script("exit 255", &[]).expect_err("failure");
    assert_eq!(failure.reason, "command exited with code 255");
}

#[test]
fn a_signal_is_a_failure_with_its_negative_number() {
    for (signal, number, name) in [("KILL", 9, "SIGKILL"), ("TERM", 15, "SIGTERM")] {
        let failure = run_script("kill -$1 $$", &[signal]).expect_err("a signal");
        let reason = format!("command was killed by signal {number} ({name})");
        assert_eq!((failure.reason, failure.status), (reason, Some(-number)));
    }
}

#[test]
fn what_was_printed_until_the_deadline_is_kept() {
    let script = "echo out; echo err >&2; exec sleep 1000";
    let failure = run_script_for(Duration::from_secs(1), script).expect_err("too slow");
    let expected = Failure {
        reason: "command did not end within 1 s and was killed: err".into(),
        status: Some(-15),
        output: "out\n".into(),
        retry: RetryAdvice::Later,
    };
    assert_eq!(failure, expected);
}

#[test]
fn a_success_after_the_deadline_is_still_a_failure() {
    let script = "trap 'exit 0' TERM; sleep 1000 & wait";
    let failure = run_script_for(Duration::from_secs(1), script).expect_err("too slow");
    assert_eq!(failure.status, Some(0));
    assert!(
        failure.reason.contains("did not end within 1 s"),
        "{failure:?}"
    );
}
