//! The numbers of a scheduler, each with its default and the reason for it.

use poulpe_job::{Kind, Lane};
use std::collections::HashMap;
use std::time::Duration;

/// The numbers of a scheduler.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Worker threads, and so lanes: 4.
    pub workers: Lane,
    /// How many failed attempts of a job are followed by another one, unless its task says: 3.
    pub max_retry: u32,
    /// The time between attempts, unless the task says: 10 s.
    pub retry_interval: Duration,
    /// The time an attempt may take, unless the task says: 60 s.
    pub timeout: Duration,
    /// The same for kinds that need another time.
    pub timeouts: HashMap<Kind, Duration>,
    /// How long a lease lasts; it is renewed while the job runs: 15 s, so that work of a lost daemon is picked up soon
    /// and a store may be away for some seconds.
    pub lease: Duration,
    /// How long an attempt may overrun its deadline before it is reported stuck: 5 s, enough to kill a command.
    pub stuck_grace: Duration,
    /// How many tasks may be on their way to the store: 50,000, some ten milliseconds of work for the store. More are
    /// answered `Busy`.
    pub admission_max: usize,
    /// Other daemons share the store: jobs that no worker here gets to are left to them. No, unless told.
    pub shares_store: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            workers: 4,
            max_retry: 3,
            retry_interval: Duration::from_secs(10),
            timeout: Duration::from_secs(60),
            timeouts: HashMap::new(),
            lease: Duration::from_secs(15),
            stuck_grace: Duration::from_secs(5),
            admission_max: 50_000,
            shares_store: false,
        }
    }
}

impl Settings {
    /// How many claimed jobs are kept at hand at most; fewer beside long jobs.
    pub(crate) fn prefetch(&self) -> usize {
        (usize::from(self.workers) * 32).clamp(32, 256)
    }

    pub(crate) fn timeout_of(&self, kind: &Kind) -> Duration {
        self.timeouts.get(kind).copied().unwrap_or(self.timeout)
    }
}

/// What the other daemons of a shared store, and people who look, see of this one. Free text; empty where nothing is
/// known.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// The name of the machine.
    pub host: String,
    /// The version of the program.
    pub version: String,
    /// Where it listens.
    pub address: String,
}
