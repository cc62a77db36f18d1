//! Daemons that share a store, as they tell of themselves.

use super::Incarnation;
use poulpe_job::{JobId, Lane, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a daemon tells of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Which life of which daemon.
    pub incarnation: Incarnation,
    /// The name of its machine.
    pub host: String,
    /// Its process there.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// Where it listens.
    pub address: String,
    /// When it started, by its own clock.
    pub started_at: Timestamp,
    /// How many lanes it has.
    pub workers: Lane,
    /// How many of them run something.
    pub busy: Lane,
    /// What they run; of very many lanes only the first.
    pub runs: Vec<MemberRun>,
    /// It takes no new work any more.
    pub stopping: bool,
}

/// What a lane of a daemon runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRun {
    /// The lane.
    pub lane: Lane,
    /// The job.
    pub job: JobId,
    /// The number of the attempt.
    pub attempt: u32,
    /// When that started, by the daemon's own clock.
    pub since: Timestamp,
}

/// A daemon as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberView {
    /// What it told last.
    pub member: Member,
    /// When that was, by the store's clock.
    pub beat_at: Timestamp,
    /// How long ago that is.
    pub silent: Duration,
}
