//! The store as others see it. Owns the runtime that its connections live on, so that it works from any thread and any
//! executor; adds nothing else to the verbs.

use crate::batch::Batcher;
use crate::link::Link;
use crate::watch::{self, Watch};
use crate::{
    OldTask, OldTasks, OpenError, Options, enqueue, inspect, lease, list, member, old, people,
    settle, transfer,
};
use poulpe_job::JobId;
use poulpe_store::{
    BoxFuture, Cancelled, Checkpoint, Checkpoints, Claim, Claimed, Counts, Cursor, Exported, Group,
    GroupAnswer, Hold, Incarnation, Inspect, Item, JobView, LeaseId, Lookup, Mark, Member,
    MemberView, Members, Outbox, OutboxItem, OutboxKind, Page, PageRequest, Results, Revived,
    Settlement, Started, Store, StoreError, StoreResult, StoreStats, Transfer, Watcher,
};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// A store in Redis.
pub struct RedisStore {
    link: Arc<Link>,
    watch: Arc<Watch>,
    enqueues: Batcher<Group, GroupAnswer>,
    settles: Batcher<Settlement, Hold>,
    starts: Batcher<LeaseId, Started>,
    /// Taken when the store is dropped.
    runtime: Option<Runtime>,
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStore")
            .field("options", &self.link.options)
            .finish_non_exhaustive()
    }
}

impl RedisStore {
    /// Connects. Blocks until the server has answered, or has had its time: one that isn't there yet is waited for in the
    /// background, and until then every verb says so.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("poulpe-redis")
            .enable_all()
            .build()
            .map_err(OpenError::Thread)?;
        let handle = runtime.handle().clone();
        let (sender, opened) = std::sync::mpsc::sync_channel(1);
        // Whoever opens a store may be on a runtime, where it mustn't wait for a future.
        handle.spawn(async move {
            let _ = sender.send(connect(options).await);
        });
        let closed = |_| OpenError::Bad("the runtime ended".into());
        let (link, watch) = match opened.recv().map_err(closed).flatten() {
            Ok(opened) => opened,
            Err(error) => {
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let (one, two, three) = (link.clone(), link.clone(), link.clone());
        let limit = link.options.timeout;
        let enqueues = Batcher::start(&handle, limit, enqueue::cost, move |groups| {
            let link = Arc::clone(&one);
            async move { enqueue::enqueue(&link, groups).await }
        });
        let settles = Batcher::start(&handle, limit, settle::cost, move |settlements| {
            let link = Arc::clone(&two);
            async move { settle::settle(&link, settlements).await }
        });
        let starts = Batcher::start(
            &handle,
            limit,
            |_| 1,
            move |leases| {
                let link = Arc::clone(&three);
                async move { lease::start(&link, leases).await }
            },
        );
        Ok(Self {
            link,
            watch,
            enqueues,
            settles,
            starts,
            runtime: Some(runtime),
        })
    }

    /// What is noted of a move of its jobs.
    pub fn mark(&self) -> BoxFuture<'_, StoreResult<Option<Mark>>> {
        self.run(|link| async move { transfer::mark(&link).await })
    }

    /// Notes a move, or with `None` forgets it. An error while a daemon uses the store.
    pub fn set_mark(&self, mark: Option<Mark>) -> BoxFuture<'_, StoreResult<()>> {
        self.run(|link| async move { transfer::set_mark(&link, mark.as_ref()).await })
    }

    /// What poulpe 0.2 left on this server, whatever the prefix.
    pub fn old_tasks(&self) -> BoxFuture<'_, StoreResult<OldTasks>> {
        self.run(|link| async move { old::tasks(&link).await })
    }

    /// The records behind these keys of poulpe 0.2.
    pub fn old_records(
        &self,
        keys: Vec<String>,
    ) -> BoxFuture<'_, StoreResult<Vec<Option<String>>>> {
        self.run(|link| async move { old::records(&link, keys).await })
    }

    /// Puts aside, under other names, what poulpe 0.2 left of tasks that were taken over.
    pub fn put_old_aside(&self, tasks: Vec<OldTask>) -> BoxFuture<'_, StoreResult<()>> {
        self.run(|link| async move { old::put_aside(&link, tasks).await })
    }

    /// Runs what talks to the server on the store's own runtime.
    fn run<'a, T, F>(&'a self, run: impl FnOnce(Arc<Link>) -> F) -> BoxFuture<'a, StoreResult<T>>
    where
        T: Send + 'static,
        F: Future<Output = StoreResult<T>> + Send + 'static,
    {
        let closed = || StoreError::failed("the store has been closed");
        let Some(runtime) = &self.runtime else {
            return Box::pin(std::future::ready(Err(closed())));
        };
        let running = runtime.spawn(run(Arc::clone(&self.link)));
        Box::pin(async move { running.await.map_err(|_| closed())? })
    }
}

async fn connect(options: Options) -> Result<(Arc<Link>, Arc<Watch>), OpenError> {
    let (link, subscriber) = Link::new(options)?;
    link.connect().await?;
    let (link, watch) = (Arc::new(link), Arc::new(Watch::default()));
    if link.options.transfer {
        return Ok((link, watch));
    }
    if link.health.state().is_ok()
        && let Ok(Some(mark)) = transfer::mark(&link).await
    {
        let key = link.keys.moved();
        return Err(OpenError::Moved { mark, key });
    }
    // Known before the daemon greets, if the server is there.
    if link.health.state().is_ok() && watch::look_at_settings(&link).await.is_err() {
        tracing::warn!("the settings of Redis can't be read yet");
    }
    let listening = watch::listen(Arc::clone(&link), Arc::clone(&watch), subscriber.clone());
    tokio::spawn(listening);
    let of_subscribing = Arc::clone(&link);
    let subscribing =
        tokio::spawn(async move { watch::subscribe(&of_subscribing, &subscriber).await });
    // From here on nothing that happens is missed; if it takes longer, the ticks tell.
    let is_late = tokio::time::timeout(link.options.connect_timeout, subscribing).await;
    if is_late.is_err() {
        tracing::warn!("Redis takes no subscription yet; wake-ups come once a second");
    }
    tokio::spawn(watch::tick(Arc::clone(&link), Arc::clone(&watch)));
    Ok((link, watch))
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // What was asked and not answered is unknown to whoever asked, as after any lost answer.
            runtime.shutdown_background();
        }
    }
}

impl Store for RedisStore {
    fn enqueue(&self, groups: Vec<Group>) -> BoxFuture<'_, StoreResult<Vec<GroupAnswer>>> {
        Box::pin(self.enqueues.ask(groups))
    }

    fn claim(&self, claim: Claim) -> BoxFuture<'_, StoreResult<Claimed>> {
        let watch = Arc::clone(&self.watch);
        self.run(|link| async move { lease::claim(&link, &watch.ahead, claim).await })
    }

    fn start(&self, lease: &LeaseId) -> BoxFuture<'_, StoreResult<Started>> {
        if let Some(number) = self.watch.ahead.take(lease, Instant::now()) {
            return Box::pin(std::future::ready(Ok(Started::Go(number))));
        }
        let asked = self.starts.ask(vec![lease.clone()]);
        Box::pin(async move {
            let started = asked.await?.pop();
            started.ok_or_else(|| crate::error::strange("it is empty"))
        })
    }

    fn renew(
        &self,
        leases: Vec<LeaseId>,
        lease: Duration,
    ) -> BoxFuture<'_, StoreResult<Vec<Hold>>> {
        let watch = Arc::clone(&self.watch);
        self.run(move |link| async move {
            let holds = lease::renew(&link, &leases, lease).await?;
            for (lease, hold) in leases.iter().zip(&holds) {
                if *hold != Hold::Held {
                    watch.ahead.forget(lease);
                }
            }
            Ok(holds)
        })
    }

    fn settle(&self, settlements: Vec<Settlement>) -> BoxFuture<'_, StoreResult<Vec<Hold>>> {
        Box::pin(self.settles.ask(settlements))
    }
}

/// Scripts that end a job don't put its result into the outbox.
fn no_results() -> StoreError {
    StoreError::Unavailable("Redis keeps no results that are to be sent on".into())
}

impl Outbox for RedisStore {
    fn take(&self, kind: OutboxKind, max: usize) -> BoxFuture<'_, StoreResult<Vec<OutboxItem>>> {
        match kind {
            OutboxKind::DeadLetter => {
                self.run(move |link| async move { inspect::outbox(&link, max).await })
            }
            OutboxKind::Result => Box::pin(async { Err(no_results()) }),
        }
    }

    fn acknowledge(&self, kind: OutboxKind, tokens: Vec<u64>) -> BoxFuture<'_, StoreResult<()>> {
        match kind {
            OutboxKind::DeadLetter => {
                self.run(|link| async move { people::acknowledge(&link, tokens).await })
            }
            OutboxKind::Result => Box::pin(async { Err(no_results()) }),
        }
    }
}

impl Inspect for RedisStore {
    fn job(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Option<JobView>>> {
        let id = id.clone();
        self.run(|link| async move { inspect::job(&link, &id).await })
    }

    fn dead(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Option<JobView>>> {
        let id = id.clone();
        self.run(|link| async move { inspect::dead(&link, &id).await })
    }

    fn list(&self, request: PageRequest) -> BoxFuture<'_, StoreResult<Page>> {
        self.run(move |link| async move { list::list(&link, request).await })
    }

    fn counts(&self) -> BoxFuture<'_, StoreResult<Counts>> {
        self.run(|link| async move { inspect::counts(&link).await })
    }

    fn cancel(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Cancelled>> {
        let id = id.clone();
        self.watch.ahead.forget_job(&id);
        self.run(|link| async move { people::cancel(&link, &id).await })
    }

    fn revive(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Revived>> {
        let id = id.clone();
        self.run(|link| async move { people::revive(&link, &id).await })
    }

    fn purge(&self, id: &JobId) -> BoxFuture<'_, StoreResult<bool>> {
        let id = id.clone();
        self.run(|link| async move { people::purge(&link, &id).await })
    }

    fn stats(&self) -> StoreStats {
        let health = &self.link.health;
        StoreStats {
            name: "redis",
            place: self.link.options.place(),
            durable: health.durable.load(Relaxed),
            warnings: health.warnings(),
            figures: vec![
                ("redis_used_memory", health.used_memory.load(Relaxed)),
                ("redis_calls", health.calls.load(Relaxed)),
                ("redis_errors", health.errors.load(Relaxed)),
            ],
            ..StoreStats::default()
        }
    }

    fn health(&self) -> StoreResult<()> {
        self.link.health.state()
    }
}

impl Results for RedisStore {
    fn get(&self, ids: Vec<JobId>) -> BoxFuture<'_, StoreResult<Vec<Lookup>>> {
        self.run(|link| async move { inspect::get(&link, &ids).await })
    }

    fn watch(&self, watcher: Arc<dyn Watcher>) {
        self.watch.add(watcher);
    }
}

impl Checkpoints for RedisStore {
    fn load(&self, name: &str) -> BoxFuture<'_, StoreResult<Option<Vec<u8>>>> {
        let name = name.to_string();
        self.run(|link| async move { inspect::load(&link, &name).await })
    }

    fn compare_and_set(&self, checkpoint: Checkpoint) -> BoxFuture<'_, StoreResult<bool>> {
        self.run(|link| async move { people::compare_and_set(&link, checkpoint).await })
    }
}

impl Members for RedisStore {
    fn beat(&self, member: Member, keep: Duration) -> BoxFuture<'_, StoreResult<()>> {
        self.run(move |link| async move { member::beat(&link, member, keep).await })
    }

    fn leave(&self, incarnation: Incarnation) -> BoxFuture<'_, StoreResult<()>> {
        self.run(move |link| async move { member::leave(&link, incarnation).await })
    }

    fn members(&self, max: usize) -> BoxFuture<'_, StoreResult<Vec<MemberView>>> {
        self.run(move |link| async move { member::members(&link, max).await })
    }
}

impl Transfer for RedisStore {
    fn export(&self, from: Cursor, max: usize) -> BoxFuture<'_, StoreResult<Exported>> {
        self.run(move |link| async move { transfer::export(&link, from, max).await })
    }

    fn import(&self, items: Vec<Item>) -> BoxFuture<'_, StoreResult<()>> {
        self.run(|link| async move { transfer::import(&link, &items).await })
    }
}
