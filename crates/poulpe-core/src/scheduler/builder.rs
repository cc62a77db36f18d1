//! Putting a scheduler together.

use super::admission::Admission;
use super::counters::Counters;
use super::cron::{self, Cron};
use super::dead_letters::{self, DeadLetterFiles, DeadLetters};
use super::dispatch::{self, Dispatch, DispatchWake};
use super::feed::FeedState;
use super::hub::Hub;
use super::ids::Ids;
use super::keep::{self, Keeper};
use super::members;
use super::pool::{Pool, Seat};
use super::settle::{self, SettleQueue};
use super::share::{self, Share};
use super::{Identity, Parts, Scheduler, Settings, worker};
use crate::{Clock, Executor, FixedInterval, RetryPolicy, SystemClock};
use poulpe_job::{Kind, MAX_LANES};
use poulpe_store::{Incarnation, JobStore};
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// Why a scheduler can't be started.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Two executors for one kind: which one should run it?
    #[error("two executors are registered for the kind {0}")]
    DuplicateKind(Kind),
    /// No executor at all: nothing could ever run.
    #[error("no executor is registered")]
    NoExecutor,
    /// The number of workers is out of range.
    #[error("{0} workers are not possible, 1 to {MAX_LANES} are")]
    Workers(u16),
    /// Started outside a tokio runtime.
    #[error("a scheduler must be started inside a tokio runtime")]
    NoRuntime,
    /// The system gave no thread.
    #[error("a worker thread could not be started")]
    Thread(#[source] std::io::Error),
}

/// Puts a scheduler together from a store, executors and settings.
pub struct Builder {
    store: Arc<dyn JobStore>,
    clock: Arc<dyn Clock>,
    executors: HashMap<Kind, Arc<dyn Executor>>,
    duplicate: Option<Kind>,
    policy: Arc<dyn RetryPolicy>,
    settings: Settings,
    identity: Identity,
    files: Option<Arc<dyn DeadLetterFiles>>,
}

impl Builder {
    /// A scheduler over this store, with default settings and no executor yet.
    pub fn new(store: Arc<dyn JobStore>) -> Self {
        Self {
            store,
            clock: Arc::new(SystemClock::new()),
            executors: HashMap::new(),
            duplicate: None,
            policy: Arc::new(FixedInterval),
            settings: Settings::default(),
            identity: Identity::default(),
            files: None,
        }
    }

    /// Has jobs of this kind run by `executor`.
    #[must_use]
    pub fn executor(mut self, kind: Kind, executor: Arc<dyn Executor>) -> Self {
        if self.executors.insert(kind.clone(), executor).is_some() {
            self.duplicate = Some(kind);
        }
        self
    }

    /// Other numbers than the defaults.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// What the other daemons of a shared store see of this one.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    /// Another rule for retries than the fixed interval.
    #[must_use]
    pub fn retry_policy(mut self, policy: Arc<dyn RetryPolicy>) -> Self {
        self.policy = policy;
        self
    }

    /// Other clocks than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Has dead letters copied to files.
    #[must_use]
    pub fn dead_letter_files(mut self, files: Arc<dyn DeadLetterFiles>) -> Self {
        self.files = Some(files);
        self
    }

    /// Starts the workers and the tasks on the current tokio runtime.
    pub fn start(self) -> Result<Scheduler, BuildError> {
        let runtime = Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
        if let Some(kind) = self.duplicate {
            return Err(BuildError::DuplicateKind(kind));
        }
        if self.executors.is_empty() {
            return Err(BuildError::NoExecutor);
        }
        let workers = self.settings.workers;
        if workers == 0 || workers > MAX_LANES {
            return Err(BuildError::Workers(workers));
        }
        let wake = Arc::new(DispatchWake::default());
        let pool = Arc::new(Pool::new(workers, &self.settings, wake.clone()));
        let hub = Arc::new(Hub::new(pool.clone()));
        self.store.watch(hub.clone());
        // One life of this daemon; it has no meaning beyond.
        let incarnation = Incarnation(rand::random());
        let parts = Arc::new(Parts {
            incarnation,
            identity: self.identity,
            started_wall: self.clock.wall().floor(),
            ids: Ids::new(self.clock.wall().floor().as_millis()),
            admission: Admission::default(),
            keeper: Keeper::new(self.settings.lease),
            dispatch: Dispatch::new(incarnation, self.settings.lease),
            wake,
            settles: SettleQueue::default(),
            share: Share::default(),
            counters: Counters::new(self.executors.keys()),
            dead_letters: DeadLetters::new(self.files),
            cron: Cron::default(),
            feed: FeedState::default(),
            started_at: self.clock.monotonic(),
            stopping: AtomicBool::new(false),
            broken: OnceLock::new(),
            settings: self.settings,
            store: self.store,
            clock: self.clock,
            executors: self.executors,
            policy: self.policy,
            hub,
            pool,
        });
        parts.hub.serve(&parts);
        for lane in 0..workers {
            if let Err(error) = worker::spawn(&parts, &runtime, Seat::Own(lane)) {
                parts.pool.close();
                return Err(BuildError::Thread(error));
            }
        }
        let tasks = [
            supervised(&parts, "settler", settle::run(parts.clone())),
            supervised(&parts, "lease keeper", keep::run(parts.clone())),
            supervised(&parts, "dead letters", dead_letters::run(parts.clone())),
            supervised(&parts, "dispatcher", dispatch::run(parts.clone())),
            supervised(&parts, "cron driver", cron::run(parts.clone())),
            supervised(&parts, "sharer", share::run(parts.clone())),
            supervised(&parts, "member", members::run(parts.clone())),
        ];
        Ok(Scheduler {
            parts,
            tasks: Arc::new(tasks),
        })
    }
}

/// Runs an actor. Should one panic, the daemon is of no use any more, and its health says so.
fn supervised(
    parts: &Arc<Parts>,
    name: &'static str,
    actor: impl Future<Output = ()> + Send + 'static,
) -> AbortHandle {
    let actor = tokio::spawn(actor);
    let abort = actor.abort_handle();
    let parts = parts.clone();
    tokio::spawn(async move {
        if actor.await.is_err_and(|end| end.is_panic()) {
            tracing::error!(actor = name, "panicked; restart poulpe and report this");
            // The first to panic is the one to know of.
            let _ = parts.broken.set(name);
        }
    });
    abort
}
