//! What arrives, read by Python's e-mail package.

use crate::{LONG, executor, job, run, send, task};
use poulpe_core::{Attempt, Executor, JobId, Timestamp};
use poulpe_tests::MailServer as Server;
use serde_json::{Value, json};

fn header<'a>(mail: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = mail["headers"].as_array().expect("headers");
    let named = headers.iter().filter(|header| header[0] == name);
    named.filter_map(|header| header[1].as_str()).collect()
}

/// Sends a mail and returns what arrived.
fn arrived(fields: Value) -> Value {
    let server = Server::start(&json!({"utf8": true}));
    run(&executor(&server), task(fields), LONG).expect("sent");
    server.mail()
}

#[test]
fn a_small_mail_arrives_as_it_was_written() {
    let server = Server::plain();
    let output = send(&executor(&server)).expect("sent");
    assert_eq!(
        (output.text.as_str(), output.status),
        ("250 2.0.0 taken as 17", Some(250))
    );
    let mail = server.mail();
    assert_eq!(mail["sender"], "from@poulpe.test");
    assert_eq!(mail["recipients"], json!(["to@poulpe.test"]));
    assert_eq!(header(&mail, "Subject"), ["t"]);
    assert_eq!(mail["parts"], json!([["text/plain", "b\r\n"]]));
    assert_eq!(mail["type"], "text/plain");
    assert_eq!(mail["defects"], json!([]));
    assert_eq!(header(&mail, "MIME-Version"), ["1.0"]);
    assert_eq!(
        header(&mail, "Message-ID"),
        ["<job-1.1800000000000@poulpe.test>"]
    );
    assert_eq!(header(&mail, "Poulpe-Job-Id"), ["job-1"]);
    assert_eq!(header(&mail, "Poulpe-Attempt"), ["1"]);
    assert_eq!(mail["date"], json!(1_800_000_000.0));
}

#[test]
fn every_recipient_gets_it_once_and_bcc_is_seen_by_nobody() {
    let mail = arrived(json!({
        "to_addr": r#"Ann <a@x.test>, "B, Bob" <b@x.test>"#,
        "cc": ["c@x.test", "Ann again <a@X.test>"],
        "bcc": "secret@x.test, b@x.test",
        "reply_to": "Desk <desk@x.test>",
    }));
    assert_eq!(
        mail["recipients"],
        json!(["a@x.test", "b@x.test", "c@x.test", "secret@x.test"])
    );
    assert_eq!(
        mail["people"],
        json!({
            "from": [["", "from@poulpe.test"]],
            "to": [["Ann", "a@x.test"], ["B, Bob", "b@x.test"]],
            "cc": [["", "c@x.test"], ["Ann again", "a@X.test"]],
            "reply-to": [["Desk", "desk@x.test"]],
        })
    );
    let raw = mail["raw"].as_str().expect("text").to_lowercase();
    assert!(!raw.contains("secret") && !raw.contains("bcc"), "{raw}");
}

#[test]
fn utf8_is_right_in_every_field_and_the_wire_is_ascii() {
    let long_title = "Überraschung 🐙 für Jürgen, ".repeat(20);
    let mail = arrived(json!({
        "from_addr": "Ärzte 🏥 <from@x.test>",
        "to_addr": "山田太郎 <y@x.test>",
        "title": long_title.trim(),
        "body": "Grüße\n\u{1f419}\n",
        "html": "<p>Grüße</p>",
    }));
    assert_eq!(mail["people"]["from"], json!([["Ärzte 🏥", "from@x.test"]]));
    assert_eq!(mail["people"]["to"], json!([["山田太郎", "y@x.test"]]));
    assert_eq!(header(&mail, "Subject"), [long_title.trim()]);
    assert_eq!(mail["type"], "multipart/alternative");
    assert_eq!(
        mail["parts"],
        json!([
            ["text/plain", "Grüße\r\n🐙\r\n"],
            ["text/html", "<p>Grüße</p>"]
        ])
    );
    assert_eq!(
        (&mail["ascii"], &mail["bare"]),
        (&json!(true), &json!(false))
    );
}

#[test]
fn addresses_beyond_ascii_go_to_servers_that_take_them_only() {
    let fields = || json!({"to_addr": "Jürgen <jürgen@bücher.test>"});
    let mail = arrived(fields());
    assert_eq!(mail["recipients"], json!(["jürgen@bücher.test"]));
    assert_eq!(
        mail["people"]["to"],
        json!([["Jürgen", "jürgen@bücher.test"]])
    );
    let options = mail["options"].as_array().expect("options");
    assert!(options.contains(&json!("SMTPUTF8")), "{options:?}");

    let ascii = Server::plain();
    let failure = run(&executor(&ascii), task(fields()), LONG).expect_err("refused");
    assert!(
        failure.reason.contains("SMTPUTF8") && failure.reason.contains("xn--"),
        "{failure:?}"
    );
    assert_eq!(failure.retry, poulpe_core::RetryAdvice::Never);
}

#[test]
fn bodies_keep_their_dots_and_long_lines_whatever_ends_their_lines() {
    let long = "x".repeat(5_000);
    for (body, read) in [
        (".\n..\n.dot\n\n.", ".\r\n..\r\n.dot\r\n\r\n.\r\n"),
        ("a\r\n.\r\nb", "a\r\n.\r\nb\r\n"),
        ("a\r.\rQUIT\r", "a\r\n.\r\nQUIT\r\n"),
        ("a\n.\nMAIL FROM:<x@y>\n", "a\r\n.\r\nMAIL FROM:<x@y>\r\n"),
        ("a\r\r\nb\n\r", "a\r\n\r\nb\r\n\r\n"),
        (
            "trailing space \n\ttab\t\n",
            "trailing space \r\n\ttab\t\r\n",
        ),
        (
            "From here\n=20 is not a space\n",
            "From here\r\n=20 is not a space\r\n",
        ),
        ("", "\r\n"),
        (&*long, &*long),
    ] {
        let mail = arrived(json!({"body": body}));
        let text = mail["parts"][0][1].as_str().expect("text");
        // Whether the last line ends is the encoding's affair.
        assert_eq!(
            text.trim_end_matches("\r\n"),
            read.trim_end_matches("\r\n"),
            "{body:?}"
        );
        let longest = mail["longest"].as_u64().expect("a number");
        assert!(
            longest <= 78 && mail["bare"] == json!(false),
            "{body:?}: {mail}"
        );
    }
}

#[test]
fn titles_of_any_length_arrive_whole() {
    let long = "word ".repeat(200);
    let unbroken = "x".repeat(1_500);
    for title in ["", " ", "x: y", "a = b? c_d", long.trim(), &unbroken] {
        let mail = arrived(json!({"title": title}));
        assert_eq!(
            header(&mail, "Subject").concat().trim(),
            title.trim(),
            "{mail}"
        );
        let longest = mail["longest"].as_u64().expect("a number");
        assert!(longest <= 78, "{longest}: {title}");
    }
}

#[test]
fn another_attempt_is_the_same_mail() {
    let server = Server::plain();
    let executor = executor(&server);
    let mut seen = Vec::new();
    for number in [1, 2] {
        let (mut attempt, _canceller) = Attempt::for_test(LONG);
        attempt.number = number;
        let mut job = job(task(json!({})));
        job.due = Timestamp::from_millis(job.due.as_millis() + 12_000 * i64::from(number - 1));
        executor.execute(&job, &attempt).expect("sent");
        seen.push(server.mail());
    }
    assert_eq!(
        header(&seen[0], "Message-ID"),
        header(&seen[1], "Message-ID")
    );
    assert_eq!(seen[0]["date"], seen[1]["date"]);
    assert_eq!(header(&seen[1], "Poulpe-Attempt"), ["2"]);
}

#[test]
fn any_job_id_gives_a_good_message_id() {
    let server = Server::plain();
    let executor = executor(&server);
    for id in ["a b", "<x>@y", "🐙", "=?utf-8?Q?x?=", &"ü".repeat(100)] {
        let mut job = job(task(json!({})));
        job.id = JobId::new(id).expect("an id");
        let (attempt, _canceller) = Attempt::for_test(LONG);
        executor.execute(&job, &attempt).expect("sent");
        let mail = server.mail();
        let message_id = header(&mail, "Message-ID").concat();
        let inner = message_id
            .strip_prefix('<')
            .and_then(|id| id.strip_suffix("@poulpe.test>"));
        let is_atom = |inner: &str| {
            inner
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"%.-_".contains(&byte))
        };
        assert!(inner.is_some_and(is_atom), "{message_id}");
        let job_id = header(&mail, "Poulpe-Job-Id").concat();
        assert!(!job_id.contains([' ', '=', '<']), "{job_id}");
        assert_eq!(mail["defects"], json!([]));
    }
}
