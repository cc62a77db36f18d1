//! Attempts that are told to stop.

use crate::{LONG, executor, job, task};
use poulpe_core::{Attempt, CancelReason, Executor};
use poulpe_tests::MailServer as Server;
use serde_json::json;
use std::time::Instant;

#[test]
fn an_attempt_that_is_cancelled_before_it_begins_speaks_to_nobody() {
    let server = Server::plain();
    let (attempt, canceller) = Attempt::for_test(LONG);
    canceller.cancel(CancelReason::LeaseLost);
    let failure = executor(&server).execute(&job(task(json!({}))), &attempt);
    assert_eq!(
        failure.expect_err("cancelled").reason,
        "given up because the job's lease was lost before the mail was sent"
    );
    assert_eq!(server.count("greeting"), 0);
}

#[test]
fn an_attempt_that_waits_for_the_server_is_interrupted() {
    for step in ["greeting", "rcpt", "content"] {
        let server = Server::scripted(&json!({step: ["hang"]}));
        let executor = executor(&server);
        let (attempt, canceller) = Attempt::for_test(LONG);
        let job = job(task(json!({})));
        let start = Instant::now();
        let failure = std::thread::scope(|scope| {
            let sending = scope.spawn(|| executor.execute(&job, &attempt));
            server.wait_for("hanging");
            canceller.cancel(CancelReason::Shutdown);
            sending.join().expect("no panic").expect_err("cancelled")
        });
        assert!(start.elapsed() < LONG / 2);
        let begin = "interrupted by the shutdown of poulpe while ";
        assert!(failure.reason.starts_with(begin), "{failure:?}");
        server.wait_for("closed");
    }
}
