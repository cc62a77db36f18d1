//! A real mail server (aiosmtpd) that can be told to misbehave: see smtpd.py.

use crate::PATIENCE;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

/// More than any test makes.
const MAX_EVENTS: usize = 100_000;

/// A running mail server. Killed when dropped.
pub struct MailServer {
    child: Child,
    /// Its port on the loopback.
    pub port: u16,
    events: Receiver<Value>,
    seen: RefCell<Vec<Value>>,
}

/// The Python that has aiosmtpd: that of a virtual environment, or Debian's own.
fn python() -> &'static str {
    let has_it = |python: &str| {
        let mut import = Command::new(python);
        import.args(["-c", "import aiosmtpd"]).stderr(Stdio::null());
        import.status().is_ok_and(|status| status.success())
    };
    ["python3", "/usr/bin/python3"]
        .into_iter()
        .find(|python| has_it(python))
        .expect("no Python here has aiosmtpd: install Debian's python3-aiosmtpd, or `pip install aiosmtpd`")
}

impl MailServer {
    /// Starts one with these settings.
    pub fn start(settings: &Value) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/smtpd.py");
        let mut child = Command::new(python())
            .arg(script)
            .arg(settings.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let stdout = child.stdout.take().expect("piped");
        let (say, events) = sync_channel(MAX_EVENTS);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or_else(|_| json!({"step": line}));
                if say.send(event).is_err() {
                    return;
                }
            }
        });
        let mut server = Self {
            child,
            port: 0,
            events,
            seen: RefCell::default(),
        };
        let port = server.wait_for("listening")["port"].as_u64();
        server.port = port.and_then(|port| port.try_into().ok()).expect("a port");
        server
    }

    /// One without encryption that does this at these steps.
    pub fn scripted(script: &Value) -> Self {
        Self::start(&json!({"script": script}))
    }

    /// One that takes everything.
    pub fn plain() -> Self {
        Self::start(&json!({}))
    }

    /// The next event of this step, from now on.
    pub fn wait_for(&self, step: &str) -> Value {
        loop {
            let event = self.events.recv_timeout(PATIENCE);
            let event = event.unwrap_or_else(|_| panic!("no {step:?} after {:?}", self.seen));
            self.seen.borrow_mut().push(event.clone());
            if event["step"] == step {
                return event;
            }
        }
    }

    /// The next mail it takes.
    pub fn mail(&self) -> Value {
        self.wait_for("mail received")
    }

    /// How often it has come to this step so far.
    pub fn count(&self, step: &str) -> usize {
        let mut seen = self.seen.borrow_mut();
        seen.extend(self.events.try_iter());
        seen.iter().filter(|event| event["step"] == step).count()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        // It may have ended already; there is nothing to do about that.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
