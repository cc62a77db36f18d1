//! Attempts that are told to stop.

use crate::server::{Server, ok};
use crate::{LONG, executor, get, job, run};
use poulpe_core::{Attempt, CancelReason, Executor, Failure};
use poulpe_exec_http::HttpExecutor;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

/// Cancels a call of `url` when `reached` says that it has come far enough.
fn cancel_when(executor: &HttpExecutor, url: &str, reached: &Receiver<()>) -> Failure {
    let (attempt, canceller) = Attempt::for_test(LONG);
    let job = job(get(url, ""));
    let start = Instant::now();
    let failure = std::thread::scope(|scope| {
        let call = scope.spawn(|| executor.execute(&job, &attempt));
        reached.recv_timeout(LONG).unwrap();
        canceller.cancel(CancelReason::Requested);
        call.join().unwrap().unwrap_err()
    });
    assert!(start.elapsed() < LONG / 2);
    failure
}

#[test]
fn an_attempt_that_is_cancelled_before_it_begins_calls_nobody() {
    let server = Server::always(ok(""));
    let (attempt, canceller) = Attempt::for_test(LONG);
    canceller.cancel(CancelReason::LeaseLost);
    let failure = executor().execute(&job(get(&server.url("/"), "")), &attempt);
    assert_eq!(
        failure.unwrap_err().reason,
        "given up because the job's lease was lost before the call began"
    );
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_call_that_waits_for_its_answer_is_interrupted() {
    let (sent, reached) = channel();
    let server = Server::start(move |connection| {
        while let Some(request) = connection.read() {
            if request.target == "/hang" {
                sent.send(()).unwrap();
                connection.hang();
            }
            connection.write(&ok("x"));
        }
    });
    let executor = executor();
    // So that the call is made on an idle connection; a new one is the next call's.
    run(&executor, get(&server.url("/"), ""), LONG).unwrap();
    for connections in [1, 2] {
        let failure = cancel_when(&executor, &server.url("/hang"), &reached);
        let reason = format!("cancelled while {} was called", server.place());
        assert_eq!(failure.reason, reason);
        assert_eq!(server.connections(), connections);
    }
}

#[test]
fn a_body_that_was_cut_by_cancelling_is_no_success() {
    for head in ["Content-Length: 9\r\n\r\nhalf", "\r\nhalf"] {
        let (sent, reached) = channel();
        let server = Server::start(move |connection| {
            connection.read();
            connection.write(format!("HTTP/1.1 200 OK\r\n{head}").as_bytes());
            sent.send(()).unwrap();
            connection.hang();
        });
        let failure = cancel_when(&executor(), &server.url("/"), &reached);
        assert!(failure.reason.starts_with("cancelled while"), "{failure:?}");
    }
}

#[test]
fn a_tls_handshake_is_interrupted() {
    let (sent, reached) = channel();
    let server = Server::start(move |connection| {
        connection.first_byte();
        sent.send(()).unwrap();
        connection.hang();
    });
    let url = format!("https://{}/", server.place());
    let failure = cancel_when(&executor(), &url, &reached);
    assert!(failure.reason.starts_with("cancelled while"), "{failure:?}");
}
