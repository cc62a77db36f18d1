//! The port through which tasks come in.

use super::Follow;
use poulpe_job::{BadTask, Door, JobId, JobResult, State, Task};
use poulpe_store::{BoxFuture, Cancelled, StoreError};
use std::time::Duration;

/// What a way in needs of the scheduler, and all that it gets.
pub trait Submit: Send + Sync {
    /// Hands tasks over. Answers are in order, after the accepted ones are durable. Never waits for room: when the
    /// scheduler can't take more, the answer is [`Submitted::Busy`].
    fn submit(&self, tasks: Vec<Task>, door: Door) -> BoxFuture<'_, Vec<Submitted>>;

    /// Waits for the final outcome of a job, at most `limit`. Any number may wait for one job, before or after its end,
    /// whichever door it came through.
    fn wait(&self, id: &JobId, limit: Duration) -> BoxFuture<'_, Waited>;

    /// A follower of no jobs yet, for whoever waits for many: a socket.
    fn follow(&self) -> Box<dyn Follow>;

    /// Cancels a job.
    fn cancel(&self, id: &JobId) -> BoxFuture<'_, Result<Cancelled, StoreError>>;
}

/// What became of a submitted task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// It is durable, as a job in this state.
    Accepted(JobId, State),
    /// The same task of this id was accepted before; its job is in this state.
    Duplicate(JobId, State),
    /// Another task has this id.
    Conflict(JobId),
    /// It can't be run.
    Refused(Option<JobId>, BadTask),
    /// No room now; ask again later. The reason says what is full.
    Busy(Option<JobId>, String),
}

/// What became of the wish to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waited {
    /// The job's final outcome.
    Ended(JobResult),
    /// The time was over first: the state, and what went wrong last.
    TimedOut(Option<State>, Option<String>),
    /// It ended, but its result is no longer kept.
    Expired,
    /// Never heard of, or long forgotten.
    Unknown,
    /// The store can't say.
    Unavailable(String),
}
