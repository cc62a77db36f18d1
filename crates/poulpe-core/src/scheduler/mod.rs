//! The scheduler: thin tasks and threads around the state machines. Owns the only hands that call the store and the
//! executors; decides nothing that `machine` could decide.

mod admission;
mod builder;
mod counters;
mod cron;
mod dead_letters;
mod dispatch;
mod feed;
mod follow;
mod hub;
mod ids;
mod keep;
mod members;
mod operate;
mod pool;
mod settings;
mod settle;
mod share;
mod shutdown;
mod submit;
mod waiters;
mod worker;

pub use builder::{BuildError, Builder};
pub use dead_letters::DeadLetterFiles;
pub use settings::{Identity, Settings};

use crate::{Clock, Executor, RetryPolicy, ScheduleFile};
use admission::Admission;
use counters::Counters;
use cron::Cron;
use dead_letters::DeadLetters;
use dispatch::{Dispatch, DispatchWake};
use feed::FeedState;
use hub::Hub;
use ids::Ids;
use keep::Keeper;
use pool::Pool;
use poulpe_job::{Kind, Timestamp};
use poulpe_store::{Incarnation, JobStore};
use settle::SettleQueue;
use share::Share;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::task::AbortHandle;

/// Everything the tasks and threads of one scheduler share.
pub(crate) struct Parts {
    pub(crate) incarnation: Incarnation,
    pub(crate) identity: Identity,
    pub(crate) settings: Settings,
    pub(crate) store: Arc<dyn JobStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) executors: HashMap<Kind, Arc<dyn Executor>>,
    pub(crate) policy: Arc<dyn RetryPolicy>,
    pub(crate) ids: Ids,
    pub(crate) admission: Admission,
    pub(crate) hub: Arc<Hub>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) dispatch: Dispatch,
    pub(crate) wake: Arc<DispatchWake>,
    pub(crate) keeper: Keeper,
    pub(crate) settles: SettleQueue,
    pub(crate) share: Share,
    pub(crate) counters: Counters,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) cron: Cron,
    pub(crate) feed: FeedState,
    pub(crate) started_at: Duration,
    pub(crate) started_wall: Timestamp,
    pub(crate) stopping: AtomicBool,
    /// The actor that panicked, if one did.
    pub(crate) broken: OnceLock<&'static str>,
}

impl Parts {
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

/// A running scheduler. Cheap to clone; all clones are one scheduler. Implements [`Submit`](crate::Submit) and
/// [`Operate`](crate::Operate). Stop it with [`Scheduler::stop`]; what is dropped without that is handed out again
/// after a restart, as after a crash.
#[derive(Clone)]
pub struct Scheduler {
    pub(crate) parts: Arc<Parts>,
    tasks: Arc<[AbortHandle; 7]>,
}

/// Sleeps until a time that may never come.
async fn sleep_until(clock: &dyn Clock, at: Option<Duration>) {
    match at {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

impl Scheduler {
    /// Has these schedules driven from now on, instead of those of the previous call. How far each was driven is kept in
    /// the store, so that a fire time has one job whatever restarts. Returns at once; the driver reads them in a moment.
    pub fn set_schedules(&self, files: Vec<ScheduleFile>) {
        self.parts.cron.set(files);
    }
}
