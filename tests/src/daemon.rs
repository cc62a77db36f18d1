//! The real binary, started in a directory of its own and spoken to over HTTP.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;

pub use rustix::process::Signal;

/// A directory that daemons are started in, one after the other.
pub struct Home {
    dir: TempDir,
}

/// A running daemon. Killed when dropped.
pub struct Daemon {
    child: Child,
    /// `http://host:port`.
    pub url: String,
    /// What it printed when it was ready.
    pub greeting: String,
    agent: ureq::Agent,
}

/// A status and its JSON.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// When to come again, if it says so.
    pub retry_after: Option<String>,
    /// The body; null when it isn't JSON.
    pub json: Value,
}

impl Answer {
    /// A field of the answer as text; empty if it isn't there.
    pub fn text(&self, field: &str) -> &str {
        self.json[field].as_str().unwrap_or_default()
    }
}

/// The path of the binary, which cargo builds beside the tests.
pub fn binary() -> PathBuf {
    let tests = std::env::current_exe().expect("the test's own path");
    let dir = tests
        .parent()
        .and_then(Path::parent)
        .expect("target/debug/deps");
    let binary = dir.join("poulpe");
    assert!(
        binary.exists(),
        "{} is missing: run `cargo build -p poulpe` first",
        binary.display()
    );
    binary
}

impl Home {
    /// A fresh directory.
    pub fn new() -> Self {
        Self {
            dir: TempDir::new().expect("a temporary directory"),
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The command, not yet started: any free port, data in this directory.
    pub fn command(&self, flags: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .current_dir(self.path())
            .args(["--port", "0"])
            .args(flags);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts a daemon and waits until it says where it listens.
    pub fn start(&self, flags: &[&str]) -> Daemon {
        self.start_with(flags, Duration::from_secs(120))
    }

    /// The same, for a client that gives up on an answer after some seconds.
    pub fn start_impatient(&self, flags: &[&str]) -> Daemon {
        self.start_with(flags, Duration::from_secs(3))
    }

    fn start_with(&self, flags: &[&str], patience: Duration) -> Daemon {
        let mut command = self.command(flags);
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path().join("log"));
        let mut child = command
            .stderr(log.expect("a log file"))
            .spawn()
            .expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped"));
        let mut greeting = String::new();
        while !greeting.contains("  try ") {
            let read = lines.read_line(&mut greeting).expect("text");
            assert!(
                read > 0,
                "it never became ready: {greeting}\n{}",
                self.log()
            );
        }
        // Whatever it prints later must not fill the pipe and stop it.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        let url = greeting
            .lines()
            .find_map(|line| line.trim().strip_prefix("listens  "))
            .expect("an address");
        let url = url.to_string();
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(patience))
            .build();
        Daemon {
            child,
            url,
            greeting,
            agent: config.into(),
        }
    }

    /// Runs the binary until it ends by itself: exit status and what it said on standard error.
    pub fn run(&self, flags: &[&str]) -> (ExitStatus, String) {
        let output = self.command(flags).output().expect("the binary starts");
        (
            output.status,
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }

    /// What the daemons of this directory have logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Daemon {
    /// POSTs JSON to a path.
    pub fn post(&self, path: &str, body: &str) -> Answer {
        read(self.agent.post(format!("{}{path}", self.url)).send(body))
    }

    /// GETs a path.
    pub fn get(&self, path: &str) -> Answer {
        read(self.agent.get(format!("{}{path}", self.url)).call())
    }

    /// GETs a path whose answer is no JSON.
    pub fn text(&self, path: &str) -> String {
        let answer = self.agent.get(format!("{}{path}", self.url)).call();
        let mut answer = answer.expect("an answer");
        answer.body_mut().read_to_string().expect("text")
    }

    /// DELETEs a path.
    pub fn delete(&self, path: &str) -> Answer {
        read(self.agent.delete(format!("{}{path}", self.url)).call())
    }

    /// Submits a task or an array of tasks.
    pub fn submit(&self, task: &Value) -> Answer {
        self.post("/task_in_queue", &task.to_string())
    }

    /// Submits without panicking when the daemon is gone: its answer, if there was one to the end.
    pub fn try_send(&self, task: &Value) -> Option<Answer> {
        let sent = self
            .agent
            .post(format!("{}/task_in_queue", self.url))
            .send(task.to_string());
        try_read(sent).ok()
    }

    /// Submits without panicking when the daemon is gone: whether it said yes.
    pub fn try_submit(&self, task: &Value) -> bool {
        self.try_send(task)
            .is_some_and(|answer| answer.status == 200)
    }

    /// Waits for a job's result.
    pub fn result(&self, id: &str) -> Answer {
        self.get(&format!("/task_resp/{id}?timeout=60"))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("it runs");
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("a child")
    }

    /// Kills it without a word, as the kernel or an operator in a hurry would.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.wait();
    }

    /// What it says on standard error from now on, if that is piped.
    pub fn stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already; there is nothing to do about that.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    try_read(response).expect("an answer")
}

fn try_read(
    response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Answer, ureq::Error> {
    let mut response = response?;
    let text = response.body_mut().read_to_string()?;
    let header = response.headers().get("retry-after");
    Ok(Answer {
        status: response.status().as_u16(),
        retry_after: header
            .and_then(|value| value.to_str().ok())
            .map(String::from),
        json: serde_json::from_str(&text).unwrap_or(Value::Null),
    })
}
