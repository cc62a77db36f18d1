//! How attempts and jobs end.

use crate::{Due, State, Timestamp};
use serde::{Deserialize, Serialize};

/// Whether a job did what it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// It did.
    Ok,
    /// It didn't; the reason says why.
    Fail,
}

/// The final outcome of a job, kept for whoever waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobResult {
    /// Whether it succeeded.
    pub outcome: Outcome,
    /// A sentence a person can act on; empty after success.
    pub reason: String,
    /// [`State::Done`], or [`State::Dead`] for a buried job.
    pub state: State,
    /// Body or standard output of the last attempt, cut to the executor's limit.
    pub output: String,
    /// HTTP status, exit code, or the negative number of the signal that killed the command.
    pub status: Option<i32>,
    /// The number of the last attempt; 0 if it never ran.
    pub attempts: u32,
    /// When the last attempt started.
    pub started_at: Option<Timestamp>,
    /// When the job ended.
    pub finished_at: Timestamp,
}

impl JobResult {
    /// Whether the job did what it was to do.
    pub fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok
    }

    /// What waiters of a cancelled job are told.
    pub fn cancelled(attempts: u32, started_at: Option<Timestamp>, finished_at: Timestamp) -> Self {
        Self {
            outcome: Outcome::Fail,
            reason: "cancelled".into(),
            state: State::Done,
            output: String::new(),
            status: None,
            attempts,
            started_at,
            finished_at,
        }
    }

    /// How a job ends whose workers vanished so often that it is taken for the cause.
    pub fn poisoned(attempts: u32, losses: u32, finished_at: Timestamp) -> Self {
        Self {
            outcome: Outcome::Fail,
            reason: format!(
                "its worker vanished {losses} times while it ran; find out what it does to its worker before reviving it"
            ),
            state: State::Dead,
            output: String::new(),
            status: None,
            attempts,
            started_at: None,
            finished_at,
        }
    }
}

/// What went wrong in one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptError {
    /// Which attempt.
    pub attempt: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// HTTP status, exit code or signal, where there was one.
    pub status: Option<i32>,
    /// What went wrong.
    pub reason: String,
}

impl AttemptError {
    /// Of an attempt whose lease ended before its verdict came: when it really ended nobody knows.
    pub fn lost(attempt: u32, noticed_at: Timestamp) -> Self {
        Self {
            attempt,
            started_at: noticed_at,
            finished_at: noticed_at,
            status: None,
            reason: "the worker vanished, or lost its lease, while the attempt ran".into(),
        }
    }
}

/// Why a lease is given back without a verdict on the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReleaseReason {
    /// The executor was not called.
    NotStarted,
    /// Our own shutdown interrupted the attempt.
    Interrupted,
}

/// How a lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The job is done: it succeeded, or was cancelled.
    Complete(JobResult),
    /// The attempt failed and another one is due then.
    Retry {
        /// When.
        due: Due,
        /// What went wrong.
        error: AttemptError,
    },
    /// Not run, or interrupted by us: neither a failure nor a loss.
    Release {
        /// When it may be claimed again.
        due: Due,
        /// Why.
        reason: ReleaseReason,
    },
    /// Given up: a dead letter.
    Bury {
        /// What waiters are told; its state is [`State::Dead`].
        result: JobResult,
        /// What went wrong last.
        error: AttemptError,
    },
}
