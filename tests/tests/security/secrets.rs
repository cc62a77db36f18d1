//! Secrets, however they were given: nowhere where they don't belong.

use crate::wire::{request, send};
use poulpe_tests::{Home, RedisServer, binary, eventually};
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const SECRET: &str = "s3cret-needle";
/// The user who may do nothing.
const NOBODY: u32 = 65534;

/// Everything that a directory holds.
fn files_of(dir: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_of(&path, found);
        } else if let Ok(bytes) = std::fs::read(&path) {
            found.push((path.display().to_string(), bytes));
        }
    }
}

fn has(bytes: &[u8], needle: &str) -> bool {
    bytes
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}

#[test]
fn secrets_given_as_flags_leave_the_command_line_and_show_up_nowhere() {
    let home = Home::new();
    let password = format!("--smtp-pwd={SECRET}-mail");
    let daemon = home.start(&[
        "--token",
        SECRET,
        "--smtp_server",
        "127.0.0.1",
        "--smtp_port",
        "1",
        "--smtp_name",
        "poulpe",
        &password,
        "--max_retry",
        "0",
    ]);
    let line = std::fs::read(format!("/proc/{}/cmdline", daemon.pid())).expect("its command line");
    assert!(has(&line, "smtp_name") && !has(&line, SECRET), "{line:?}");
    let status = std::fs::read_to_string(format!("/proc/{}/comm", daemon.pid())).expect("its name");
    assert_eq!(status.trim(), "poulpe");
    assert!(
        home.log()
            .contains("--token, --smtp_pwd given on the command line"),
        "{}",
        home.log()
    );
    assert!(home.log().contains("--token_file"), "{}", home.log());

    let bearer = format!("authorization: Bearer {SECRET}\r\n");
    let ask = |method: &str, path: &str, body: &str| {
        send(&daemon.url, &request(method, path, &bearer, body))
    };
    let mail = json!({"from_addr": "a@x.test", "to_addr": "b@x.test", "title": "t", "body": "b"});
    let tasks = json!([
        {"id": "dead", "method": "MAIL_TO", "name": "m", "params": mail.to_string(), "wait": 30},
        {"id": "url", "method": "GET", "name": format!("http://user:{SECRET}-url@127.0.0.1:1/"), "wait": 30},
        {"id": "head", "method": "GET", "name": "http://127.0.0.1:1/", "headers": {"x-key": format!("{SECRET}-head")}, "wait": 30},
    ]);
    let answers = ask("POST", "/task_in_queue", &tasks.to_string());
    assert_eq!(answers.text.matches("\"dead\"").count(), 4, "{answers:?}");
    for path in [
        "/",
        "/sys_info",
        "/v1/stats",
        "/readyz",
        "/healthz",
        "/v1/jobs/head",
        "/v1/dead/head",
        "/v1/dead/dead",
    ] {
        let reply = ask("GET", path, "");
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        assert!(!reply.text.contains(SECRET), "{path}: {reply:?}");
    }
    assert!(!answers.text.contains(SECRET), "{answers:?}");
    assert!(!home.log().contains(SECRET), "{}", home.log());
    assert!(!daemon.greeting.contains(SECRET));
    // A job's own URL and headers are kept, so that it can be run; those of the daemon are not.
    let mut files = Vec::new();
    files_of(home.path(), &mut files);
    assert!(!files.is_empty());
    for (file, bytes) in files {
        assert!(!has(&bytes, &format!("{SECRET}-mail")), "{file}");
    }
}

#[test]
fn with_secrets_in_its_environment_a_daemon_cannot_be_read_by_its_commands() {
    let home = Home::new();
    // Root may read everything, so that isn't who it runs as; and nobody may not come to where it was built.
    let program = home.path().join("poulpe");
    std::fs::copy(binary(), &program).expect("a copy");
    let mut command = Command::new(program);
    if rustix::process::geteuid().is_root() {
        chown(home.path(), Some(NOBODY), Some(NOBODY)).expect("root");
        command.uid(NOBODY).gid(NOBODY);
    }
    command
        .current_dir(home.path())
        .args(["--port", "0", "--token", SECRET, "--max_retry", "0"])
        .args(["--exec_allow", "/bin/cat,/usr/bin/cat"]);
    let daemon = Started::from(command, &home);
    let read = |file: &str| {
        let path = format!("/proc/{}/{file}", daemon.child.id());
        let task = json!({"method": "EXEC", "name": "/bin/cat", "params": [path], "wait": 30});
        let header = format!("authorization: Bearer {SECRET}\r\n");
        send(
            &daemon.url,
            &request("POST", "/task_in_queue", &header, &task.to_string()),
        )
        .text
    };
    let open = read("cmdline");
    assert!(
        open.contains("exec_allow") && !open.contains(SECRET),
        "{open}"
    );
    for file in ["environ", "mem", "maps"] {
        let answer = read(file);
        assert!(answer.contains("ermission denied"), "{file}: {answer}");
    }
}

#[test]
fn the_address_of_redis_leaves_the_command_line_too() {
    let redis = RedisServer::with(&["--requirepass", SECRET]);
    let url = redis
        .url()
        .replace("redis://", &format!("redis://:{SECRET}@"));
    let home = Home::new();
    let daemon = home.start(&["--redis", &url]);
    let line = std::fs::read(format!("/proc/{}/cmdline", daemon.pid())).expect("its command line");
    assert!(!has(&line, SECRET), "{line:?}");
    assert!(
        home.log().contains("--redis given on the command line"),
        "{}",
        home.log()
    );
    assert!(!home.log().contains(SECRET), "{}", home.log());
}

#[test]
fn a_refused_token_is_not_logged_even_at_the_highest_level() {
    let home = Home::new();
    let mut command = home.command(&["--token_file", "t"]);
    std::fs::write(home.path().join("t"), format!("ops admin {SECRET}\n")).expect("a file");
    command.env("RUST_LOG", "trace");
    let daemon = Started::from(command, &home);
    for secret in [SECRET, "s3cret-needle-wrong"] {
        let header = format!("authorization: Bearer {secret}\r\n");
        send(&daemon.url, &request("GET", "/sys_info", &header, ""));
    }
    eventually("the refusal is logged", || {
        home.log().contains("request refused")
    });
    assert!(!home.log().contains("s3cret"), "{}", home.log());
}

/// A daemon that is started in a way of its own. Killed when dropped.
struct Started {
    child: Child,
    url: String,
}

impl Started {
    fn from(mut command: Command, home: &Home) -> Self {
        let log = std::fs::File::create(home.path().join("log")).expect("a file");
        let started = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn();
        let mut child = started.expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped"));
        let mut greeting = String::new();
        while !greeting.contains("  try ") {
            let read = lines.read_line(&mut greeting).expect("text");
            assert!(
                read > 0,
                "it never became ready: {greeting}\n{}",
                home.log()
            );
        }
        let line = greeting
            .lines()
            .find_map(|line| line.trim().strip_prefix("listens  "));
        let url = line.expect("an address").to_owned();
        Self { child, url }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
