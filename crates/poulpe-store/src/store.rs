//! The port over a table: the verbs of a store inside the process, shared by the memory store and the embedded one.
//! What they differ in is the [`Medium`]: where records lie, and how a change gets there.

use crate::table::{
    Found, Known, Load, Now, Op, OpAnswer, Record, Staged, StartMark, Stored, Table, Write,
};
use crate::{
    BoxFuture, Cancelled, Checkpoint, Checkpoints, Claim, Claimed, ClaimedJob, Counts, Group,
    GroupAnswer, Hold, Inspect, JobView, LeaseId, Lookup, Outbox, OutboxItem, Page, PageRequest,
    Results, Revived, Settlement, Started, Store, StoreError, StoreResult, StoreStats, TimeSource,
    Watcher,
};
use poulpe_job::{JobId, Progress, State};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

/// Where records lie, and how a change gets there.
pub trait Medium: Load<Self::Place> + Send + Sync + Sized + 'static {
    /// Where a record lies.
    type Place: Clone + Send + Sync + 'static;

    /// Writes records as one atomic unit and makes them durable; gives each one's place and length. Called by one
    /// thread at a time. An error is final.
    fn write(&self, writes: &[Write<Self::Place>]) -> StoreResult<Vec<(Self::Place, u32)>>;

    /// Where records will lie: for the mutant that shows them before they are written.
    #[cfg(mutant = "settle_before_result")]
    fn foresee(&self, writes: &[Write<Self::Place>]) -> Vec<(Self::Place, u32)>;

    /// Writes start marks so that they survive the process.
    fn mark(&self, marks: &[StartMark]) -> StoreResult<()>;

    /// Whether new jobs can be taken.
    fn has_room(&self) -> bool;

    /// Brings a change to [`Shared::apply`], in order with all others.
    fn run(shared: &Arc<Shared<Self>>, op: Op) -> BoxFuture<'_, StoreResult<OpAnswer>>;

    /// What it is and how it does.
    fn stats(&self) -> StoreStats;

    /// Whether it can still do its work.
    fn health(&self) -> StoreResult<()>;
}

/// A table and where it is kept.
pub struct Shared<M: Medium> {
    table: Mutex<Table<M::Place>>,
    /// Where the records lie.
    pub medium: M,
    time: Arc<dyn TimeSource>,
    watchers: RwLock<Vec<Arc<dyn Watcher>>>,
}

impl<M: Medium> Shared<M> {
    /// What both clocks read.
    pub fn now(&self) -> Now {
        Now {
            wall: self.time.wall(),
            mono: self.time.monotonic(),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table<M::Place>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stages, writes and commits changes as one unit, and tells the watchers. Gives the answers in order; a change
    /// that has to wait for another of the same call comes back as [`Staged::Later`]. To be called by one thread at a
    /// time.
    pub fn apply(&self, ops: Vec<Op>) -> StoreResult<Vec<Staged>> {
        // After a failed write jobs are left staged for good: nothing may be answered from such a table.
        self.medium.health()?;
        let mut writes = Vec::with_capacity(ops.len());
        let mut staged = Vec::with_capacity(ops.len());
        let room = self.medium.has_room();
        let now = self.now();
        {
            let mut table = self.table();
            for op in ops {
                staged.push(table.stage(op, now, room, &self.medium, &mut writes)?);
            }
        }
        #[cfg(mutant = "settle_before_result")]
        self.publish(writes.clone(), self.medium.foresee(&writes));
        let places = if writes.is_empty() {
            Vec::new()
        } else {
            self.medium.write(&writes)?
        };
        if cfg!(not(mutant = "settle_before_result")) {
            self.publish(writes, places);
        }
        Ok(staged)
    }

    /// Makes what is durable visible, and tells the watchers.
    fn publish(&self, writes: Vec<Write<M::Place>>, places: Vec<(M::Place, u32)>) {
        let placed = writes
            .into_iter()
            .zip(places)
            .map(|(write, (place, len))| (write, place, len))
            .collect();
        let effects = self.table().commit(placed, self.now());
        let watchers = self.watchers.read().unwrap_or_else(PoisonError::into_inner);
        for watcher in watchers.iter() {
            if effects.work {
                watcher.work();
            }
            if !effects.finished.is_empty() {
                watcher.finished(&effects.finished);
            }
            if !effects.cancel_requested.is_empty() {
                watcher.cancel_requested(&effects.cancel_requested);
            }
        }
    }

    /// Whether there is something to do for [`Op::Expire`].
    pub fn has_ended_leases(&self) -> bool {
        let now = self.now();
        self.table().has_ended_leases(now)
    }

    fn look(&self, id: &JobId) -> Known<M::Place> {
        self.table().look(id, self.now())
    }

    fn view(&self, found: Found<M::Place>) -> StoreResult<JobView> {
        let Found {
            sequence,
            state,
            place,
            progress,
            lane,
        } = found;
        match self.medium.load(&place)? {
            Stored::Record(record) => Ok(view_of(record, sequence, state, progress, lane)),
            Stored::End(end) => Ok(JobView {
                sequence,
                state,
                id: end.id,
                job: None,
                progress: Progress::default(),
                lane: None,
                result: end.result,
            }),
            Stored::Checkpoint(_) => Err(StoreError::failed(
                "the index points at a record of another kind",
            )),
        }
    }
}

fn view_of(
    record: Record,
    sequence: u64,
    state: State,
    counters: Option<Progress>,
    lane: Option<poulpe_job::Lane>,
) -> JobView {
    let Record {
        job,
        progress,
        life,
    } = record;
    let progress = match counters {
        Some(counters) => Progress {
            errors: progress.errors,
            ..counters
        },
        None => progress,
    };
    let result = match life {
        crate::table::Life::Dead { result, .. } => Some(result),
        crate::table::Life::Living => None,
    };
    JobView {
        sequence,
        state,
        id: job.id.clone(),
        job: Some(job),
        progress,
        lane,
        result,
    }
}

/// A store inside the process.
pub struct TableStore<M: Medium> {
    shared: Arc<Shared<M>>,
}

impl<M: Medium> TableStore<M> {
    /// A store over a table that was filled from the medium.
    pub fn new(table: Table<M::Place>, medium: M, time: Arc<dyn TimeSource>) -> Self {
        let shared = Shared {
            table: Mutex::new(table),
            medium,
            time,
            watchers: RwLock::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The table and the medium.
    pub fn shared(&self) -> &Arc<Shared<M>> {
        &self.shared
    }

    async fn run(&self, op: Op) -> StoreResult<OpAnswer> {
        self.shared.medium.health()?;
        M::run(&self.shared, op).await
    }

    async fn claim(&self, claim: Claim) -> StoreResult<Claimed> {
        self.shared.medium.health()?;
        if self.shared.has_ended_leases() {
            self.run(Op::Expire).await?;
        }
        let claimable = self.shared.table().claim(&claim, self.shared.now());
        let mut jobs = Vec::with_capacity(claimable.handed.len());
        for handed in claimable.handed {
            let Stored::Record(record) = self.shared.medium.load(&handed.place)? else {
                return Err(StoreError::failed(
                    "the index points at a record of another kind",
                ));
            };
            let lease = handed.lease(record.job.id.clone());
            let progress = Progress {
                errors: record.progress.errors,
                ..handed.progress
            };
            jobs.push(ClaimedJob {
                lease,
                job: record.job,
                progress,
                lane: handed.lane,
            });
        }
        Ok(Claimed {
            jobs,
            wanted: claimable.wanted,
            wants_any: claimable.wants_any,
            more: claimable.more,
            next_due: claimable.next_due,
        })
    }
}

fn wrong_answer<T>() -> StoreResult<T> {
    Err(StoreError::failed("the writer answered another question"))
}

/// A future that is ready, for verbs that need no write.
fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(value))
}

impl<M: Medium> Store for TableStore<M> {
    fn enqueue(&self, groups: Vec<Group>) -> BoxFuture<'_, StoreResult<Vec<GroupAnswer>>> {
        Box::pin(async move {
            match self.run(Op::Enqueue(groups)).await? {
                OpAnswer::Enqueued(answers) => Ok(answers),
                _ => wrong_answer(),
            }
        })
    }

    fn claim(&self, claim: Claim) -> BoxFuture<'_, StoreResult<Claimed>> {
        Box::pin(self.claim(claim))
    }

    fn start(&self, leases: Vec<LeaseId>) -> BoxFuture<'_, StoreResult<Vec<Started>>> {
        let start = || {
            self.shared.medium.health()?;
            let now = self.shared.now();
            let mut marks = Vec::with_capacity(leases.len());
            let mut table = self.shared.table();
            let mut answers = Vec::with_capacity(leases.len());
            for lease in &leases {
                let (answer, mark) = table.start(lease, now);
                answers.push(answer);
                marks.extend(mark);
            }
            drop(table);
            if !marks.is_empty() {
                self.shared.medium.mark(&marks)?;
            }
            Ok(answers)
        };
        ready(start())
    }

    fn renew(
        &self,
        leases: Vec<LeaseId>,
        lease: Duration,
    ) -> BoxFuture<'_, StoreResult<Vec<Hold>>> {
        let renew = || {
            self.shared.medium.health()?;
            let now = self.shared.now();
            let mut table = self.shared.table();
            Ok(leases
                .iter()
                .map(|id| table.renew(id, lease, now))
                .collect())
        };
        ready(renew())
    }

    fn settle(&self, settlements: Vec<Settlement>) -> BoxFuture<'_, StoreResult<Vec<Hold>>> {
        Box::pin(async move {
            match self.run(Op::Settle(settlements)).await? {
                OpAnswer::Settled(holds) => Ok(holds),
                _ => wrong_answer(),
            }
        })
    }
}

impl<M: Medium> Outbox for TableStore<M> {
    fn take(&self, max: usize) -> BoxFuture<'_, StoreResult<Vec<OutboxItem>>> {
        let take = || {
            self.shared.medium.health()?;
            let found = self.shared.table().outbox(max);
            found
                .into_iter()
                .map(|f| {
                    Ok(OutboxItem {
                        token: f.sequence,
                        dead: self.shared.view(f)?,
                    })
                })
                .collect()
        };
        ready(take())
    }

    fn acknowledge(&self, tokens: Vec<u64>) -> BoxFuture<'_, StoreResult<()>> {
        Box::pin(async move { self.run(Op::Acknowledge(tokens)).await.map(|_| ()) })
    }
}

impl<M: Medium> Inspect for TableStore<M> {
    fn job(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Option<JobView>>> {
        let job = || {
            self.shared.medium.health()?;
            match self.shared.look(id) {
                Known::Found(found) => self.shared.view(found).map(Some),
                Known::Arriving(_) | Known::Evicted | Known::Unknown => Ok(None),
            }
        };
        ready(job())
    }

    fn dead(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Option<JobView>>> {
        let dead = || {
            self.shared.medium.health()?;
            let found = self.shared.table().look_dead(id);
            found.map(|found| self.shared.view(found)).transpose()
        };
        ready(dead())
    }

    fn list(&self, request: PageRequest) -> BoxFuture<'_, StoreResult<Page>> {
        let list = || {
            self.shared.medium.health()?;
            let (found, more) = self.shared.table().list(request, self.shared.now());
            let next = found.last().filter(|_| more).map(|last| last.sequence);
            let jobs: StoreResult<Vec<_>> =
                found.into_iter().map(|one| self.shared.view(one)).collect();
            Ok(Page { jobs: jobs?, next })
        };
        ready(list())
    }

    fn counts(&self) -> BoxFuture<'_, StoreResult<Counts>> {
        let now = self.shared.now();
        ready(
            self.shared
                .medium
                .health()
                .map(|()| self.shared.table().counts(now)),
        )
    }

    fn cancel(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Cancelled>> {
        let op = Op::Cancel(id.clone());
        Box::pin(async move {
            match self.run(op).await? {
                OpAnswer::Cancelled(answer) => Ok(answer),
                _ => wrong_answer(),
            }
        })
    }

    fn revive(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Revived>> {
        let op = Op::Revive(id.clone());
        Box::pin(async move {
            match self.run(op).await? {
                OpAnswer::Revived(answer) => Ok(answer),
                _ => wrong_answer(),
            }
        })
    }

    fn purge(&self, id: &JobId) -> BoxFuture<'_, StoreResult<bool>> {
        let op = Op::Purge(id.clone());
        Box::pin(async move {
            match self.run(op).await? {
                OpAnswer::Changed(answer) => Ok(answer),
                _ => wrong_answer(),
            }
        })
    }

    fn stats(&self) -> StoreStats {
        let mut stats = self.shared.medium.stats();
        stats.figures.extend(self.shared.table().figures());
        stats
    }

    fn health(&self) -> StoreResult<()> {
        self.shared.medium.health()
    }
}

impl<M: Medium> Results for TableStore<M> {
    fn get(&self, ids: Vec<JobId>) -> BoxFuture<'_, StoreResult<Vec<Lookup>>> {
        let get = || {
            self.shared.medium.health()?;
            let mut answers = Vec::with_capacity(ids.len());
            for id in &ids {
                answers.push(match self.shared.look(id) {
                    Known::Unknown => Lookup::Unknown,
                    Known::Evicted => Lookup::Expired,
                    Known::Arriving(state) => Lookup::Living(state, None),
                    Known::Found(found) => {
                        let view = self.shared.view(found)?;
                        match view.result {
                            Some(result) => Lookup::Ended(result),
                            None => Lookup::Living(
                                view.state,
                                view.progress.errors.into_iter().next_back(),
                            ),
                        }
                    }
                });
            }
            Ok(answers)
        };
        ready(get())
    }

    fn watch(&self, watcher: Arc<dyn Watcher>) {
        self.shared
            .watchers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(watcher);
    }
}

impl<M: Medium> Checkpoints for TableStore<M> {
    fn load(&self, name: &str) -> BoxFuture<'_, StoreResult<Option<Vec<u8>>>> {
        ready(
            self.shared
                .medium
                .health()
                .map(|()| self.shared.table().checkpoint(name)),
        )
    }

    fn compare_and_set(&self, checkpoint: Checkpoint) -> BoxFuture<'_, StoreResult<bool>> {
        Box::pin(async move {
            match self.run(Op::CompareAndSet(checkpoint)).await? {
                OpAnswer::Changed(answer) => Ok(answer),
                _ => wrong_answer(),
            }
        })
    }
}
