//! The changes that go through a write, and what is written for them: the words between the table, a store's writer and
//! its replay. Pure data.

use super::IdHash;
use crate::{
    Cancelled, Checkpoint, Group, GroupAnswer, Hold, Item, LeaseId, OutboxKind, Revived, Settlement,
};
use poulpe_job::{Digest, Job, JobId, JobResult, Outcome, Progress, State, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::time::Duration;

/// A change that must be durable before it is answered.
#[derive(Debug)]
pub enum Op {
    /// Accept jobs.
    Enqueue(Vec<Group>),
    /// End leases.
    Settle(Vec<Settlement>),
    /// Deal with leases that have ended.
    Expire,
    /// Cancel a job.
    Cancel(JobId),
    /// Put a dead letter back.
    Revive(JobId),
    /// Remove a dead letter.
    Purge(JobId),
    /// Take items out of the outbox.
    Acknowledge(OutboxKind, Vec<u64>),
    /// Move a checkpoint.
    CompareAndSet(Checkpoint),
    /// Take in what came from another store.
    Import(Vec<Item>),
}

/// The answer to an [`Op`], of the same name.
#[derive(Debug)]
pub enum OpAnswer {
    /// To `Enqueue`.
    Enqueued(Vec<GroupAnswer>),
    /// To `Settle`.
    Settled(Vec<Hold>),
    /// To `Expire` and `Acknowledge`.
    Done,
    /// To `Cancel`.
    Cancelled(Cancelled),
    /// To `Revive`.
    Revived(Revived),
    /// To `Purge`, `CompareAndSet` and `Import`.
    Changed(bool),
}

/// What became of staging an [`Op`].
#[derive(Debug)]
pub enum Staged {
    /// Give this answer once the writes are durable and committed.
    Answer(OpAnswer),
    /// It concerns a job whose write is on its way: stage the rest again after the commit. What was staged already
    /// needs nothing more.
    Later(Op),
}

/// A job as it is stored, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The job.
    pub job: Box<Job>,
    /// How far it has come.
    pub progress: Progress,
    /// Whether it lives.
    pub life: Life,
}

/// Whether a stored job lives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Life {
    /// It is to be run.
    Living,
    /// It is a dead letter.
    Dead {
        /// What waiters are told.
        result: JobResult,
        /// What of it is in the outbox.
        outbox: InOutbox,
    },
    /// It is done, and its result is to be sent: after that only its end is kept.
    Unsent {
        /// What waiters and the door are told.
        result: JobResult,
    },
}

impl Life {
    /// That of a job which is buried now.
    pub(super) fn dead(job: &Job, result: JobResult) -> Self {
        let outbox = InOutbox {
            letter: true,
            result: job.door.replies(),
        };
        Life::Dead { result, outbox }
    }
}

/// What of a dead letter is in the outbox. Stored as one byte: 0 and 1 as it was when there were only letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InOutbox {
    /// The letter, until its file has been written.
    pub letter: bool,
    /// The result, until it has been sent.
    pub result: bool,
}

impl InOutbox {
    const NO_LETTER: u8 = 1;
    const RESULT: u8 = 2;
}

impl Serialize for InOutbox {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let no_letter = if self.letter { 0 } else { Self::NO_LETTER };
        let result = if self.result { Self::RESULT } else { 0 };
        serializer.serialize_u8(no_letter | result)
    }
}

impl<'de> Deserialize<'de> for InOutbox {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bits = u8::deserialize(deserializer)?;
        if bits & !(Self::NO_LETTER | Self::RESULT) != 0 {
            return Err(serde::de::Error::custom("an unknown mark of a dead letter"));
        }
        Ok(Self {
            letter: bits & Self::NO_LETTER == 0,
            result: bits & Self::RESULT != 0,
        })
    }
}

/// The end of a job as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndRecord {
    /// The job.
    pub id: JobId,
    /// Whether the client chose the id.
    pub chosen: bool,
    /// Fingerprint of the task.
    pub digest: Digest,
    /// How it ended; `None` for a dead letter that was removed.
    pub result: Option<JobResult>,
}

impl EndRecord {
    /// An id that is guarded although its result is gone: a result in a state in which no job has one.
    pub(super) fn guard(id: JobId, digest: Digest, finished_at: Timestamp) -> Self {
        let result = JobResult {
            outcome: Outcome::Fail,
            reason: String::new(),
            state: State::Delayed,
            output: String::new(),
            status: None,
            attempts: 0,
            started_at: None,
            finished_at,
        };
        Self {
            id,
            chosen: true,
            digest,
            result: Some(result),
        }
    }

    /// Whether only the id is guarded.
    pub(super) fn is_guard(&self) -> bool {
        let result = self.result.as_ref();
        result.is_some_and(|result| result.state == State::Delayed)
    }
}

/// What is read back from a place.
#[derive(Debug, Clone, PartialEq)]
pub enum Stored {
    /// A job.
    Record(Record),
    /// The end of one.
    End(EndRecord),
    /// A checkpoint's value.
    Checkpoint(Vec<u8>),
}

/// The start of an attempt as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartMark {
    /// The job.
    pub id: JobId,
    /// Its place in the order of acceptance.
    pub sequence: u64,
    /// The how-manieth hand-out.
    pub claims: u32,
    /// The number of the attempt.
    pub attempt: u32,
}

/// One record to write.
#[derive(Debug)]
#[cfg_attr(mutant = "settle_before_result", derive(Clone))]
pub enum Write<P> {
    /// A job, new or changed.
    Put {
        /// Its place in the order of acceptance.
        sequence: u64,
        /// The whole of it.
        record: Box<Record>,
        /// The record that this one replaces.
        previous: Option<P>,
        /// What the commit needs to know.
        note: Note,
    },
    /// The end of a job.
    End {
        /// The job's place in the order of acceptance.
        sequence: u64,
        /// How it ended.
        end: Box<EndRecord>,
        /// The record that this one ends.
        previous: Option<P>,
        /// What the commit needs to know.
        note: Note,
    },
    /// A checkpoint's new value.
    Checkpoint {
        /// Which.
        name: String,
        /// The value.
        value: Vec<u8>,
        /// The record that this one replaces.
        previous: Option<P>,
    },
}

/// What a commit needs to know of a staged write.
#[derive(Debug, Clone)]
pub struct Note {
    pub(super) hash: IdHash,
    /// The job was dead before.
    pub(super) was_dead: bool,
    /// Its result was all that was left of it, and has been sent.
    pub(super) was_sent: bool,
    /// Whoever holds the lease must hear that the job was cancelled.
    pub(super) tell: Option<LeaseId>,
    /// It came from another store.
    pub(super) is_import: bool,
}

/// What a commit made known.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Something became ready, or is due.
    pub work: bool,
    /// Jobs that ended.
    pub finished: Vec<JobId>,
    /// Leases whose jobs were cancelled.
    pub cancel_requested: Vec<LeaseId>,
    /// There are too many ids to guard; they are guarded no longer than this.
    pub id_window: Option<Duration>,
}

impl Effects {
    /// Takes in what a later step made known.
    pub(crate) fn add(&mut self, later: Effects) {
        self.work |= later.work;
        self.finished.extend(later.finished);
        self.cancel_requested.extend(later.cancel_requested);
        self.id_window = later.id_window.or(self.id_window);
    }
}
