//! What people and waiters see and ask for.

use poulpe_job::{AttemptError, Job, JobId, JobResult, Lane, LaneSet, Progress, State, Timestamp};

/// What of a job must leave the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutboxKind {
    /// A dead letter, to a file.
    DeadLetter,
    /// How a job ended whose door [replies](poulpe_job::Door::replies).
    Result,
}

/// Something that must leave the store.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxItem {
    /// To acknowledge it by.
    pub token: u64,
    /// The job, with its result.
    pub job: JobView,
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
    /// Results not yet sent to where they are to go.
    pub unsent: u64,
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
    /// What of the way it is set up may lose jobs, a sentence each that a person can act on.
    pub warnings: Vec<String>,
    /// Its own figures by name, for operators.
    pub figures: Vec<(&'static str, u64)>,
    /// How its measurements are spread.
    pub histograms: Vec<Histogram>,
}

/// How often something was how large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    /// What was measured, with its unit.
    pub name: &'static str,
    /// The largest value of each step, rising.
    pub bounds: &'static [u64],
    /// How many values fell into each step, and last those beyond all of them: one more than there are bounds.
    pub counts: Vec<u64>,
    /// All values together.
    pub sum: u64,
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
    /// The id belongs to another job now, which lives or whose result is kept.
    Taken,
    /// No such dead letter.
    Unknown,
}
