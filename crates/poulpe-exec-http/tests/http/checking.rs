//! What is refused before it is accepted, and that it is refused all the same when it comes to be run.

use crate::server::{Server, ok};
use crate::{LONG, executor, get, post, run, with_headers};
use poulpe_core::{BadTask, Door, Executor, Kind, Params, RetryAdvice, Task};
use poulpe_exec_http::{HttpConfig, HttpExecutor, IpNet};

/// The field that is to blame.
fn field(outcome: Result<(), BadTask>) -> String {
    outcome.unwrap_err().field.into_owned()
}

#[test]
fn good_tasks_are_accepted() {
    let executor = executor();
    for task in [
        get("http://127.0.0.1:9000/tick", "a=1"),
        get("https://example.org", ""),
        post("http://user:pass@[::1]:81/?x#y", "anything"),
        with_headers(get("http://h/", ""), &[("X-A", ""), ("x-a", "b")]),
    ] {
        assert_eq!(executor.check(&task, Door::Http), Ok(()), "{task:?}");
    }
}

#[test]
fn bad_tasks_are_refused_by_field_and_never_called() {
    let list = Params::List(vec!["a".into()]);
    for (task, expected) in [
        (get("", ""), "name"),
        (get("127.0.0.1/x", ""), "name"),
        (get("http://", ""), "name"),
        (get("http://h:99999/", ""), "name"),
        (get("ftp://h/", ""), "name"),
        (get("http://h/", &"x".repeat(70_000)), "params"),
        (
            with_headers(get("http://h/", ""), &[("Host", "x")]),
            "headers",
        ),
        (
            with_headers(get("http://h/", ""), &[("x", "1\r\ny: 2")]),
            "headers",
        ),
        (
            Task {
                params: list,
                ..post("http://h/", "")
            },
            "params",
        ),
        (Task::new(Kind::EXEC, "http://h/"), "method"),
    ] {
        let executor = executor();
        assert_eq!(
            field(executor.check(&task, Door::Http)),
            expected,
            "{task:?}"
        );
        let failure = run(&executor, task, LONG).unwrap_err();
        assert_eq!(failure.retry, RetryAdvice::Never, "{failure:?}");
        assert!(
            failure.reason.contains(&format!("`{expected}`")),
            "{failure:?}"
        );
    }
}

#[test]
fn metadata_addresses_are_refused_in_every_notation() {
    let executor = executor();
    for host in [
        "169.254.169.254",
        "0xA9FEA9FE",
        "0xa9.0xfe.0xa9.0xfe",
        "2852039166",
        "0251.0376.0251.0376",
        "169.254.43518",
        "169.254.169.254.",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::a9fe:a9fe]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "100.100.100.200",
    ] {
        let task = get(&format!("http://{host}/latest"), "");
        assert_eq!(field(executor.check(&task, Door::Http)), "name", "{host}");
        let failure = run(&executor, task, LONG).unwrap_err();
        assert_eq!(failure.retry, RetryAdvice::Never, "{host}: {failure:?}");
    }
}

#[test]
fn denied_and_not_allowed_networks_are_not_called() {
    let server = Server::always(ok("x"));
    let nets = |net: &str| -> Vec<IpNet> { vec![net.parse().unwrap()] };
    for (deny, allow, is_called) in [
        (vec![], vec![], true),
        (nets("127.0.0.0/8"), vec![], false),
        (vec![], nets("127.0.0.0/8"), true),
        (vec![], nets("10.0.0.0/8"), false),
        (nets("127.0.0.1/32"), nets("127.0.0.0/8"), false),
    ] {
        let executor = HttpExecutor::new(HttpConfig {
            deny,
            allow,
            ..HttpConfig::default()
        });
        let task = get(&server.url("/"), "");
        assert_eq!(executor.check(&task, Door::Http).is_ok(), is_called);
        match run(&executor, task, LONG) {
            Ok(_) => assert!(is_called),
            Err(failure) => {
                assert!(!is_called);
                assert_eq!(failure.retry, RetryAdvice::Never, "{failure:?}");
            }
        }
    }
    assert_eq!(server.seen().len(), 2);
}
