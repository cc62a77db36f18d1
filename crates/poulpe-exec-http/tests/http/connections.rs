//! Keeping connections, and not being hurt by closed ones.

use crate::server::{Server, answer, ok};
use crate::{LONG, executor, get, post, run};
use std::sync::Barrier;

#[test]
fn calls_one_after_the_other_share_a_connection() {
    let server = Server::answering(|request| match &*request.target {
        "/empty" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        "/bad" => answer("500 Oops", "", "why"),
        "/moved" => answer("302 Found", "Location: /\r\n", "moved"),
        _ => ok("x"),
    });
    let executor = executor();
    for path in ["/", "/empty", "/bad", "/moved", "/"].repeat(10) {
        let outcome = run(&executor, post(&server.url(path), "x"), LONG);
        assert_eq!(outcome.is_err(), path == "/bad", "{path}: {outcome:?}");
    }
    assert_eq!((server.seen().len(), server.connections()), (60, 1));
}

#[test]
fn four_workers_need_four_connections() {
    let server = Server::always(ok("x"));
    let executor = executor();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    run(&executor, get(&server.url("/"), ""), LONG).unwrap();
                }
            });
        }
    });
    assert!(server.connections() <= 4, "{}", server.connections());
}

#[test]
fn a_server_that_closes_after_each_answer_costs_no_attempt() {
    // It says nothing of closing, and closes a moment after the client has taken the answer.
    let server = Server::start(|connection| {
        if connection.read().is_some() {
            connection.write(&ok("x"));
        }
    });
    let executor = executor();
    for _ in 0..200 {
        run(&executor, post(&server.url("/"), "x"), LONG).unwrap();
    }
}

#[test]
fn a_request_on_an_idle_connection_that_gets_closed_is_sent_again() {
    // The first connection answers once and then closes on a request that is already on its way.
    let server = Server::start(|connection| {
        connection.read();
        connection.write(&ok("x"));
        let is_first = connection.number == 0;
        while connection.read().is_some() && !is_first {
            connection.write(&ok("x"));
        }
    });
    let executor = executor();
    for _ in 0..3 {
        run(&executor, post(&server.url("/"), "x"), LONG).unwrap();
    }
    assert_eq!((server.seen().len(), server.connections()), (4, 2));
}

#[test]
fn it_is_sent_again_on_a_new_connection_not_on_another_idle_one() {
    let both_came = Barrier::new(2);
    let server = Server::start(move |connection| {
        connection.read();
        if connection.number < 2 {
            both_came.wait();
        }
        connection.write(&ok("x"));
        connection.read();
    });
    let executor = executor();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| run(&executor, get(&server.url("/"), ""), LONG).unwrap());
        }
    });
    run(&executor, get(&server.url("/"), ""), LONG).unwrap();
    assert_eq!((server.seen().len(), server.connections()), (4, 3));
}

#[test]
fn it_is_sent_again_only_once() {
    let server = Server::start(|connection| {
        connection.read();
        if connection.number == 0 {
            connection.write(&ok("x"));
            connection.read();
        }
    });
    let executor = executor();
    run(&executor, post(&server.url("/"), "x"), LONG).unwrap();
    let failure = run(&executor, post(&server.url("/"), "x"), LONG).unwrap_err();
    assert!(
        failure.reason.contains("closed the connection early"),
        "{failure:?}"
    );
    assert_eq!(server.seen().len(), 3);
}
