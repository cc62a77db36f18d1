//! Servers that refuse, hang and hang up.

use crate::{LONG, SHORT, executor, executor_for, plain, run, send, task};
use poulpe_core::{Failure, RetryAdvice};
use poulpe_tests::MailServer as Server;
use serde_json::{Value, json};
use std::time::Instant;

/// The steps of a mail, and how a failure tells them.
const STEPS: [(&str, &str); 6] = [
    ("greeting", "waiting for its greeting"),
    ("ehlo", "saying EHLO"),
    ("mail", "naming the sender from@poulpe.test"),
    ("rcpt", "naming the recipient to@poulpe.test"),
    ("data", "announcing the mail"),
    (
        "content",
        "sending the mail, which it may have taken all the same",
    ),
];

fn failure(script: &Value) -> Failure {
    let server = Server::scripted(script);
    send(&executor(&server)).expect_err("a failure")
}

#[test]
fn five_hundreds_bury_at_once_with_the_servers_words_at_every_step() {
    for (step, told) in STEPS {
        let failure = failure(&json!({step: ["550 5.7.1 not from you"]}));
        assert_eq!(failure.retry, RetryAdvice::Never, "{failure:?}");
        assert_eq!(failure.status, Some(550));
        assert!(
            failure.reason.contains("550 5.7.1 not from you"),
            "{failure:?}"
        );
        assert!(failure.reason.contains(told), "{failure:?}");
    }
}

#[test]
fn four_hundreds_are_tried_again_and_then_succeed() {
    for (step, _) in STEPS {
        let server = Server::scripted(&json!({step: ["450 4.2.1 busy"]}));
        let executor = executor(&server);
        let failure = send(&executor).expect_err("busy");
        assert_eq!(failure.retry, RetryAdvice::Later, "{failure:?}");
        assert_eq!(failure.status, Some(450));
        assert!(failure.reason.contains("450 4.2.1 busy"), "{failure:?}");
        send(&executor).expect("the second time it is taken");
        server.mail();
    }
}

#[test]
fn a_server_that_hangs_is_given_up_at_the_deadline_at_every_step() {
    for (step, told) in STEPS {
        let server = Server::scripted(&json!({step: ["hang"]}));
        let executor = executor(&server);
        let start = Instant::now();
        let failure = run(&executor, task(json!({})), SHORT).expect_err("a time-out");
        let elapsed = start.elapsed();
        assert!(elapsed >= SHORT && elapsed < SHORT * 3, "{elapsed:?}");
        assert_eq!(failure.retry, RetryAdvice::Later);
        let expected = format!(
            "no answer from 127.0.0.1:{} within 0.7 s while {told}",
            server.port
        );
        assert_eq!(failure.reason, expected);
    }
}

#[test]
fn a_server_that_hangs_up_is_tried_again_at_every_step() {
    for (step, told) in STEPS {
        for action in ["close", "421 bye; close"] {
            let failure = failure(&json!({step: [action]}));
            assert_eq!(failure.retry, RetryAdvice::Later, "{failure:?}");
            assert!(failure.reason.contains(told), "{failure:?}");
        }
    }
}

#[test]
fn a_server_that_hangs_up_in_the_mail_may_have_taken_it() {
    let failure = failure(&json!({"data": ["354 go on; close"]}));
    assert_eq!(failure.retry, RetryAdvice::Later);
    assert!(
        failure
            .reason
            .ends_with("which it may have taken all the same"),
        "{failure:?}"
    );
}

#[test]
fn one_refused_recipient_keeps_the_mail_from_all() {
    let server = Server::scripted(&json!({"rcpt": ["ok", "550 5.1.1 no such user"]}));
    let executor = executor(&server);
    let two = task(json!({"to_addr": "a@x.test, b@x.test"}));
    let failure = run(&executor, two, LONG).expect_err("refused");
    assert_eq!(failure.retry, RetryAdvice::Never);
    let expected = format!(
        "127.0.0.1:{} refused while naming the recipient b@x.test: 550 5.1.1 no such user",
        server.port
    );
    assert_eq!(failure.reason, expected);
    // The next mail is none of the refused one's business.
    send(&executor).expect("sent");
    assert_eq!(server.mail()["recipients"], json!(["to@poulpe.test"]));
    assert_eq!((server.count("data"), server.count("greeting")), (1, 1));
}

#[test]
fn answers_that_are_not_smtp_are_tried_again() {
    for script in [
        json!({"greeting": ["HTTP/1.1 400 Bad Request"]}),
        json!({"data": ["250 what?"]}),
        json!({"mail": ["999 what?"]}),
    ] {
        let failure = failure(&script);
        assert_eq!(failure.retry, RetryAdvice::Later, "{failure:?}");
    }
}

#[test]
fn nobody_there_is_tried_again() {
    // Port 1 is nobody's.
    let failure = send(&executor_for(plain(1))).expect_err("nobody");
    assert_eq!(failure.retry, RetryAdvice::Later);
    assert_eq!(
        failure.reason,
        "connection refused by 127.0.0.1:1; does a mail server listen there?"
    );
}

#[test]
fn an_unknown_host_is_tried_again() {
    let mut server = plain(25);
    server.host = "no-such-host.invalid".into();
    let failure = send(&executor_for(server)).expect_err("nobody");
    assert_eq!(failure.retry, RetryAdvice::Later);
    assert!(failure.reason.contains("can't be resolved"), "{failure:?}");
}
