//! What the tests share: a real server in a directory that vanishes with it.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test uses its own part"
)]

use poulpe_job::{Digest, Door, Job, JobId, Kind, LaneSet, Params, Priority, Timestamp};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a server may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server of Redis. Killed when dropped.
pub(crate) struct Server {
    child: Child,
    dir: TempDir,
    port: u16,
    flags: Vec<String>,
    /// Where its certificate or its socket lies.
    keys: Option<TempDir>,
}

/// Another prefix each time.
pub(crate) fn prefix() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Server {
    /// One that keeps nothing.
    pub(crate) fn start() -> Self {
        Self::with(&["--save", "", "--appendonly", "no"])
    }

    pub(crate) fn with(flags: &[&str]) -> Self {
        let dir = TempDir::new().expect("a directory");
        let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
        // Somebody else may take the port between the look and the start.
        loop {
            let port = free_port();
            if let Some(child) = spawn(&dir, port, &flags) {
                return Self {
                    child,
                    dir,
                    port,
                    flags,
                    keys: None,
                };
            }
        }
    }

    /// One that speaks TLS only, and the file of the authority to trust.
    pub(crate) fn with_tls() -> (Self, PathBuf) {
        let names = vec!["127.0.0.1".to_string()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let keys = TempDir::new().expect("a directory");
        let (cert, key) = (keys.path().join("cert.pem"), keys.path().join("key.pem"));
        std::fs::write(&cert, made.cert.pem()).expect("it writes");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("it writes");
        let path = |path: &PathBuf| path.to_str().expect("a plain path").to_string();
        let (cert_path, key_path) = (path(&cert), path(&key));
        let mut server = Self::with(&[
            "--save",
            "",
            "--appendonly",
            "no",
            "--tls-cert-file",
            &cert_path,
            "--tls-key-file",
            &key_path,
            "--tls-auth-clients",
            "no",
        ]);
        server.keys = Some(keys);
        (server, cert)
    }

    pub(crate) fn url(&self) -> String {
        let is_tls = self.flags.iter().any(|flag| flag.starts_with("--tls"));
        let scheme = if is_tls { "rediss" } else { "redis" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// One that takes connections at a Unix socket too.
    pub(crate) fn with_socket() -> (Self, String) {
        let dir = TempDir::new().expect("a directory");
        let path = dir.path().join("redis.sock");
        let path = path.to_str().expect("a plain path").to_string();
        let mut server = Self::with(&["--save", "", "--appendonly", "no", "--unixsocket", &path]);
        server.keys = Some(dir);
        (server, format!("redis+unix://{path}"))
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Has it do something, by its own client.
    pub(crate) fn ask(&self, words: &[&str]) -> String {
        ask(self.port, words)
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("a child");
    }

    /// Starts it again on the same port and files.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.dir, self.port, &self.flags).expect("it starts again");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Has a server do something, by Redis' own client.
pub(crate) fn ask(port: u16, words: &[&str]) -> String {
    let output = Command::new("redis-cli")
        .args(["-h", "127.0.0.1", "-p", &port.to_string()])
        .args(words)
        .output()
        .expect("redis-cli is installed");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Starts a server and waits until it takes connections; `None` if it ends instead.
fn spawn(dir: &TempDir, port: u16, flags: &[String]) -> Option<Child> {
    let port_text = port.to_string();
    let is_tls = flags.iter().any(|flag| flag.starts_with("--tls"));
    let ports = if is_tls {
        ["--port", "0", "--tls-port", &port_text]
    } else {
        ["--port", &port_text, "--tls-port", "0"]
    };
    let mut child = Command::new("redis-server")
        .args(ports)
        .args(["--bind", "127.0.0.1"])
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

struct Unpark(std::thread::Thread);

impl std::task::Wake for Unpark {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => return value,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

/// A job whose id the client chose.
pub(crate) fn job(name: &str) -> Job {
    Job {
        id: JobId::new(name).expect("a good id"),
        id_chosen: true,
        digest: Digest([7; 16]),
        kind: Kind::GET,
        name: format!("http://localhost/{name}"),
        params: Params::Text("a=1".into()),
        headers: vec![("X-Test".into(), "1".into())],
        lanes: LaneSet::any(),
        priority: Priority::default(),
        timeout: Duration::from_secs(60),
        max_retry: 3,
        retry_interval: Duration::from_secs(10),
        door: Door::Http,
        accepted_at: Timestamp::from_millis(0),
        due: Timestamp::from_millis(0),
    }
}
