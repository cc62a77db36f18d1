//! A scheduler whose jobs do nothing but tell when they ran.

use poulpe_core::store::{Limits, MemoryStore};
use poulpe_core::{
    Attempt, BadTask, Builder, Door, Executor, Failure, Job, JobStore, Kind, Operate, Output,
    Params, Scheduler, Settings, SystemClock, Task,
};
use poulpe_store_embedded::{EmbeddedStore, Options};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The kind of jobs that do nothing.
pub const NOOP: &str = "NOOP";

/// Does nothing. A job whose params are a time in nanoseconds since the epoch has its lateness recorded.
#[derive(Default)]
pub struct Noop {
    late: Mutex<Vec<Duration>>,
}

impl Noop {
    /// How late each job was that carried a time.
    pub fn take_lateness(&self) -> Vec<Duration> {
        std::mem::take(&mut *self.late.lock().expect("no panic"))
    }

    /// Now, as jobs carry it.
    #[expect(clippy::disallowed_methods, reason = "the measuring clock")]
    pub fn now() -> u128 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_nanos()
    }
}

impl Executor for Noop {
    fn check(&self, _task: &Task, _door: Door) -> Result<(), BadTask> {
        Ok(())
    }

    fn execute(&self, job: &Job, _attempt: &Attempt) -> Result<Output, Failure> {
        if let Params::Text(text) = &job.params
            && let Ok(due) = text.parse::<u128>()
        {
            let now = Self::now();
            assert!(now >= due, "early by {} ns", due - now);
            self.late
                .lock()
                .expect("no panic")
                .push(Duration::from_nanos((now - due) as u64));
        }
        Ok(Output::default())
    }
}

/// A scheduler and its executor.
pub struct Running {
    /// The scheduler.
    pub scheduler: Scheduler,
    /// What its jobs told.
    pub noop: Arc<Noop>,
}

impl Running {
    /// Returns once so many jobs have succeeded since the start.
    pub async fn wait_for(&self, count: u64) {
        while self.scheduler.overview().await.expect("a store").ended.0 < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// A store: in memory without a directory, else embedded in it.
pub fn store_in(dir: Option<&Path>) -> (Arc<dyn JobStore>, Arc<SystemClock>) {
    let clock = Arc::new(SystemClock::new());
    let store: Arc<dyn JobStore> = match dir {
        None => Arc::new(MemoryStore::in_memory(Limits::default(), clock.clone())),
        Some(dir) => {
            Arc::new(EmbeddedStore::open(dir, Options::default(), clock.clone()).expect("a store"))
        }
    };
    (store, clock)
}

/// Starts a scheduler with four workers.
pub fn start(dir: Option<&Path>) -> Running {
    let (store, clock) = store_in(dir);
    let noop = Arc::new(Noop::default());
    let builder = Builder::new(store)
        .clock(clock)
        .settings(Settings::default())
        .executor(Kind::new(NOOP), noop.clone());
    Running {
        scheduler: builder.start().expect("it starts"),
        noop,
    }
}
