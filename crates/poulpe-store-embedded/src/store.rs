//! The store as others see it. Adds nothing to the verbs but the end: dropping it stops its threads, with everything
//! synced, before the directory is given free.

use crate::disk::{Disk, RealDisk};
use crate::error::OpenError;
use crate::lock::{self, DirLock};
use crate::medium::LogMedium;
use crate::options::Options;
use crate::{cleaner, housekeeper, mark, open, writer};
use poulpe_job::JobId;
use poulpe_store::table::Op;
use poulpe_store::{
    BoxFuture, Cancelled, Checkpoint, Checkpoints, Claim, Claimed, Counts, Cursor, Exported, Group,
    GroupAnswer, Hold, Incarnation, Inspect, Item, JobView, LeaseId, Lookup, Mark, Member,
    MemberView, Members, Outbox, OutboxItem, OutboxKind, Page, PageRequest, Results, Revived,
    Settlement, Started, Store, StoreResult, StoreStats, TableStore, TimeSource, Transfer, Watcher,
};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// A durable store inside the process. Dropping it blocks until its last write is synced.
pub struct EmbeddedStore {
    store: TableStore<LogMedium>,
    threads: Vec<JoinHandle<()>>,
    /// Goes last.
    _lock: Option<DirLock>,
}

impl std::fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = &self.store.shared().medium.place;
        f.debug_struct("EmbeddedStore")
            .field("dir", place)
            .finish_non_exhaustive()
    }
}

impl EmbeddedStore {
    /// Opens the store in a directory, which is created if it isn't there. Blocks until the log has been read. Leases of
    /// the previous process have ended: what it was running is due again.
    pub fn open(
        dir: &Path,
        options: Options,
        time: Arc<dyn TimeSource>,
    ) -> Result<Self, OpenError> {
        lock::create_dir(dir)?;
        let lock = DirLock::take(dir)?;
        let mark = mark::read(dir)?.filter(|_| !options.transfer);
        if let Some(mark) = mark {
            let dir = dir.to_path_buf();
            return Err(OpenError::Moved { dir, mark });
        }
        let disk = RealDisk::open(dir).map_err(|error| OpenError::io(dir, "open it", error))?;
        let disk: Arc<dyn Disk> = Arc::new(disk);
        let mut store = Self::open_on(&disk, dir, options, time)?;
        store._lock = Some(lock);
        Ok(store)
    }

    /// Notes a move, or with `None` forgets it. Durable when it returns.
    pub fn set_mark(&self, mark: Option<&Mark>) -> Result<(), OpenError> {
        mark::set(Path::new(&self.store.shared().medium.place), mark)
    }

    /// Opens the store on a disk; `dir` is only a name for it.
    pub(crate) fn open_on(
        disk: &Arc<dyn Disk>,
        dir: &Path,
        options: Options,
        time: Arc<dyn TimeSource>,
    ) -> Result<Self, OpenError> {
        let store = open::open(disk, dir, options, time)?;
        let mut store = Self {
            store,
            threads: Vec::with_capacity(3),
            _lock: None,
        };
        let shared = Arc::clone(store.store.shared());
        let log = Arc::clone(&shared.medium.log);
        let cleaned = Arc::clone(&shared);
        let housekeeping = store.spawn("poulpe-housekeeper", move || housekeeper::run(&log));
        let threads = housekeeping
            .and_then(|()| store.spawn("poulpe-cleaner", move || cleaner::run(&cleaned)));
        threads.map_err(|error| OpenError::io(dir, "start a thread", error))?;
        // The leases of the previous process have ended. Before the writer starts: changes come from one thread.
        while shared.has_ended_leases() {
            shared
                .apply(vec![Op::Expire])
                .map_err(|error| OpenError::io(dir, "end leases", io::Error::other(error)))?;
        }
        store
            .spawn("poulpe-log", move || writer::run(&shared))
            .map_err(|error| OpenError::io(dir, "start a thread", error))?;
        Ok(store)
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let builder = std::thread::Builder::new().name(name.into());
        self.threads.push(builder.spawn(run)?);
        Ok(())
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        let medium = &self.store.shared().medium;
        medium.queue.close();
        medium.log.spare.close();
        medium.log.desk.close();
        let this = std::thread::current().id();
        for thread in self.threads.drain(..) {
            // The last holder may be a task that the writer itself has just woken. A panic of a thread has been reported
            // where it happened.
            if thread.thread().id() != this {
                drop(thread.join());
            }
        }
    }
}

impl Store for EmbeddedStore {
    fn enqueue(&self, groups: Vec<Group>) -> BoxFuture<'_, StoreResult<Vec<GroupAnswer>>> {
        self.store.enqueue(groups)
    }

    fn claim(&self, claim: Claim) -> BoxFuture<'_, StoreResult<Claimed>> {
        Store::claim(&self.store, claim)
    }

    fn start(&self, lease: &LeaseId) -> BoxFuture<'_, StoreResult<Started>> {
        self.store.start(lease)
    }

    fn renew(
        &self,
        leases: Vec<LeaseId>,
        lease: Duration,
    ) -> BoxFuture<'_, StoreResult<Vec<Hold>>> {
        self.store.renew(leases, lease)
    }

    fn settle(&self, settlements: Vec<Settlement>) -> BoxFuture<'_, StoreResult<Vec<Hold>>> {
        self.store.settle(settlements)
    }
}

impl Outbox for EmbeddedStore {
    fn take(&self, kind: OutboxKind, max: usize) -> BoxFuture<'_, StoreResult<Vec<OutboxItem>>> {
        self.store.take(kind, max)
    }

    fn acknowledge(&self, kind: OutboxKind, tokens: Vec<u64>) -> BoxFuture<'_, StoreResult<()>> {
        self.store.acknowledge(kind, tokens)
    }
}

impl Inspect for EmbeddedStore {
    fn job(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Option<JobView>>> {
        self.store.job(id)
    }

    fn dead(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Option<JobView>>> {
        self.store.dead(id)
    }

    fn list(&self, request: PageRequest) -> BoxFuture<'_, StoreResult<Page>> {
        self.store.list(request)
    }

    fn counts(&self) -> BoxFuture<'_, StoreResult<Counts>> {
        self.store.counts()
    }

    fn cancel(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Cancelled>> {
        self.store.cancel(id)
    }

    fn revive(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Revived>> {
        self.store.revive(id)
    }

    fn purge(&self, id: &JobId) -> BoxFuture<'_, StoreResult<bool>> {
        self.store.purge(id)
    }

    fn stats(&self) -> StoreStats {
        self.store.stats()
    }

    fn health(&self) -> StoreResult<()> {
        self.store.health()
    }
}

impl Results for EmbeddedStore {
    fn get(&self, ids: Vec<JobId>) -> BoxFuture<'_, StoreResult<Vec<Lookup>>> {
        self.store.get(ids)
    }

    fn watch(&self, watcher: Arc<dyn Watcher>) {
        self.store.watch(watcher);
    }
}

impl Checkpoints for EmbeddedStore {
    fn load(&self, name: &str) -> BoxFuture<'_, StoreResult<Option<Vec<u8>>>> {
        self.store.load(name)
    }

    fn compare_and_set(&self, checkpoint: Checkpoint) -> BoxFuture<'_, StoreResult<bool>> {
        self.store.compare_and_set(checkpoint)
    }
}

impl Members for EmbeddedStore {
    fn beat(&self, member: Member, keep: Duration) -> BoxFuture<'_, StoreResult<()>> {
        self.store.beat(member, keep)
    }

    fn leave(&self, incarnation: Incarnation) -> BoxFuture<'_, StoreResult<()>> {
        self.store.leave(incarnation)
    }

    fn members(&self, max: usize) -> BoxFuture<'_, StoreResult<Vec<MemberView>>> {
        self.store.members(max)
    }
}

impl Transfer for EmbeddedStore {
    fn export(&self, from: Cursor, max: usize) -> BoxFuture<'_, StoreResult<Exported>> {
        Transfer::export(&self.store, from, max)
    }

    fn import(&self, items: Vec<Item>) -> BoxFuture<'_, StoreResult<()>> {
        self.store.import(items)
    }
}
