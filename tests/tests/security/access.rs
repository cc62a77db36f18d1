//! Roles: the table of docs/protocol.md, tried with a token of each role. And tokens that change while the daemon runs.

use crate::wire::{Reply, request, send};
use poulpe_tests::{Daemon, Home, eventually};
use std::path::Path;

const TOKENS: &str = "# name role secret\nci submit s3cret-submit\nboard read s3cret-read\nops admin s3cret-admin\n\
    hashed read sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n";

fn ask(daemon: &Daemon, method: &str, path: &str, secret: Option<&str>) -> Reply {
    let header = secret.map(|secret| format!("authorization: Bearer {secret}\r\n"));
    let body = if path == "/task_in_queue" { "{}" } else { "" };
    let bytes = request(method, path, header.as_deref().unwrap_or_default(), body);
    send(&daemon.url, &bytes)
}

/// The rows of the table: method, path, and the roles it takes.
fn table() -> Vec<(String, String, String)> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md");
    let text = std::fs::read_to_string(file).expect("the protocol");
    let (_, table) = text
        .split_once("| endpoint | takes |")
        .expect("a table of roles");
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let mut all = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [endpoints, takes] = cells[..] else {
            panic!("{row}");
        };
        for endpoint in endpoints.split("`, `") {
            let (method, path) = endpoint.trim_matches('`').split_once(' ').expect(endpoint);
            all.push((method.into(), path.replace("{id}", "x"), takes.into()));
        }
    }
    assert!(all.len() >= 19, "{all:?}");
    all
}

#[test]
fn every_endpoint_takes_the_roles_that_the_protocol_says() {
    let home = Home::new();
    std::fs::write(home.path().join("tokens"), TOKENS).expect("a file");
    let daemon = home.start(&["--token_file", "tokens"]);
    for (method, path, takes) in table() {
        let no_token = takes == "no token";
        for role in ["submit", "read", "admin"] {
            let may = no_token || takes == "any" || role == "admin" || takes.contains(role);
            let reply = ask(&daemon, &method, &path, Some(&format!("s3cret-{role}")));
            assert_ne!(reply.status, 401, "{method} {path} {role}: {reply:?}");
            assert_ne!(reply.status, 405, "{method} {path} {role}: {reply:?}");
            assert_eq!(
                reply.status == 403,
                !may,
                "{method} {path} {role}: {reply:?}"
            );
            if !may {
                assert!(reply.text.contains("this takes the role"), "{reply:?}");
            }
        }
        let status = ask(&daemon, &method, &path, None).status;
        assert_eq!(status == 401, !no_token, "{method} {path}: {status}");
    }
    assert_eq!(ask(&daemon, "GET", "/sys_info", Some("hello")).status, 200);
    assert_eq!(ask(&daemon, "GET", "/nope", None).status, 401);
    assert_eq!(
        ask(&daemon, "GET", "/nope", Some("s3cret-submit")).status,
        404
    );
    for secret in TOKENS
        .split_whitespace()
        .filter(|word| word.starts_with("s3cret"))
    {
        let info = ask(&daemon, "GET", "/sys_info", Some("s3cret-read"));
        assert!(!info.text.contains(secret) && !home.log().contains(secret));
    }
}

#[test]
fn tokens_change_while_the_daemon_runs_and_a_bad_file_changes_nothing() {
    let home = Home::new();
    let file = home.path().join("tokens");
    std::fs::write(&file, "old admin s3cret-old\n").expect("a file");
    let daemon = home.start(&["--token_file", "tokens", "--token", "s3cret-flag"]);
    let status = |secret: &str| ask(&daemon, "GET", "/sys_info", Some(secret)).status;
    assert_eq!((status("s3cret-old"), status("s3cret-new")), (200, 401));

    std::fs::write(&file, "new read s3cret-new\n").expect("a file");
    eventually("the new token is known", || status("s3cret-new") == 200);
    assert_eq!(status("s3cret-old"), 401);

    std::fs::write(&file, "new owner s3cret-third\n").expect("a file");
    eventually("the bad file is told", || {
        home.log().contains("line 1: the second word")
    });
    assert_eq!((status("s3cret-new"), status("s3cret-third")), (200, 401));

    std::fs::write(&file, "").expect("a file");
    eventually("the empty file is told", || {
        home.log().contains("holds no token")
    });
    assert_eq!((status("s3cret-new"), status("")), (200, 401));

    std::fs::remove_file(&file).expect("it is there");
    eventually("the missing file is told", || {
        home.log().contains("can't be read")
    });
    assert_eq!((status("s3cret-new"), status("s3cret-flag")), (200, 200));
    assert!(!home.log().contains("s3cret"), "{}", home.log());
}

#[test]
fn a_file_of_tokens_that_everybody_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    for (mode, warns) in [(0o644, true), (0o640, false), (0o600, false)] {
        let home = Home::new();
        let file = home.path().join("tokens");
        std::fs::write(&file, TOKENS).expect("a file");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("a mode");
        let _daemon = home.start(&["--token_file", "tokens"]);
        assert_eq!(
            home.log().contains("chmod 600"),
            warns,
            "{mode:o}: {}",
            home.log()
        );
    }
}

#[test]
fn a_configuration_that_lets_nobody_or_everybody_in_is_refused() {
    let home = Home::new();
    let write =
        |name: &str, text: &str| std::fs::write(home.path().join(name), text).expect("a file");
    write("empty", "# none\n");
    write("bad", "a submit b c\n");
    for (flags, problem) in [
        (&["--token_file", "empty"][..], "holds no token"),
        (&["--token_file", "bad"], "line 1: must be"),
        (&["--token_file", "missing"], "can't be read"),
        (&["--token", ""], "--token: "),
        (&["--cors_origin", "*"], "only ask where there is a token"),
        (
            &["--cors_origin", "app.example"],
            "must be a scheme and a host",
        ),
        (
            &["--host", "http://jobs.example"],
            "must be a name without port",
        ),
        (&["--tls_cert", "x"], "go together"),
        (&["--listen", "0.0.0.0"], "--insecure"),
        (
            &["--exec_dir", "/no/such"],
            "--exec_dir: /no/such is no directory",
        ),
        (&["--exec_files", "1"], "--exec_files"),
    ] {
        let (status, said) = home.run(&[&["--check"], flags].concat());
        assert_eq!(status.code(), Some(64), "{flags:?}: {said}");
        assert!(said.contains(problem), "{flags:?}: {said}");
    }
}
