//! MAIL_TO from a client to a real mail server.

use poulpe_tests::{Answer, Daemon, Home, MailServer};
use serde_json::{Value, json};

fn mail(to: &str, more: Value) -> Value {
    let params = json!({"from_addr": "Poulpe <poulpe@x.test>", "to_addr": to, "title": "Grüße", "body": "one\n.\ntwo"});
    let mut task =
        json!({"method": "MAIL_TO", "name": "report", "params": params.to_string(), "wait": 60});
    let Value::Object(more) = more else {
        panic!("{more} is no object")
    };
    task.as_object_mut().expect("an object").extend(more);
    task
}

fn start(home: &Home, server: &MailServer) -> Daemon {
    let port = server.port.to_string();
    home.start(&[
        "--smtp_server",
        "127.0.0.1",
        "--smtp-port",
        &port,
        "--smtp_tls",
        "none",
        "--retry_interval",
        "0.01",
    ])
}

fn outcome(answer: &Answer) -> (&str, &str, &Value, &Value) {
    (
        answer.text("result"),
        answer.text("state"),
        &answer.json["status"],
        &answer.json["attempts"],
    )
}

#[test]
fn a_mail_arrives() {
    let (home, server) = (Home::new(), MailServer::plain());
    let daemon = start(&home, &server);
    let answer = daemon.submit(&mail("Ann <a@x.test>, b@x.test", json!({"id": "m 1"})));
    assert_eq!(
        outcome(&answer),
        ("OK", "done", &json!(250), &json!(1)),
        "{answer:?}"
    );
    assert_eq!(answer.text("output"), "250 2.0.0 taken as 17");
    let mail = server.mail();
    assert_eq!(mail["recipients"], json!(["a@x.test", "b@x.test"]));
    assert_eq!(mail["people"]["from"], json!([["Poulpe", "poulpe@x.test"]]));
    let raw = mail["raw"].as_str().expect("text");
    assert!(
        raw.contains("\r\nMessage-ID: <m%201.") && raw.contains("\r\nPoulpe-Job-Id: m%201\r\n"),
        "{raw}"
    );
}

#[test]
fn a_refused_recipient_is_a_dead_letter_with_the_servers_words() {
    let script = json!({"rcpt": ["550 5.1.1 no such user here"]});
    let (home, server) = (Home::new(), MailServer::scripted(&script));
    let daemon = start(&home, &server);
    let answer = daemon.submit(&mail("nobody@x.test", json!({"id": "m"})));
    assert_eq!(
        outcome(&answer),
        ("Fail", "dead", &json!(550), &json!(1)),
        "{answer:?}"
    );
    let words = "refused while naming the recipient nobody@x.test: 550 5.1.1 no such user here";
    assert!(answer.text("reason").contains(words), "{answer:?}");
    let dead = daemon.get("/v1/dead/m");
    assert!(
        dead.json["errors"][0]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains(words)),
        "{dead:?}"
    );
}

#[test]
fn a_busy_server_and_one_that_hangs_up_are_tried_again() {
    let script = json!({"mail": ["451 4.3.2 busy"], "content": ["close"]});
    let (home, server) = (Home::new(), MailServer::scripted(&script));
    let daemon = start(&home, &server);
    let answer = daemon.submit(&mail("a@x.test", json!({"id": "m"})));
    assert_eq!(
        outcome(&answer),
        ("OK", "done", &json!(250), &json!(3)),
        "{answer:?}"
    );
    assert!(
        server.mail()["raw"]
            .as_str()
            .is_some_and(|raw| raw.contains("\r\nPoulpe-Attempt: 3\r\n"))
    );
}

#[test]
fn bad_mails_are_refused_with_the_field_named() {
    let (home, server) = (Home::new(), MailServer::plain());
    let daemon = start(&home, &server);
    let answer = daemon.submit(&mail("a@x.test\r\nBcc: b@x.test", json!({})));
    assert_eq!(answer.status, 400);
    assert!(
        answer.text("reason").starts_with("`params.to_addr`: "),
        "{answer:?}"
    );
}

#[test]
fn bad_flags_are_listed_all_at_once_and_the_password_is_not_among_them() {
    let home = Home::new();
    for (flags, problems) in [
        (
            &["--smtp_name", "n", "--starttls"][..],
            &[
                "--smtp_name needs --smtp_pwd_file",
                "--starttls has no use without --smtp_server",
            ][..],
        ),
        (
            &[
                "--smtp_server",
                "m",
                "--smtp_port",
                "0",
                "--smtp_pwd",
                "hush",
            ],
            &["--smtp_port", "--smtp_pwd needs --smtp_name"],
        ),
        (
            &[
                "--smtp_server",
                "m",
                "--smtp_name",
                "n",
                "--smtp_pwd",
                "hush",
                "--smtp_tls",
                "none",
            ],
            &["--smtp_tls", "none-force"],
        ),
        (
            &["--smtp_server", "m", "--starttls", "--smtp_tls", "none"],
            &["--starttls"],
        ),
        (
            &["--smtp_server", "m", "--smtp_ca", "none.pem"],
            &["--smtp_ca: none.pem"],
        ),
        (&["--smtp_server", "http://m"], &["--smtp_server"]),
        (
            &[
                "--smtp_server",
                "m",
                "--smtp_name",
                "n",
                "--smtp_pwd",
                "hush",
                "--smtp_pwd_file",
                "f",
            ],
            &["exclude each other"],
        ),
        (
            &[
                "--smtp_server",
                "m",
                "--smtp_name",
                "n",
                "--smtp_pwd_file",
                "none",
            ],
            &["--smtp_pwd_file: none can't be read"],
        ),
    ] {
        let (status, said) = home.run(flags);
        assert_eq!(status.code(), Some(64), "{flags:?}: {said}");
        for problem in problems {
            assert!(said.contains(problem), "{flags:?}: {said}");
        }
        assert!(!said.contains("hush"), "{said}");
    }
}

#[test]
fn a_password_comes_from_a_file_and_is_shown_nowhere() {
    let home = Home::new();
    let server = MailServer::start(&json!({"name": "user", "pwd": "hush hush "}));
    std::fs::write(home.path().join("pwd"), "hush hush \n").expect("a file");
    let port = server.port.to_string();
    let daemon = home.start(&[
        "--smtp_server",
        "127.0.0.1",
        "--smtp_port",
        &port,
        "--smtp_tls",
        "none-force",
        "--smtp_name",
        "user",
        "--smtp_pwd_file",
        "pwd",
    ]);
    let answer = daemon.submit(&mail("a@x.test", json!({})));
    assert_eq!(answer.text("result"), "OK", "{answer:?}");
    assert!(!home.log().contains("hush"));
}

#[test]
fn an_entry_of_a_cron_file_is_a_mail() {
    let (home, server) = (Home::new(), MailServer::plain());
    let params = r#"{"from_addr": "a@x.test", "to_addr": "b@x.test", "title": "tick", "body": ""}"#;
    let line = format!("* * * * * * * report MAIL_TO {params}\n");
    std::fs::write(home.path().join("cron"), line).expect("a file");
    let port = server.port.to_string();
    let _daemon = home.start(&[
        "--smtp_server",
        "127.0.0.1",
        "--smtp_port",
        &port,
        "--smtp_tls",
        "none",
        "--cron",
        "cron",
    ]);
    assert_eq!(server.mail()["recipients"], json!(["b@x.test"]));
}
