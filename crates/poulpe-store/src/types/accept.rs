//! Accepting jobs.

use poulpe_job::{AttemptError, Due, Job, JobResult, Outcome, State};

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
            entries: vec![Entry::new(job, due)],
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
        job: Box<Job>,
        /// When it may first be claimed.
        due: Due,
    },
    /// A dead letter from the start: something that can't be run but must not be lost.
    Dead {
        /// The job; the store fills in `accepted_at` and `due`.
        job: Box<Job>,
        /// What waiters are told.
        result: JobResult,
        /// What is wrong with it.
        error: AttemptError,
    },
    /// To be run; if another task has its id, a dead letter tells of it. For who can't be told of a conflict.
    JobOr {
        /// The job; the store fills in `accepted_at` and `due`.
        job: Box<Job>,
        /// When it may first be claimed.
        due: Due,
        /// What is kept instead after a conflict, under an id of its own; the answer is
        /// [`Conflict`](Accepted::Conflict) all the same.
        otherwise: Box<Entry>,
    },
}

impl Entry {
    /// A job to be run.
    pub fn new(job: Job, due: Due) -> Self {
        Entry::Job {
            job: Box::new(job),
            due,
        }
    }

    /// A dead letter from the start. Waiters are told what is wrong with it; it never started.
    pub fn dead(job: Job, error: AttemptError) -> Self {
        let result = JobResult {
            outcome: Outcome::Fail,
            reason: error.reason.clone(),
            state: State::Dead,
            output: String::new(),
            status: None,
            attempts: error.attempt,
            started_at: None,
            finished_at: error.finished_at,
        };
        Entry::Dead {
            job: Box::new(job),
            result,
            error,
        }
    }

    /// The job, whichever way it is to be kept.
    pub fn job(&self) -> &Job {
        match self {
            Entry::Job { job, .. } | Entry::Dead { job, .. } | Entry::JobOr { job, .. } => job,
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
