//! The port that runs jobs of a kind.

use super::{Attempt, CancelReason};
use poulpe_job::{BadTask, Door, Job, Task};
use std::time::Duration;

/// Runs jobs of one kind (or several). One instance serves all worker threads at once.
pub trait Executor: Send + Sync {
    /// Whether a task that came in this way can be run at all, asked before it is accepted. The error names the field and
    /// the fix.
    fn check(&self, task: &Task, door: Door) -> Result<(), BadTask>;

    /// Runs one attempt, blocking the worker thread it is called on. Must return by the attempt's deadline, and soon
    /// after it is cancelled. Jobs are delivered at least once: what it calls gets the job's id and the attempt's
    /// number, so that it can tell a repeat. A panic is a failure of this attempt.
    fn execute(&self, job: &Job, attempt: &Attempt) -> Result<Output, Failure>;
}

/// What a successful attempt left.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// Body or standard output, already cut to the executor's limit.
    pub text: String,
    /// HTTP status, exit code or SMTP reply code.
    pub status: Option<i32>,
}

/// Why an attempt failed, and whether another one makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A sentence a person can act on.
    pub reason: String,
    /// HTTP status, exit code, SMTP reply code, or the negative number of the signal that ended a command.
    pub status: Option<i32>,
    /// What it left all the same.
    pub output: String,
    /// Whether and when to try again.
    pub retry: RetryAdvice,
}

impl Failure {
    /// A failure that the retry policy decides about.
    pub fn later(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            status: None,
            output: String::new(),
            retry: RetryAdvice::Later,
        }
    }

    /// The failure of an attempt that was told to stop; `when` says what it was at, and reads after the reason.
    pub fn cancelled(why: CancelReason, when: &str) -> Self {
        let why = match why {
            CancelReason::Requested => "cancelled",
            CancelReason::Shutdown => "interrupted by the shutdown of poulpe",
            CancelReason::LeaseLost => "given up because the job's lease was lost",
        };
        Self::later(format!("{why} {when}"))
    }

    /// A failure that no further attempt can mend.
    pub fn never(reason: impl Into<String>) -> Self {
        Self {
            retry: RetryAdvice::Never,
            ..Self::later(reason)
        }
    }
}

/// What an executor says about another attempt. A job without retries left is buried whatever it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAdvice {
    /// When the retry policy says.
    Later,
    /// Not before this much time has passed (`Retry-After`).
    After(Duration),
    /// Bury at once.
    Never,
}
