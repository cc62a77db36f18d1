//! What is refused before it is accepted, and that it is refused all the same when it comes to be run.

use crate::{LONG, executor, params, run, task};
use poulpe_core::{Door, Executor, Kind, Params, RetryAdvice, Task};
use poulpe_exec_mail::{MailConfig, MailExecutor};
use poulpe_tests::MailServer as Server;
use serde_json::{Value, json};

const DOORS: [Door; 2] = [Door::Http, Door::Cron];

fn with_params(text: impl Into<String>) -> Task {
    Task {
        params: Params::Text(text.into()),
        ..Task::new(Kind::MAIL_TO, "mail")
    }
}

/// The params of a mail without this field.
fn without(field: &str) -> Task {
    let mut params = params(json!({}));
    params.as_object_mut().expect("an object").remove(field);
    with_params(params.to_string())
}

#[test]
fn without_a_server_a_mail_is_refused_with_the_flag_to_set() {
    let off = MailExecutor::new(MailConfig::default()).expect("a good configuration");
    for door in DOORS {
        let bad = off.check(&task(json!({})), door).expect_err("it is off");
        assert_eq!(bad.field, "method");
        assert!(bad.reason.contains("--smtp_server"), "{bad}");
    }
    let failure = run(&off, task(json!({})), LONG).expect_err("it is off");
    assert_eq!(failure.retry, RetryAdvice::Later);
}

#[test]
fn good_mails_are_accepted_by_every_door() {
    let server = Server::plain();
    let executor = executor(&server);
    let hundred: Vec<String> = (0..100).map(|n| format!("a{n}@b")).collect();
    for fields in [
        json!({}),
        json!({"title": "", "body": ""}),
        json!({"to_addr": ["a@b", "A <c@d>"], "cc": "e@f,g@h", "bcc": "i@j", "reply_to": "k@l", "html": "<p>"}),
        json!({"cc": null, "html": null}),
        json!({"to_addr": hundred}),
        json!({"something": "new clients say"}),
        json!({"body": "\u{1b}[31mred\u{1b}[0m\tand\r\nmore\u{c}"}),
    ] {
        for door in DOORS {
            assert_eq!(
                executor.check(&task(fields.clone()), door),
                Ok(()),
                "{fields}"
            );
        }
    }
    assert_eq!(server.count("greeting"), 0);
}

/// Task, the field that is to blame, and a word of the reason.
fn bad_tasks() -> Vec<(Task, &'static str, &'static str)> {
    let with = |field: &str, value: Value| task(json!({field: value}));
    let many: Vec<String> = (0..101).map(|n| format!("a{n}@b")).collect();
    let headers = vec![("X-A".to_owned(), "b".to_owned())];
    let list = Params::List(vec!["a".into()]);
    vec![
        (with_params(""), "params", "JSON object"),
        (with_params("not json"), "params", "JSON object"),
        (
            with_params(r#"["a@b","c@d","t","b"]"#),
            "params",
            "JSON object",
        ),
        (with_params("{"), "params", "not valid JSON"),
        (
            with_params(r#"{"to_addr":"a@b","to_addr":"c@d"}"#),
            "params",
            "duplicate",
        ),
        (
            Task {
                params: list,
                ..task(json!({}))
            },
            "params",
            "not a list",
        ),
        (
            Task {
                headers,
                ..task(json!({}))
            },
            "headers",
            "only GET and POST",
        ),
        (without("from_addr"), "params.from_addr", "is missing"),
        (without("to_addr"), "params.to_addr", "is missing"),
        (without("title"), "params.title", "is missing"),
        (without("body"), "params.body", "is missing"),
        (with("to_addr", json!("")), "params.to_addr", "empty"),
        (with("to_addr", json!([])), "params.to_addr", "is empty"),
        (with("to_addr", json!([""])), "params.to_addr", "empty"),
        (with("to_addr", json!("a@b,")), "params.to_addr", "empty"),
        (
            with("to_addr", json!(5)),
            "params.to_addr",
            "must be a string",
        ),
        (
            with("to_addr", json!(["a@b", 5])),
            "params.to_addr",
            "array of strings",
        ),
        (
            with("from_addr", json!("a@b, c@d")),
            "params.from_addr",
            "is not an address",
        ),
        (
            with("from_addr", json!(["a@b"])),
            "params.from_addr",
            "must be a string",
        ),
        (with("title", json!(5)), "params.title", "must be a string"),
        (
            with("title", json!("x".repeat(2_001))),
            "params.title",
            "at most 2000",
        ),
        (
            with("body", json!(["b"])),
            "params.body",
            "must be a string",
        ),
        (with("html", json!(5)), "params.html", "must be a string"),
        (with("to_addr", json!(many)), "params", "at most 100"),
        (with("reply_to", json!(many)), "params", "at most 100"),
        // Every one of these would be more than what it says it is.
        (
            with("title", json!("x\r\nBcc: all@x.test")),
            "params.title",
            "line break",
        ),
        (
            with("title", json!("x\nX-Spam: no")),
            "params.title",
            "line break",
        ),
        (
            with("title", json!("x\rX: y")),
            "params.title",
            "line break",
        ),
        (with("title", json!("x\0y")), "params.title", "control"),
        (with("title", json!("x\u{85}y")), "params.title", "control"),
        (
            with("from_addr", json!("a@b\r\nBcc: c@d")),
            "params.from_addr",
            "line break",
        ),
        (
            with("from_addr", json!("a@b>\r\nRCPT TO:<c@d")),
            "params.from_addr",
            "line break",
        ),
        (
            with("from_addr", json!("A\r\nBcc: c@d <a@b>")),
            "params.from_addr",
            "line break",
        ),
        (
            with("from_addr", json!("\"A\r\nBcc: c@d\" <a@b>")),
            "params.from_addr",
            "line break",
        ),
        (
            with("from_addr", json!("a@b> AUTH=<x")),
            "params.from_addr",
            "not an address",
        ),
        (
            with("from_addr", json!("<a@b> SIZE=1 <c@d>")),
            "params.from_addr",
            "angle",
        ),
        (
            with("to_addr", json!("a@b\r\nDATA\r\n.\r\nMAIL FROM:<c@d>")),
            "params.to_addr",
            "line break",
        ),
        (
            with("to_addr", json!("a@b> ORCPT=rfc822;c@d")),
            "params.to_addr",
            "not an address",
        ),
        (
            with("to_addr", json!("a@b\n")),
            "params.to_addr",
            "line break",
        ),
        (
            with("to_addr", json!("a b@c")),
            "params.to_addr",
            "not an address",
        ),
        (
            with("to_addr", json!("a@b;c@d")),
            "params.to_addr",
            "not an address",
        ),
        (
            with("to_addr", json!("a\u{2028}@b")),
            "params.to_addr",
            "not an address",
        ),
        (with("cc", json!("a@b\r\nX: y")), "params.cc", "line break"),
        (
            with("bcc", json!("a@b\r\nX: y")),
            "params.bcc",
            "line break",
        ),
        (with("bcc", json!(["a@b\0"])), "params.bcc", "control"),
        (
            with("reply_to", json!("A\nX: y <a@b>")),
            "params.reply_to",
            "line break",
        ),
        (with("body", json!("a\0b")), "params.body", "NUL"),
        (with("html", json!("a\0b")), "params.html", "NUL"),
    ]
}

#[test]
fn bad_mails_are_refused_by_field_and_never_sent() {
    let server = Server::plain();
    let executor = executor(&server);
    for (task, field, word) in bad_tasks() {
        for door in DOORS {
            let bad = executor.check(&task, door).expect_err(&format!("{task:?}"));
            assert_eq!(bad.field, field, "{bad}");
            assert!(bad.reason.contains(word), "{bad}");
        }
        // Headers are no part of a mail, so nothing is lost by a job that has some all the same.
        if field == "headers" {
            continue;
        }
        let failure = run(&executor, task, LONG).expect_err("bad");
        assert_eq!(failure.retry, RetryAdvice::Never, "{failure:?}");
        assert!(failure.reason.contains(field), "{failure:?}");
    }
    assert_eq!(server.count("greeting"), 0);
}
