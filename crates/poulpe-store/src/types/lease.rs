//! Leases: asking for jobs, running and ending them.

use poulpe_job::{Job, JobId, Lane, Progress, Verdict};
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};
use std::time::Duration;

/// One life of a daemon: a random number drawn at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Incarnation(pub u64);

/// The right to run a job, as it was handed out. Compared as a whole when the lease ends: a late completion can't
/// match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseId {
    /// Of which job.
    pub job: JobId,
    /// The how-manieth hand-out of the job.
    pub claims: u32,
    /// By which life of which daemon.
    pub incarnation: Incarnation,
    /// Random, so that no two hand-outs are ever equal.
    pub nonce: u64,
}

impl Hash for LeaseId {
    /// By the nonce alone: it is random and differs between any two leases.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.nonce.hash(state);
    }
}

/// What a dispatcher asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who asks.
    pub incarnation: Incarnation,
    /// Counts up with each new claim of this incarnation; a repeat after a lost answer keeps the number.
    pub request: u64,
    /// Lanes whose worker is idle.
    pub idle: Vec<Lane>,
    /// How many more unconfined jobs may be handed out to be at hand when a worker gets free.
    pub prefetch: usize,
    /// How long the leases last.
    pub lease: Duration,
}

/// What a dispatcher gets.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The jobs, in the order in which they should start.
    pub jobs: Vec<ClaimedJob>,
    /// Lanes that ready jobs confined to lanes wait for.
    pub wanted: Vec<Lane>,
    /// A ready job that isn't handed out ahead waits for any idle lane.
    pub wants_any: bool,
    /// More may be ready than was handed out or could be moved: ask again as soon as there is room.
    pub more: bool,
    /// The time until the next job is due or the next lease ends; `None` if there is none. Never zero.
    pub next_due: Option<Duration>,
}

/// A job under a lease.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedJob {
    /// The right to run it.
    pub lease: LeaseId,
    /// The job.
    pub job: Box<Job>,
    /// How far it has come.
    pub progress: Progress,
    /// The idle lane it was handed out for; `None` for a prefetched one.
    pub lane: Option<Lane>,
}

/// Whether an attempt may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// It may, as the attempt with this number.
    Go(u32),
    /// The job was cancelled: settle it.
    Cancelled,
    /// The lease has ended: drop it.
    Lost,
}

/// Whether a lease is still valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It is, or this settlement ended it.
    Held,
    /// It is, but the job was cancelled: stop and settle it.
    Cancelled,
    /// It isn't: whatever is reported under it changes nothing.
    Lost,
}

/// The end of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Which lease.
    pub lease: LeaseId,
    /// How it ends.
    pub verdict: Verdict,
}
