//! Encryption and passwords.

use crate::certificates::Secret;
use crate::{SHORT, executor_for, plain, run, send, task};
use poulpe_core::RetryAdvice;
use poulpe_exec_mail::{BadMailConfig, Login, MailConfig, MailExecutor, MailServer, Security};
use poulpe_tests::MailServer as Server;
use serde_json::json;
use std::fs;

fn login(name: &str, password: &str) -> Option<Login> {
    Some(Login {
        name: name.into(),
        password: password.into(),
    })
}

fn bad(server: MailServer) -> String {
    let config = MailConfig {
        server: Some(server),
        ..MailConfig::default()
    };
    MailExecutor::new(config).expect_err("bad").to_string()
}

#[test]
fn mails_go_encrypted_from_the_first_byte_or_after_starttls() {
    for (tls, security) in [("on", Security::Tls), ("starttls", Security::StartTls)] {
        let secret = Secret::start(json!({"tls": tls, "name": "ünser", "pwd": "pass wörd"}));
        let mut reached = secret.reached(security);
        reached.login = login("ünser", "pass wörd");
        let executor = executor_for(reached);
        for _ in 0..2 {
            send(&executor).expect("sent");
            let step = secret.server.wait_for("mail");
            assert_eq!(step["tls"], json!(true), "{tls}: {step}");
            secret.server.mail();
        }
        assert_eq!(secret.server.count("greeting"), 1, "{tls}");
        assert_eq!(secret.server.count("auth"), 1, "{tls}");
    }
}

#[test]
fn a_wrong_password_buries_with_the_servers_words_and_is_told_to_nobody() {
    let secret = Secret::start(json!({"tls": "on", "name": "user", "pwd": "right"}));
    let mut reached = secret.reached(Security::Tls);
    reached.login = login("user", "hush-hush");
    let failure = send(&executor_for(reached.clone())).expect_err("wrong");
    assert_eq!(
        (failure.retry, failure.status),
        (RetryAdvice::Never, Some(535))
    );
    assert!(
        failure
            .reason
            .contains("refused while logging in: 535 5.7.8"),
        "{failure:?}"
    );
    assert!(!format!("{failure:?} {reached:?}").contains("hush"));
}

#[test]
fn a_server_that_wants_a_login_buries_mails_without_one() {
    let server = Server::start(&json!({"name": "user", "pwd": "right"}));
    let failure = send(&executor_for(plain(server.port))).expect_err("no login");
    assert_eq!(
        (failure.retry, failure.status),
        (RetryAdvice::Never, Some(530))
    );
}

#[test]
fn a_certificate_that_nobody_vouches_for_gets_no_mail() {
    let secret = Secret::start(json!({"tls": "on"}));
    let other = Secret::start(json!({"tls": "on"}));
    let unknown = MailServer {
        ca: Some(other.ca()),
        ..secret.reached(Security::Tls)
    };
    let public = MailServer {
        ca: None,
        ..secret.reached(Security::Tls)
    };
    let misnamed = MailServer {
        host: "127.0.0.1".into(),
        ..secret.reached(Security::Tls)
    };
    for reached in [unknown, public, misnamed] {
        let failure = send(&executor_for(reached)).expect_err("not trusted");
        assert_eq!(failure.retry, RetryAdvice::Later);
        assert!(
            failure.reason.contains("no secure connection to"),
            "{failure:?}"
        );
    }
    assert_eq!(secret.server.count("mail"), 0);
}

#[test]
fn a_server_without_starttls_gets_no_mail() {
    let server = Server::plain();
    let reached = MailServer {
        security: Security::StartTls,
        ..plain(server.port)
    };
    let failure = send(&executor_for(reached)).expect_err("not encrypted");
    assert_eq!(failure.retry, RetryAdvice::Later);
    assert!(
        failure.reason.contains("doesn't offer STARTTLS"),
        "{failure:?}"
    );
    assert_eq!(server.count("mail"), 0);
}

#[test]
fn steps_of_encryption_that_hang_are_given_up_at_the_deadline() {
    let starttls = Secret::start(json!({"tls": "starttls", "script": {"starttls": ["hang"]}}));
    let failure = run(
        &executor_for(starttls.reached(Security::StartTls)),
        task(json!({})),
        SHORT,
    );
    let failure = failure.expect_err("a time-out");
    assert!(
        failure.reason.ends_with("while asking for STARTTLS"),
        "{failure:?}"
    );

    let auth = Server::start(&json!({"name": "a", "pwd": "b", "script": {"auth": ["hang"]}}));
    let reached = MailServer {
        security: Security::NoneForced,
        login: login("a", "b"),
        ..plain(auth.port)
    };
    let failure = run(&executor_for(reached), task(json!({})), SHORT).expect_err("a time-out");
    assert!(failure.reason.ends_with("while logging in"), "{failure:?}");

    // A server that waits for us to speak, while we wait for it to encrypt.
    let silent = Server::scripted(&json!({"greeting": ["hang"]}));
    let reached = MailServer {
        security: Security::Tls,
        ..plain(silent.port)
    };
    let failure = run(&executor_for(reached), task(json!({})), SHORT).expect_err("a time-out");
    assert!(
        failure.reason.ends_with("while setting up TLS"),
        "{failure:?}"
    );
}

#[test]
fn a_password_crosses_an_open_network_only_when_forced() {
    let server = Server::start(&json!({"name": "user", "pwd": "pass"}));
    let open = MailServer {
        login: login("user", "pass"),
        ..plain(server.port)
    };
    assert_eq!(
        bad(open.clone()),
        BadMailConfig::PasswordInClear.to_string()
    );
    let forced = MailServer {
        security: Security::NoneForced,
        ..open
    };
    send(&executor_for(forced)).expect("sent");
}

#[test]
fn configurations_that_cannot_work_are_refused_with_the_reason() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let junk = home.path().join("junk.pem");
    fs::write(&junk, "not a certificate").expect("a file");
    let with_ca = |ca: &std::path::Path| MailServer {
        ca: Some(ca.into()),
        ..plain(25)
    };
    for (server, word) in [
        (
            MailServer {
                host: String::new(),
                ..plain(25)
            },
            "neither the name nor the address",
        ),
        (
            MailServer {
                host: "a b".into(),
                ..plain(25)
            },
            "neither the name nor the address",
        ),
        (
            MailServer {
                host: "http://mail".into(),
                ..plain(25)
            },
            "neither the name nor the address",
        ),
        (
            MailServer {
                host: "mail:25".into(),
                ..plain(25)
            },
            "neither the name nor the address",
        ),
        (
            with_ca(&home.path().join("none.pem")),
            "can't be read as PEM",
        ),
        (with_ca(&junk), "holds no certificate"),
        (
            MailServer {
                login: login("", "x"),
                security: Security::Tls,
                ..plain(25)
            },
            "name is empty",
        ),
        (
            MailServer {
                login: login("x", "a\0b"),
                security: Security::Tls,
                ..plain(25)
            },
            "password is empty or has",
        ),
    ] {
        let reason = bad(server);
        assert!(reason.contains(word), "{reason}");
    }
}
