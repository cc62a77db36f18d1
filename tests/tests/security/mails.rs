//! Mails by which a task tries to write headers, name recipients or end commands of its own.

use poulpe_tests::{Home, MailServer};
use serde_json::{Map, Value, json};

/// Field, what stands there, and what is said about it. Refused when the task comes in.
fn refused() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("title", json!("x\r\nBcc: evil@x.test"), "line break"),
        ("title", json!("x\nBcc: evil@x.test"), "line break"),
        ("title", json!("x\rBcc: evil@x.test"), "line break"),
        ("title", json!("x\0"), "control character"),
        ("from_addr", json!("a@x.test\r\nRCPT TO:<evil@x.test>"), ""),
        ("from_addr", json!("A\r\nBcc: evil@x.test <a@x.test>"), ""),
        ("from_addr", json!("a@x.test>\r\nDATA"), ""),
        ("to_addr", json!("a@x.test\r\nRCPT TO:<evil@x.test>"), ""),
        ("to_addr", json!("a@x.test> SIZE=1"), ""),
        ("to_addr", json!("<a@x.test> <evil@x.test>"), ""),
        ("to_addr", json!("a@x.test\u{2028}evil@x.test"), ""),
        ("to_addr", json!("a b@x.test"), ""),
        ("to_addr", json!("a@x.test@evil.test"), ""),
        ("to_addr", json!("\"A\" <a@x.test"), ""),
        ("to_addr", json!(["a@x.test", "b@x.test\nc@x.test"]), ""),
        ("cc", json!("a@x.test\0"), ""),
        ("bcc", json!("A\u{7f} <a@x.test>"), ""),
        ("reply_to", json!("a@x.test\r\n\r\nevil body"), ""),
        ("reply_to", json!("=?utf-8?q?a=0d=0aBcc:?= <a@x.test"), ""),
        ("body", json!("a\0b"), "NUL"),
        ("html", json!("a\0b"), "NUL"),
        ("html", json!(["<p>"]), "must be a string"),
    ]
}

fn task(field: &str, value: Value) -> Value {
    let mut params: Map<String, Value> = [("from_addr", "f@x.test"), ("to_addr", "t@x.test")]
        .into_iter()
        .chain([("title", "t"), ("body", "b")])
        .map(|(field, value)| (field.to_owned(), json!(value)))
        .collect();
    params.insert(field.into(), value);
    json!({"method": "MAIL_TO", "name": "m", "params": Value::from(params).to_string(), "wait": 60})
}

#[test]
fn no_field_of_a_mail_can_say_more_than_itself() {
    let (home, server) = (Home::new(), MailServer::plain());
    let port = server.port.to_string();
    let flags = [
        "--smtp_server",
        "127.0.0.1",
        "--smtp_port",
        &port,
        "--smtp_tls",
        "none",
    ];
    let daemon = home.start(&flags);
    for (field, value, reason) in refused() {
        let answer = daemon.submit(&task(field, value.clone()));
        assert_eq!(answer.status, 400, "{field} {value}: {answer:?}");
        let said = answer.text("reason");
        assert!(
            said.starts_with(&format!("`params.{field}`")) && said.contains(reason),
            "{field} {value}: {said}"
        );
    }
    // What may stand there, and must stay where it is.
    for (field, value) in [
        ("body", "\r\n.\r\nMAIL FROM:<evil@x.test>\r\n"),
        ("body", "\n.\nRCPT TO:<evil@x.test>\n"),
        ("html", "--\r\nBcc: evil@x.test\r\n"),
        ("title", "=?utf-8?q?a=0d=0aBcc:_evil@x.test?="),
        ("title", "Bcc: evil@x.test"),
    ] {
        let answer = daemon.submit(&task(field, json!(value)));
        assert_eq!(answer.text("result"), "OK", "{field} {value:?}: {answer:?}");
        let mail = server.mail();
        assert_eq!(mail["recipients"], json!(["t@x.test"]), "{field} {value:?}");
        let raw = mail["raw"].as_str().expect("text");
        let (head, _) = raw.split_once("\r\n\r\n").expect("head and body");
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
    }
}
