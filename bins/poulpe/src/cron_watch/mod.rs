//! Watches cron files and gives the scheduler what they hold whenever they change. Never decides what fires. Runs as one
//! task of the daemon.

mod change;
mod load;
mod look;
mod tell;

pub(crate) use load::Texts;
pub(crate) use look::Look;
pub(crate) use tell::{Summary, problems};

use change::{Changes, Looked, Taken};
use poulpe_core::store::TimeSource;
use poulpe_core::{Phase, ScheduleFile, Scheduler, Stop, SystemClock};
use poulpe_cron::{Defaults, Zone};
use std::hash::RandomState;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinError, spawn_blocking};

/// How often files are looked at. With [`SETTLE`] and the time for reading, a change is noticed within a second.
const INTERVAL: Duration = Duration::from_millis(500);

/// So long after a change is seen, files are looked at again: an editor has written the rest by then.
const SETTLE: Duration = Duration::from_millis(100);

/// Watches cron files.
pub(crate) struct CronWatch {
    paths: Arc<[PathBuf]>,
    zone: Zone,
    clock: Arc<SystemClock>,
    changes: Changes,
    state: RandomState,
    log: tell::Log,
}

/// What came of looking: something new, perhaps, and when to look again.
struct Step {
    files: Option<Vec<ScheduleFile>>,
    wait: Duration,
}

impl Step {
    fn nothing(wait: Duration) -> Self {
        Self { files: None, wait }
    }
}

impl CronWatch {
    /// Watches these files and directories; entries that name no zone have this one.
    pub(crate) fn new(paths: Vec<PathBuf>, zone: Zone, clock: Arc<SystemClock>) -> Self {
        Self {
            paths: paths.into(),
            zone,
            clock,
            changes: Changes::default(),
            state: RandomState::new(),
            log: tell::Log::default(),
        }
    }

    /// What the files hold at the start.
    pub(crate) async fn first(&mut self) -> Result<Vec<ScheduleFile>, JoinError> {
        loop {
            let step = self.step().await?;
            if let Some(files) = step.files {
                return Ok(files);
            }
            tokio::time::sleep(step.wait).await;
        }
    }

    /// Gives the scheduler what has changed, until a shutdown begins.
    pub(crate) async fn run(mut self, scheduler: Scheduler, mut stop: Stop) {
        let mut wait = INTERVAL;
        loop {
            tokio::select! {
                () = stop.reached(Phase::Draining) => return,
                () = tokio::time::sleep(wait) => {}
            }
            let step = self.step().await.unwrap_or_else(|error| {
                tracing::error!(%error, "cron files not read");
                Step::nothing(INTERVAL)
            });
            wait = step.wait;
            if let Some(files) = step.files {
                scheduler.set_schedules(files);
            }
        }
    }

    async fn step(&mut self) -> Result<Step, JoinError> {
        let paths = self.paths.clone();
        let before = spawn_blocking(move || Look::at(&paths)).await?;
        match self.changes.looked(&before, self.clock.monotonic()) {
            Looked::Same => return Ok(Step::nothing(INTERVAL)),
            Looked::Unsettled => return Ok(Step::nothing(SETTLE)),
            Looked::Read => {}
        }
        let (paths, state) = (self.paths.clone(), self.state.clone());
        let read = spawn_blocking(move || {
            let texts = Texts::of(&before);
            let digests = texts.digests(&state);
            (texts, digests, before, Look::at(&paths))
        });
        let (texts, digests, before, after) = read.await?;
        let now = self.clock.monotonic();
        match self.changes.read(before, after, digests.clone(), now) {
            Taken::Same => return Ok(Step::nothing(INTERVAL)),
            Taken::Unsettled => return Ok(Step::nothing(SETTLE)),
            Taken::New => {}
        }
        let defaults = Defaults {
            zone: self.zone.clone(),
            now: self.clock.wall().floor(),
        };
        let files = spawn_blocking(move || texts.parse(&defaults)).await?;
        self.log.tell(&files, &digests);
        Ok(Step {
            files: Some(files),
            wait: INTERVAL,
        })
    }
}
