//! Hostile tasks: each field with what it must not hold, and URLs that lead where nobody may call.

use poulpe_tests::Home;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The task, and the start of the reason: no two rows have the same, so each is stopped by a check of its own.
fn tasks() -> Vec<(String, &'static str)> {
    let get = |field: &str, value: Value| {
        let mut task = json!({"method": "GET", "name": "http://127.0.0.1:1/"});
        task[field] = value;
        task.to_string()
    };
    let url = |url: &str| get("name", json!(url));
    let header = |name: &str, value: &str| get("headers", json!({name: value}));
    let long = |length: usize| "a".repeat(length);
    vec![
        ("{".into(), "the task is not valid JSON: EOF"),
        ("5".into(), "a task must be a JSON object"),
        (
            r#"{"method":"GET","method":"EXEC","name":"x"}"#.into(),
            "the task is not valid JSON: duplicate field",
        ),
        (r#"{"name":"x"}"#.into(), "`method`: is missing"),
        (get("method", json!(5)), "`method`: must be a string"),
        (get("method", json!("")), "`method`: is empty"),
        (
            get("method", json!("SHELL")),
            "`method`: SHELL is not something",
        ),
        (get("method", json!("EXEC")), "`method`: EXEC is off"),
        (get("method", json!("MAIL_TO")), "`method`: MAIL_TO is off"),
        (r#"{"method":"GET"}"#.into(), "`name`: is missing"),
        (get("name", json!(5)), "`name`: must be a string"),
        (get("id", json!("")), "`id`: must not be empty"),
        (get("id", json!(5)), "`id`: must be a string"),
        (
            get("id", json!("a\r\nPoulpe-Attempt: 0")),
            "`id`: must not contain control",
        ),
        (get("id", json!(long(201))), "`id`: is 201 bytes"),
        (get("delay", json!(-1)), "`delay`: must not be negative"),
        (get("delay", json!(1e300)), "`delay`: is at most"),
        (get("delay", json!("1; rm")), "`delay`: must be a number"),
        (
            r#"{"method":"GET","name":"http://h/","delay":1,"at":"2027-01-31T08:00:00Z"}"#.into(),
            "`at`: and `delay`",
        ),
        (get("at", json!("tomorrow")), "`at`: \"tomorrow\" is not"),
        (get("at", json!(5)), "`at`: must be a string"),
        (get("cc", json!("9")), "`cc`: lane 9 does not exist"),
        (get("cc", json!("-1")), "`cc`: \"-1\" is not a lane"),
        (get("cc", json!(1)), "`cc`: must be a string"),
        (get("wait", json!(-1)), "`wait`: must not be negative"),
        (get("wait", json!(3601)), "`wait`: is at most"),
        (get("wait", json!([])), "`wait`: must be a number"),
        (get("timeout", json!(0)), "`timeout`: must be more than 0"),
        (get("timeout", json!(-1)), "`timeout`: must not be negative"),
        (get("timeout", json!(1e12)), "`timeout`: is at most"),
        (get("max_retry", json!(1_000_001)), "`max_retry`: must be"),
        (
            get("retry_interval", json!(-1)),
            "`retry_interval`: must not be negative",
        ),
        (
            get("retry_interval", json!(1e12)),
            "`retry_interval`: is at most",
        ),
        (get("priority", json!(10)), "`priority`: must be"),
        (get("params", json!(5)), "`params`: must be a string"),
        (get("params", json!(["a"])), "`params`: must be one text"),
        (get("params", json!(long(60_001))), "`params`: makes a URL"),
        (
            get("headers", json!([])),
            "`headers`: must be an object of strings: invalid type: sequence",
        ),
        (
            get("headers", json!({"a": 5})),
            "`headers`: must be an object of strings: invalid type: integer",
        ),
        (
            header("a\r\nb", "c"),
            "`headers`: \"a\\r\\nb\" is not a header name",
        ),
        (
            header("a", "1\r\nHost: evil"),
            "`headers`: the value of \"a\"",
        ),
        (
            header("Host", "evil"),
            "`headers`: \"Host\" is set by poulpe",
        ),
        (
            header("Transfer-Encoding", "chunked"),
            "`headers`: \"Transfer-Encoding\" is set",
        ),
        (header("a", &long(33_000)), "`headers`: are 33005 bytes"),
        (url("/etc/passwd"), "`name`: must be a whole URL"),
        (url("file:///etc/passwd"), "`name`: must begin with http://"),
        (
            url("http://h/\r\nHost: evil"),
            "`name`: must be one URL without line breaks",
        ),
        (url("http:///x"), "`name`: has no host"),
        (url("http://h:99999/"), "`name`: has the port"),
        (
            url("http://evil\u{ff0f}.example/"),
            "`name`: has a host that isn't ASCII",
        ),
        (url("http://a b/"), "`name`: has the host \"a b\""),
        (
            url("http://[fe80::1%25eth0]/"),
            "`name`: has the host \"[fe80::1%25eth0]\"",
        ),
        (
            url(&format!("http://{}/", long(254))),
            "`name`: has a host of 254 bytes",
        ),
        (
            url(&format!("http://h/{}", long(60_001))),
            "`name`: makes a URL",
        ),
        (
            url("http://169.254.169.254/latest"),
            "`name`: can't be called: the address 169.254.169.254 is link-local",
        ),
        (
            url("http://u:p@[::ffff:169.254.169.254]/"),
            "`name`: can't be called: the address ::ffff:169.254.169.254",
        ),
        (
            url("http://[64:ff9b::a9fe:a9fe]/"),
            "`name`: can't be called: the address 64:ff9b::a9fe:a9fe",
        ),
        (
            url("http://[2002:a9fe:a9fe::1]/"),
            "`name`: can't be called: the address 2002:a9fe:a9fe::1",
        ),
        (
            url("http://[fe80::1]/"),
            "`name`: can't be called: the address fe80::1",
        ),
        (
            url("http://[fd00:ec2::254]/"),
            "`name`: can't be called: the address fd00:ec2::254",
        ),
        (
            url("http://0x64.0144.25700/"),
            "`name`: can't be called: the address 100.100.100.100 is denied",
        ),
        (
            url("http://100.100.51400/"),
            "`name`: can't be called: the address 100.100.200.200 is denied",
        ),
    ]
}

#[test]
fn every_hostile_task_is_refused_by_the_check_that_is_meant() {
    let home = Home::new();
    let daemon = home.start(&["--http_deny", "100.100.0.0/16"]);
    let tasks = tasks();
    let reasons: BTreeSet<&str> = tasks.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(reasons.len(), tasks.len(), "two rows for one check");
    let mut passed = Vec::new();
    for (task, reason) in &tasks {
        let answer = daemon.post("/task_in_queue", task);
        if answer.status != 400 || !answer.text("reason").starts_with(reason) {
            let shown: String = task.chars().take(120).collect();
            passed.push(format!("{shown}: {answer:?}"));
        }
    }
    assert!(passed.is_empty(), "{}", passed.join("\n"));
    // Depth costs no stack: what isn't known is passed over.
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(400_000), "]".repeat(400_000));
    let answer = daemon.post("/task_in_queue", &deep);
    assert!(
        answer.text("reason").starts_with("`method`: is missing"),
        "{answer:?}"
    );
    assert_eq!(daemon.get("/v1/jobs").json["jobs"], json!([]));
}

/// Notations of one address that libraries read differently; all are what they are when they are called.
#[test]
fn metadata_services_are_never_called_in_whatever_notation() {
    let home = Home::new();
    let daemon = home.start(&[]);
    for host in [
        "169.254.169.254",
        "169.254.169.254.",
        "2852039166",
        "0xA9FEA9FE",
        "0xa9.0xfe.0xa9.0xfe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "169.16689662",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[::169.254.169.254]",
        "[64:ff9b::169.254.169.254]",
        "[64:ff9b:1::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "100.100.100.200",
        "[fd00:ec2::254]",
        "[fd20:ce::254]",
    ] {
        let task = json!({"method": "GET", "name": format!("http://{host}/latest/meta-data")});
        let answer = daemon.submit(&task);
        assert_eq!(answer.status, 400, "{host}: {answer:?}");
        assert!(
            answer.text("reason").contains("never called"),
            "{host}: {answer:?}"
        );
    }
}
