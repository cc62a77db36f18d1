//! An entry of a cron file: a schedule, and the task that it fires. Data only; the reader of files makes it.

use crate::identity::ScheduleId;
use crate::schedule::Schedule;
use crate::zone::Zone;
use poulpe_job::{Due, JobId, Kind, LaneSet, Params, Task, Timestamp};
use std::time::Duration;

/// How late a fire time may be without being missed.
pub const LATE: Duration = Duration::from_secs(60);

/// What becomes of fire times that passed while nobody ran them. One up to [`LATE`] old is late, not missed, and runs
/// in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfire {
    /// The newest one runs, if it isn't older than this.
    Once {
        /// How old it may be.
        window: Duration,
    },
    /// None runs.
    Skip,
    /// Every one runs; of very many the newest.
    All,
}

impl Misfire {
    /// The window of `once` when none is given: a nightly job still runs in the morning.
    pub const WINDOW: Duration = Duration::from_secs(24 * 3_600);

    /// How far back a fire time may lie and still run. `All` looks back a year: older work has been overtaken by events.
    pub fn reach(self) -> Duration {
        match self {
            Misfire::Once { window } => window.max(LATE),
            Misfire::Skip => LATE,
            Misfire::All => Duration::from_secs(366 * 24 * 3_600),
        }
    }
}

impl Default for Misfire {
    fn default() -> Self {
        Misfire::Once {
            window: Self::WINDOW,
        }
    }
}

/// Whether a schedule fires while an earlier job of it isn't done or dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlap {
    /// It fires.
    #[default]
    Allow,
    /// The fire time is skipped.
    Skip,
}

/// What the variable lines above an entry say. No part of its identity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// `CC`.
    pub lanes: LaneSet,
    /// `MISFIRE`.
    pub misfire: Misfire,
    /// `OVERLAP`.
    pub overlap: Overlap,
    /// `TIMEOUT`; `None` is the daemon's default.
    pub timeout: Option<Duration>,
    /// `MAX_RETRY`; `None` is the daemon's default.
    pub max_retry: Option<u32>,
}

/// An entry of a cron file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its line, from 1.
    pub line: usize,
    /// The line as written, without its line break.
    pub text: String,
    /// The id of the schedule.
    pub id: ScheduleId,
    /// When it fires.
    pub schedule: Schedule,
    /// By the clocks of this zone.
    pub zone: Zone,
    /// The kind of its jobs.
    pub kind: Kind,
    /// URL, command or mail name.
    pub name: String,
    /// Query string, body or arguments.
    pub params: Params,
    /// What the variable lines above say.
    pub options: Options,
}

impl Entry {
    /// The first fire time strictly after an instant.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        self.schedule.next_after(after, &self.zone)
    }

    /// The id of the job for a fire time: `<schedule id>@<RFC 3339 instant in UTC>`.
    pub fn job_id(&self, fire: Timestamp) -> JobId {
        self.id.job_id(fire)
    }

    /// The task of a fire time: due at it, so that a fast clock can't run it early.
    pub fn task(&self, fire: Timestamp) -> Task {
        let mut task = Task::new(self.kind.clone(), self.name.clone());
        task.id = Some(self.job_id(fire));
        task.params = self.params.clone();
        task.lanes = self.options.lanes.clone();
        task.due = Due::At(fire);
        task.timeout = self.options.timeout;
        task.max_retry = self.options.max_retry;
        task
    }
}
