//! How a store is to be reached.

use poulpe_store::Limits;
use std::path::PathBuf;
use std::time::Duration;

/// The prefix of the keys unless told otherwise.
const PREFIX: &str = "poulpe";

/// How long a call may take: far more than a script needs, less than a client waits for its answer, and less than a third of
/// the scheduler's lease, so that a renewal that fails is known in time.
const TIMEOUT: Duration = Duration::from_secs(4);

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How a store is to be reached.
#[derive(Clone)]
pub struct Options {
    /// `redis://[user:password@]host[:port][/database]`, `rediss://` for TLS, `redis+unix://`, `redis-sentinel://`,
    /// `redis-cluster://`; `valkey` in place of `redis` alike.
    pub url: String,
    /// What all keys start with, so that several can share a server.
    pub prefix: String,
    /// A PEM file of the authorities to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// How many replicas must have a batch before it is acknowledged.
    pub wait: u32,
    /// How long a call may take, with waiting for a connection. At most a third of the lease.
    pub timeout: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// Whether to speak RESP3 rather than RESP2.
    pub resp3: bool,
    /// Whether a claim marks the starts of jobs that were never handed out before, so that their workers needn't ask: one
    /// trip to the server less for each job. A daemon that dies then costs the jobs it had at hand one loss, at most once in
    /// the life of each.
    pub start_ahead: bool,
    /// How much is kept of what has ended.
    pub limits: Limits,
    /// Opens it to move what it holds, whatever is noted of that, and changes nothing by itself. No, unless told.
    pub transfer: bool,
    /// The clock that the scripts read instead of the server's: for the tests of this crate.
    #[cfg(feature = "manual-time")]
    pub time: Option<std::sync::Arc<dyn poulpe_store::TimeSource>>,
}

impl Options {
    /// A server, and defaults for everything else.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: PREFIX.into(),
            ca: None,
            wait: 0,
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            resp3: false,
            start_ahead: true,
            limits: Limits::default(),
            transfer: false,
            #[cfg(feature = "manual-time")]
            time: None,
        }
    }

    /// Checks what can be checked without a server.
    pub fn check(&self) -> Result<(), crate::OpenError> {
        crate::connect::config(self).map(|_| ())
    }

    /// Where it is, without name and password.
    pub fn place(&self) -> String {
        crate::place::place(self)
    }
}

impl std::fmt::Debug for Options {
    /// Without name and password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("place", &self.place())
            .finish_non_exhaustive()
    }
}
