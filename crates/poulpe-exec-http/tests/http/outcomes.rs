//! What comes of an attempt.

use crate::server::{Server, answer, ok};
use crate::{LONG, executor, get, post, run};
use poulpe_core::{Output, RetryAdvice};
use std::net::TcpListener;
use std::time::Duration;

#[test]
fn every_2xx_is_success() {
    let executor = executor();
    for (status, code) in [("200 OK", 200), ("201 Created", 201), ("202 Accepted", 202)] {
        let server = Server::always(answer(status, "", "done"));
        let expected = Output {
            text: "done".into(),
            status: Some(code),
        };
        assert_eq!(
            run(&executor, post(&server.url("/"), "x"), LONG),
            Ok(expected)
        );
    }
    let server = Server::always("HTTP/1.1 204 No Content\r\n\r\n");
    let output = run(&executor, get(&server.url("/"), ""), LONG).unwrap();
    assert_eq!((output.status, output.text.as_str()), (Some(204), ""));
}

#[test]
fn another_status_is_a_failure_that_keeps_the_body() {
    let server = Server::always(answer("500 Oops", "", "why"));
    let failure = run(&executor(), get(&server.url("/"), ""), LONG).unwrap_err();
    assert_eq!(
        failure.reason,
        format!("{} answered 500 Internal Server Error", server.place())
    );
    assert_eq!(
        (failure.status, failure.output.as_str()),
        (Some(500), "why")
    );
    assert_eq!(failure.retry, RetryAdvice::Later);
}

#[test]
fn the_target_can_ask_for_time_or_for_no_more_attempts() {
    for (status, header, retry) in [
        (
            "503 Busy",
            "Retry-After: 7",
            RetryAdvice::After(Duration::from_secs(7)),
        ),
        (
            "429 Slow",
            "Retry-After: 9999",
            RetryAdvice::After(Duration::from_secs(3_600)),
        ),
        ("400 Bad", "Poulpe-Retry: never", RetryAdvice::Never),
    ] {
        let server = Server::always(answer(status, &format!("{header}\r\n"), ""));
        let failure = run(&executor(), get(&server.url("/"), ""), LONG).unwrap_err();
        assert_eq!(failure.retry, retry, "{header}");
    }
}

#[test]
fn a_body_that_is_not_utf8_is_kept_as_well_as_it_can_be() {
    let server = Server::always(ok(b"a\xff\xfeb"));
    let output = run(&executor(), get(&server.url("/"), ""), LONG).unwrap();
    assert_eq!(output.text, "a\u{fffd}\u{fffd}b");
}

#[test]
fn a_refused_connection_names_the_place_and_no_secret() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap().to_string();
    drop(listener);
    let task = get(&format!("http://me:s3cret@{place}/?token=s3cret"), "");
    let failure = run(&executor(), task, LONG).unwrap_err();
    assert_eq!(
        failure.reason,
        format!("connection refused by {place}; does a server listen there?")
    );
    assert_eq!((failure.status, failure.retry), (None, RetryAdvice::Later));
}

#[test]
fn a_server_that_closes_without_answer_is_not_called_again() {
    let server = Server::start(|connection| {
        connection.read();
    });
    let failure = run(&executor(), post(&server.url("/"), "x"), LONG).unwrap_err();
    assert_eq!(
        failure.reason,
        format!(
            "{} closed the connection early, without an answer",
            server.place()
        )
    );
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn an_answer_that_breaks_off_is_a_failure_that_keeps_what_came() {
    for head in [
        "Content-Length: 100\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n64\r\n",
    ] {
        let server = Server::start(move |connection| {
            connection.read();
            connection.write(format!("HTTP/1.1 200 OK\r\n{head}half").as_bytes());
        });
        let failure = run(&executor(), get(&server.url("/"), ""), LONG).unwrap_err();
        assert!(
            failure.reason.contains("before the end of its answer"),
            "{failure:?}"
        );
        assert_eq!(
            (failure.status, failure.output.as_str()),
            (Some(200), "half")
        );
    }
}

#[test]
fn answers_that_are_not_http_have_a_reason() {
    for bytes in ["SSH-2.0-OpenSSH_9.9\r\n", "HTTP/1.1 abc\r\n\r\n"] {
        let server = Server::always(bytes);
        let failure = run(&executor(), get(&server.url("/"), ""), LONG).unwrap_err();
        assert!(failure.reason.contains("isn't HTTP"), "{failure:?}");
    }
}

#[test]
fn a_server_without_tls_has_a_reason() {
    let server = Server::start(|connection| {
        connection.first_byte();
        connection.write(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let task = get(&format!("https://{}/", server.place()), "");
    let failure = run(&executor(), task, LONG).unwrap_err();
    assert!(
        failure.reason.starts_with("no secure connection to"),
        "{failure:?}"
    );
}
