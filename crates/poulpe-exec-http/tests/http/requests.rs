//! What the target gets.

use crate::server::{Server, ok};
use crate::{LONG, executor, get, job, post, run, with_headers};
use poulpe_core::{Attempt, Canceller, Executor, JobId, Task};
use std::time::Instant;

#[test]
fn a_get_appends_the_params_as_they_are() {
    let server = Server::always(ok(""));
    let executor = executor();
    for (path, params, target) in [
        ("/p", "a=1&b=%20+", "/p?a=1&b=%20+"),
        ("/p?x=1#part", "a[]='1'", "/p?x=1&a[]='1'"),
        ("", "q=ü x", "/?q=%C3%BC%20x"),
        ("/p", "", "/p"),
    ] {
        run(&executor, get(&server.url(path), params), LONG).unwrap();
        let last = server.seen().pop().unwrap();
        assert_eq!(
            (last.method.as_str(), last.target.as_str()),
            ("GET", target)
        );
        assert!(last.body.is_empty());
        assert_eq!(last.header("content-type"), None);
    }
}

#[test]
fn a_post_sends_the_params_byte_for_byte() {
    let server = Server::always(ok(""));
    let executor = executor();
    let long = "ü\n".repeat(400_000);
    for body in ["{\"a\": 1}\r\n \u{0}\t🐙", "", "not json", &long] {
        run(&executor, post(&server.url("/p?x=1"), body), LONG).unwrap();
        let last = server.seen().pop().unwrap();
        assert_eq!(
            (last.method.as_str(), last.target.as_str()),
            ("POST", "/p?x=1")
        );
        assert_eq!(last.body, body.as_bytes());
        assert_eq!(
            last.header("content-length"),
            Some(&*body.len().to_string())
        );
        assert_eq!(last.header("content-type"), Some("application/json"));
    }
}

#[test]
fn headers_of_the_job_are_sent_and_replace_defaults() {
    let server = Server::always(ok(""));
    let own = [
        ("Content-Type", "text/plain"),
        ("User-Agent", "me/1"),
        ("Idempotency-Key", "order-1"),
        ("X-Own", "a  b"),
    ];
    run(
        &executor(),
        with_headers(post(&server.url("/"), "x"), &own),
        LONG,
    )
    .unwrap();
    for (name, value) in own {
        assert_eq!(server.only().header(name), Some(value));
    }
}

#[test]
fn the_target_is_told_job_and_attempt() {
    let server = Server::always(ok(""));
    let mut job = job(get(&server.url("/"), ""));
    job.id = JobId::new("order/17 ü%").unwrap();
    let attempt = Attempt::new(3, 0, Instant::now() + LONG, Canceller::default());
    executor().execute(&job, &attempt).unwrap();
    let request = server.only();
    assert_eq!(request.header("poulpe-job-id"), Some("order/17 %C3%BC%25"));
    assert_eq!(
        request.header("idempotency-key"),
        request.header("poulpe-job-id")
    );
    assert_eq!(request.header("poulpe-attempt"), Some("3"));
    assert_eq!(
        request.header("user-agent"),
        Some(concat!("poulpe/", env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(request.header("host"), Some(&*server.place()));
}

#[test]
fn name_and_password_of_the_url_are_sent_as_basic_authentication() {
    let server = Server::always(ok(""));
    let url = format!("http://me:s3cret@{}/", server.place());
    run(&executor(), get(&url, ""), LONG).unwrap();
    // echo -n me:s3cret | base64
    assert_eq!(
        server.only().header("authorization"),
        Some("Basic bWU6czNjcmV0")
    );
}

#[test]
fn names_and_odd_addresses_of_this_host_are_called() {
    let server = Server::always(ok("x"));
    let executor = executor();
    let port = server.place().rsplit_once(':').unwrap().1.to_owned();
    for host in [
        "localhost",
        "127.1",
        "0x7f000001",
        "2130706433",
        "[::ffff:127.0.0.1]",
    ] {
        let task: Task = get(&format!("http://{host}:{port}/"), "");
        assert_eq!(run(&executor, task, LONG).unwrap().text, "x", "{host}");
    }
}
