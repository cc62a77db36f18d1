//! What goes through the port.

use poulpe_job::{
    AttemptError, Due, Job, JobId, JobResult, Lane, LaneSet, Progress, State, Timestamp, Verdict,
};
use std::time::Duration;

/// The store could not do it. After `Failed` it never will again; after `Unavailable` it is unknown whether it did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store has stopped for good: a write or sync failed.
    #[error("the store has stopped: {0}")]
    Failed(String),
    /// The store didn't answer; the same call may be repeated.
    #[error("the store is not reachable: {0}")]
    Unavailable(String),
}

impl StoreError {
    /// A store that has stopped for good.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::Failed(reason.into())
    }
}

/// Jobs that are accepted in one atomic write, with the checkpoint that moves along.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What to accept.
    pub entries: Vec<Entry>,
    /// What must hold for the write, and moves with it.
    pub checkpoint: Option<Checkpoint>,
}

impl Group {
    /// One job without a checkpoint.
    pub fn job(job: Job, due: Due) -> Self {
        Self {
            entries: vec![Entry::Job { job, due }],
            checkpoint: None,
        }
    }
}

/// A job to accept.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// To be run.
    Job {
        /// The job; the store fills in `accepted_at` and `due`.
        job: Job,
        /// When it may first be claimed.
        due: Due,
    },
    /// A dead letter from the start: something that can't be run but must not be lost.
    Dead {
        /// The job; the store fills in `accepted_at` and `due`.
        job: Job,
        /// What waiters are told.
        result: JobResult,
        /// What is wrong with it.
        error: AttemptError,
    },
}

impl Entry {
    /// The job, whichever way it is to be kept.
    pub fn job(&self) -> &Job {
        match self {
            Entry::Job { job, .. } | Entry::Dead { job, .. } => job,
        }
    }
}

/// A named value and its move from one value to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which.
    pub name: String,
    /// The value it must have; `None`: it must not exist.
    pub expected: Option<Vec<u8>>,
    /// The value it gets.
    pub next: Vec<u8>,
}

/// What became of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupAnswer {
    /// Each entry has its own answer.
    Taken(Vec<Accepted>),
    /// The checkpoint wasn't the expected one: nothing was written.
    CheckpointMoved,
}

/// What became of a job that was to be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is durable, in this state.
    New(State),
    /// The same task of the same id was accepted before; it is in this state.
    Duplicate(State),
    /// Another task has this id.
    Conflict,
    /// The store has no room; try later.
    Full,
}

/// One life of a daemon: a random number drawn at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Incarnation(pub u64);

/// The right to run a job, as it was handed out. Compared as a whole when the lease ends: a late completion can't
/// match.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
    pub job: Job,
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

/// A dead letter that is to be copied to a file.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxItem {
    /// To acknowledge it by.
    pub token: u64,
    /// The dead letter.
    pub dead: JobView,
}

/// All that a store knows of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobView {
    /// The order of acceptance in this store; the cursor of lists.
    pub sequence: u64,
    /// Where it is in its life.
    pub state: State,
    /// The id.
    pub id: JobId,
    /// The job; `None` when only its result is left.
    pub job: Option<Job>,
    /// How far it has come.
    pub progress: Progress,
    /// The lane it was claimed for, while it is confined to one and runs.
    pub lane: Option<Lane>,
    /// How it ended.
    pub result: Option<JobResult>,
}

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// Jobs of this state.
    pub state: State,
    /// Only those accepted after this one.
    pub after: Option<u64>,
    /// At most this many.
    pub limit: usize,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// In order of acceptance.
    pub jobs: Vec<JobView>,
    /// Where the next part starts; `None` at the end.
    pub next: Option<u64>,
}

/// How many jobs there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Not due yet.
    pub delayed: u64,
    /// Due, waiting for a lane.
    pub ready: u64,
    /// Under a lease.
    pub running: u64,
    /// Waiting after a failed attempt.
    pub retrying: u64,
    /// Dead letters.
    pub dead: u64,
    /// Results that are kept.
    pub done: u64,
    /// Dead letters not yet copied to their file.
    pub outbox: u64,
    /// Ready jobs by the lanes they are confined to; the unconfined ones under the empty set.
    pub waiting: Vec<(LaneSet, u64)>,
    /// The earliest due time among delayed and retrying jobs.
    pub next_due: Option<Timestamp>,
}

/// What a store is and how it does.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoreStats {
    /// "memory", "embedded", "redis".
    pub name: &'static str,
    /// Where it is: a directory or a server.
    pub place: String,
    /// Whether what it acknowledges survives a power cut.
    pub durable: bool,
    /// New jobs are refused for want of room.
    pub full: bool,
    /// Its own figures by name, for operators.
    pub figures: Vec<(&'static str, u64)>,
}

/// What is known of a job by its id.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup {
    /// It lives, in this state; what went wrong last, if anything did.
    Living(State, Option<AttemptError>),
    /// It ended.
    Ended(JobResult),
    /// It ended, but its result is no longer kept.
    Expired,
    /// Never heard of, or long forgotten.
    Unknown,
}

/// What became of a wish to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It won't run.
    Done,
    /// It runs; its worker was asked to stop.
    Requested,
    /// Too late: it had ended, in this state.
    Ended(State),
    /// No such job.
    Unknown,
}

/// What became of a wish to revive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revived {
    /// It will run again.
    Done,
    /// The id belongs to another living job now.
    Taken,
    /// No such dead letter.
    Unknown,
}
