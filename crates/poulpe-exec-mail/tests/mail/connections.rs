//! When connections are kept, and what becomes of those that died meanwhile.

use crate::{executor, executor_for, plain, send};
use poulpe_exec_mail::{MailConfig, MailExecutor};
use poulpe_tests::MailServer as Server;
use serde_json::json;

#[test]
fn mails_go_over_one_connection_one_after_the_other() {
    let server = Server::plain();
    let executor = executor(&server);
    for _ in 0..5 {
        send(&executor).expect("sent");
        server.mail();
    }
    assert_eq!((server.count("greeting"), server.count("closed")), (1, 0));
}

#[test]
fn a_kept_connection_that_was_closed_is_replaced_within_the_attempt() {
    for script in [
        json!({"mail": ["ok", "close"]}),
        json!({"mail": ["ok", "421 idle for too long; close"]}),
        json!({"rcpt": ["ok", "close"]}),
        json!({"data": ["ok", "close"]}),
    ] {
        let server = Server::scripted(&script);
        let executor = executor(&server);
        send(&executor).expect("sent");
        send(&executor).expect("sent on another connection");
        server.mail();
        server.mail();
        assert_eq!(server.count("greeting"), 2, "{script}");
    }
}

#[test]
fn a_kept_connection_that_breaks_in_the_mail_is_not_replaced_within_the_attempt() {
    let server = Server::scripted(&json!({"content": ["ok", "close"]}));
    let executor = executor(&server);
    send(&executor).expect("sent");
    let failure = send(&executor).expect_err("who knows");
    assert!(failure.reason.contains("may have taken"), "{failure:?}");
    assert_eq!(server.count("greeting"), 1);
}

#[test]
fn a_new_connection_that_breaks_is_not_replaced_within_the_attempt() {
    let server = Server::scripted(&json!({"mail": ["close"]}));
    send(&executor(&server)).expect_err("broken");
    server.wait_for("closed");
    assert_eq!(server.count("greeting"), 1);
}

#[test]
fn a_restarted_server_is_found_again() {
    let first = Server::plain();
    let executor = executor(&first);
    send(&executor).expect("sent");
    let port = first.port;
    drop(first);
    let second = Server::start(&json!({"port": port}));
    send(&executor).expect("sent to the new one");
    second.mail();
}

#[test]
fn no_more_connections_are_kept_than_there_are_workers() {
    let together = "together 4";
    let server = Server::scripted(&json!({"data": [together, together, together, together]}));
    let config = MailConfig {
        server: Some(plain(server.port)),
        workers: 1,
    };
    let executor = MailExecutor::new(config).expect("a good configuration");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| send(&executor).expect("sent"));
        }
    });
    for _ in 0..3 {
        server.wait_for("closed");
    }
    send(&executor).expect("sent");
    assert_eq!((server.count("greeting"), server.count("quit")), (4, 3));
}

#[test]
fn the_server_hears_a_good_bye_when_the_executor_ends() {
    let server = Server::plain();
    let executor = executor(&server);
    send(&executor).expect("sent");
    drop(executor);
    server.wait_for("closed");
    assert_eq!(server.count("quit"), 1);
}

#[test]
fn a_server_that_hangs_at_the_good_bye_is_not_waited_for_long() {
    let server = Server::scripted(&json!({"quit": ["hang"]}));
    let executor = executor(&server);
    send(&executor).expect("sent");
    let start = std::time::Instant::now();
    drop(executor);
    assert!(start.elapsed() < crate::LONG / 4, "{:?}", start.elapsed());
}

#[test]
fn an_executor_may_be_dropped_inside_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async { drop(executor_for(plain(1))) });
}
