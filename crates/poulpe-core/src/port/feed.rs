//! The port for ways in that keep their own place in what they read, and send results on: Kafka.

use poulpe_job::{BadTask, JobId, Kind, Task};
use poulpe_store::{BoxFuture, Checkpoint, OutboxItem, StoreError};

/// What a way in needs that reads a log: tasks are accepted in the write that moves its place in the log, so that no
/// crash loses or doubles one.
pub trait Feed: Send + Sync {
    /// Whether this daemon could run the task; what a submit would refuse is refused here too.
    fn check(&self, task: &Task) -> Result<(), BadTask>;

    /// Accepts what was read and moves the checkpoint, in one write. With `replies` the results of these jobs are kept
    /// until they are [sent](Self::sent). On an error nothing is known: load the checkpoint.
    fn feed(
        &self,
        fed: Vec<Fed>,
        replies: bool,
        checkpoint: Checkpoint,
    ) -> BoxFuture<'_, Result<FeedAnswer, StoreError>>;

    /// The value of a checkpoint, if there is one.
    fn load(&self, name: &str) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>>;

    /// Moves a checkpoint alone; false if it wasn't as expected.
    fn compare_and_set(&self, checkpoint: Checkpoint) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// How many jobs are due and wait for a lane.
    fn backlog(&self) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Whether other daemons may use the same store.
    fn shares_store(&self) -> bool;

    /// The oldest results that are still to be sent, at most `max`, in the order of acceptance.
    fn unsent(&self, max: usize) -> BoxFuture<'_, Result<Vec<OutboxItem>, StoreError>>;

    /// These results were sent; they are forgotten.
    fn sent(&self, tokens: Vec<u64>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Returns when a job of this daemon has ended since the last time. For one caller.
    fn ended(&self) -> BoxFuture<'_, ()>;

    /// Shows how the way in does, to people and to readiness.
    fn report(&self, view: FeedView);
}

/// Something that was read: a task, or what can't be one.
#[derive(Debug, Clone, PartialEq)]
pub struct Fed {
    /// What is kept if it can't be run: because of what it is, or because another task has its id.
    pub letter: Letter,
    /// The task. The error says why there is none.
    pub task: Result<Task, String>,
    /// The trace that it is part of, as a `traceparent`: sent along with calls and results.
    pub trace: Option<String>,
}

/// What a dead letter tells of something that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Of its own, one for each place in the log; also that of the job if the task names none.
    pub id: JobId,
    /// Of no executor, so that it can't be run by mistake.
    pub kind: Kind,
    /// Where it was read.
    pub name: String,
    /// What it was, as JSON.
    pub params: String,
}

/// What became of what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedAnswer {
    /// All of it is durable.
    Taken(Taken),
    /// The store has no room; try later.
    Full,
    /// The checkpoint wasn't the expected one: another daemon reads this log.
    Moved,
}

/// What became of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// New jobs.
    pub accepted: u64,
    /// The same task of the same id was known.
    pub duplicates: u64,
    /// Dead letters: no tasks, and tasks whose id another one has.
    pub letters: u64,
}

/// How a way in does that reads a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedView {
    /// "kafka".
    pub name: &'static str,
    /// Where it reads: servers and topic.
    pub place: String,
    /// Why it can't work as it should, a sentence each.
    pub troubles: Vec<String>,
    /// The parts of the log.
    pub parts: Vec<FeedPart>,
    /// What was read, since the start.
    pub taken: Taken,
    /// Results sent, since the start.
    pub sent: u64,
    /// Results cut because they were too large, since the start.
    pub cut: u64,
    /// Nothing is read because enough jobs wait.
    pub paused: bool,
}

/// A part of a log: a partition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedPart {
    /// Its number.
    pub part: i32,
    /// The next record to read.
    pub offset: Option<i64>,
    /// Where the log ends, as far as known.
    pub end: Option<i64>,
    /// Which daemon reads it; empty if none does.
    pub owner: String,
}

impl FeedPart {
    /// How many records are still to be read.
    pub fn lag(&self) -> Option<i64> {
        Some((self.end? - self.offset?).max(0))
    }
}
