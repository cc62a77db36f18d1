//! A real server of Redis for daemons to share, in a directory that vanishes with it.

use crate::PATIENCE;
use rustix::process::{Pid, Signal, kill_process};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server. Killed when dropped.
pub struct RedisServer {
    child: Child,
    dir: TempDir,
    port: u16,
    flags: Vec<String>,
}

impl RedisServer {
    /// One that syncs each write before it answers.
    pub fn start() -> Self {
        Self::with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// One with these flags.
    pub fn with(flags: &[&str]) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
        // Somebody else may take the port between the look and the start.
        loop {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            let port = listener.local_addr().expect("an address").port();
            drop(listener);
            if let Some(child) = spawn(&dir, port, &flags) {
                return Self {
                    child,
                    dir,
                    port,
                    flags,
                };
            }
        }
    }

    /// Its address, as `--redis` takes it.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it without a word.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("a child");
    }

    /// Starts it again, with what it had written.
    pub fn restart(&mut self) {
        self.child = spawn(&self.dir, self.port, &self.flags).expect("it starts again");
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// Has it do something, by its own client.
    pub fn command(&self, words: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string()])
            .args(words)
            .output()
            .expect("redis-cli is installed");
        String::from_utf8_lossy(&output.stdout).trim().to_string()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may have ended already; there is nothing to do about that.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a server and waits until it takes connections; `None` if it ends instead.
fn spawn(dir: &TempDir, port: u16, flags: &[String]) -> Option<Child> {
    let mut child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", ""])
        .arg("--dir")
        .arg(dir.path())
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server is installed");
    let end = Instant::now() + PATIENCE;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if child.try_wait().expect("a child").is_some() {
            return None;
        }
        assert!(Instant::now() < end, "redis-server doesn't start");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    Some(child)
}
