//! What is carried from one store to another.

use poulpe_job::{Digest, Job, JobId, JobResult, Progress, Timestamp};
use serde::{Deserialize, Serialize};

/// Something that a store keeps, whole. A job under a lease is carried as if the lease had ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Item {
    /// A job that is to be run.
    Job {
        /// Its place in the order of acceptance.
        sequence: u64,
        /// The job.
        job: Box<Job>,
        /// How far it has come.
        progress: Progress,
    },
    /// A dead letter.
    Dead {
        /// Its place in the order of acceptance.
        sequence: u64,
        /// The job.
        job: Box<Job>,
        /// How far it had come.
        progress: Progress,
        /// What waiters are told.
        result: JobResult,
        /// Whether its file has been written.
        copied: bool,
    },
    /// A job that is done, with its result.
    Done {
        /// Its place in the order of acceptance.
        sequence: u64,
        /// Its id.
        id: JobId,
        /// Whether the client chose that.
        chosen: bool,
        /// Fingerprint of its task.
        digest: Digest,
        /// How it ended.
        result: JobResult,
    },
    /// An id that is guarded although the result is gone.
    Guard {
        /// Its job's place in the order of acceptance.
        sequence: u64,
        /// The id.
        id: JobId,
        /// Fingerprint of its task.
        digest: Digest,
        /// When the job ended, from which the time of the guard counts.
        finished_at: Timestamp,
    },
    /// A value that moves by compare-and-set.
    Checkpoint {
        /// Which.
        name: String,
        /// The value.
        value: Vec<u8>,
    },
}

/// How far an export has come. The default is its start; what else it says only the store knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// Which part of the store.
    pub part: u64,
    /// Where in it.
    pub place: u64,
}

/// A part of what a store keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported {
    /// What it is; may be nothing although more follows.
    pub items: Vec<Item>,
    /// Where the next part starts; `None` at the end.
    pub next: Option<Cursor>,
    /// About how many items there are in all.
    pub total: u64,
}
