//! A store in memory that breaks one promise. Everything else is forwarded.

use poulpe_job::{Due, JobId, LaneSet};
use poulpe_store::{
    Accepted, BoxFuture, Cancelled, Checkpoint, Checkpoints, Claim, Claimed, Counts, Cursor, Entry,
    Exported, Group, GroupAnswer, Hold, Incarnation, Inspect, Item, JobView, LeaseId, Limits,
    Lookup, ManualTime, Member, MemberView, Members, MemoryStore, Outbox, OutboxItem, OutboxKind,
    Page, PageRequest, Results, Revived, Settlement, Started, Store, StoreResult, StoreStats,
    Transfer, Watcher,
};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The promise that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Whoever settles a job ends its current lease.
    NoFence,
    /// Jobs are due a millisecond before their time.
    EarlyClaims,
    /// Two confined jobs may have one lane.
    LanesNotKept,
    /// Confined jobs may run anywhere.
    LanesForgotten,
    /// What ended is unknown.
    ResultLost,
    /// Another task under a known id is taken for a repeat.
    ConflictIsDuplicate,
    /// A dispatcher is told to come back at once.
    NextDueZero,
    /// Acknowledged items stay.
    AcknowledgeLost,
    /// Taken items are gone.
    TakeAcknowledges,
    /// A repeated claim is a new one.
    RequestNumberIgnored,
    /// The repeat of a settlement is refused.
    RepeatIsLost,
    /// Each start of one lease has another number.
    EveryStartCounts,
    /// Starts are answered and forgotten.
    StartNotKept,
    /// Renewals are answered and forgotten.
    RenewIgnored,
    /// Whoever renews isn't told of a cancel request.
    CancelUnheard,
    /// A group and its checkpoint are two writes.
    GroupTorn,
    /// One job more than there is room for.
    ClaimsTooMany,
    /// Counts are off by one.
    CountsGuessed,
    /// What is carried elsewhere forgets what went wrong.
    CarriesNoErrors,
    /// Daemons that have stopped are still listed.
    LeaveIgnored,
    /// A store that is opened again is empty; the place sees to that.
    ForgetsAtReopening,
}

pub(crate) struct BrokenStore {
    inner: MemoryStore,
    fault: Option<Fault>,
    latest_leases: Mutex<HashMap<JobId, LeaseId>>,
    settled: Mutex<HashSet<LeaseId>>,
    lanes_given: AtomicU16,
    requests: AtomicU64,
    starts: AtomicU32,
}

/// The first of the lanes that are given to confined jobs on top of theirs.
const EXTRA_LANES: u16 = 900;

impl BrokenStore {
    pub(crate) fn open(fault: Option<Fault>, limits: Limits, time: Arc<ManualTime>) -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryStore::in_memory(limits, time),
            fault,
            latest_leases: Mutex::default(),
            settled: Mutex::default(),
            lanes_given: AtomicU16::new(EXTRA_LANES),
            requests: AtomicU64::new(1),
            starts: AtomicU32::new(0),
        })
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn distort(&self, group: &mut Group) {
        for entry in &mut group.entries {
            let Entry::Job { job, due } = entry else {
                continue;
            };
            if self.has(Fault::EarlyClaims)
                && let Due::In(wait) = due
            {
                *wait = wait.saturating_sub(Duration::from_millis(1));
            }
            if self.has(Fault::LanesForgotten) {
                job.lanes = LaneSet::any();
            }
            if self.has(Fault::LanesNotKept) && !job.lanes.is_any() {
                let extra = self.lanes_given.fetch_add(1, Relaxed);
                job.lanes = LaneSet::new(job.lanes.lanes().iter().copied().chain([extra]));
            }
        }
    }
}

impl Store for BrokenStore {
    fn enqueue(&self, mut groups: Vec<Group>) -> BoxFuture<'_, StoreResult<Vec<GroupAnswer>>> {
        Box::pin(async move {
            for group in &mut groups {
                self.distort(group);
                if self.has(Fault::GroupTorn) {
                    let alone = Group {
                        checkpoint: None,
                        ..group.clone()
                    };
                    self.inner.enqueue(vec![alone]).await?;
                }
            }
            let mut answers = self.inner.enqueue(groups).await?;
            for answer in &mut answers {
                let GroupAnswer::Taken(accepted) = answer else {
                    continue;
                };
                for one in accepted {
                    if self.has(Fault::ConflictIsDuplicate) && *one == Accepted::Conflict {
                        *one = Accepted::Duplicate(poulpe_job::State::Ready);
                    }
                }
            }
            Ok(answers)
        })
    }

    fn claim(&self, mut claim: Claim) -> BoxFuture<'_, StoreResult<Claimed>> {
        Box::pin(async move {
            if self.has(Fault::LanesNotKept) {
                claim
                    .idle
                    .extend(EXTRA_LANES..self.lanes_given.load(Relaxed));
            }
            if self.has(Fault::RequestNumberIgnored) {
                claim.request = self.requests.fetch_add(1, Relaxed);
            }
            claim.prefetch += usize::from(self.has(Fault::ClaimsTooMany));
            let mut claimed = self.inner.claim(claim).await?;
            if self.has(Fault::NextDueZero) {
                claimed.next_due = Some(Duration::ZERO);
            }
            let mut latest = self.latest_leases.lock().expect("leases");
            for job in &claimed.jobs {
                latest.insert(job.job.id.clone(), job.lease.clone());
            }
            Ok(claimed)
        })
    }

    fn start(&self, lease: &LeaseId) -> BoxFuture<'_, StoreResult<Started>> {
        if self.has(Fault::StartNotKept) {
            return Box::pin(async move { Ok(Started::Go(1)) });
        }
        if self.has(Fault::EveryStartCounts) {
            let started = Started::Go(self.starts.fetch_add(1, Relaxed) + 1);
            return Box::pin(async move { Ok(started) });
        }
        self.inner.start(lease)
    }

    fn renew(
        &self,
        leases: Vec<LeaseId>,
        lease: Duration,
    ) -> BoxFuture<'_, StoreResult<Vec<Hold>>> {
        if self.has(Fault::RenewIgnored) {
            return Box::pin(async move { Ok(vec![Hold::Held; leases.len()]) });
        }
        Box::pin(async move {
            let mut holds = self.inner.renew(leases, lease).await?;
            for hold in &mut holds {
                if self.has(Fault::CancelUnheard) && *hold == Hold::Cancelled {
                    *hold = Hold::Held;
                }
            }
            Ok(holds)
        })
    }

    fn settle(&self, mut settlements: Vec<Settlement>) -> BoxFuture<'_, StoreResult<Vec<Hold>>> {
        Box::pin(async move {
            if self.has(Fault::RepeatIsLost) {
                let mut settled = self.settled.lock().expect("settled leases");
                if settlements.iter().any(|s| !settled.insert(s.lease.clone())) {
                    return Ok(vec![Hold::Lost; settlements.len()]);
                }
            }
            if self.has(Fault::NoFence) {
                let latest = self.latest_leases.lock().expect("leases");
                for settlement in &mut settlements {
                    if let Some(lease) = latest.get(&settlement.lease.job) {
                        settlement.lease = lease.clone();
                    }
                }
            }
            self.inner.settle(settlements).await
        })
    }
}

impl Outbox for BrokenStore {
    fn take(&self, kind: OutboxKind, max: usize) -> BoxFuture<'_, StoreResult<Vec<OutboxItem>>> {
        Box::pin(async move {
            let items = self.inner.take(kind, max).await?;
            if self.has(Fault::TakeAcknowledges) {
                let tokens = items.iter().map(|item| item.token).collect();
                self.inner.acknowledge(kind, tokens).await?;
            }
            Ok(items)
        })
    }

    fn acknowledge(&self, kind: OutboxKind, tokens: Vec<u64>) -> BoxFuture<'_, StoreResult<()>> {
        if self.has(Fault::AcknowledgeLost) {
            return Box::pin(async { Ok(()) });
        }
        self.inner.acknowledge(kind, tokens)
    }
}

impl Inspect for BrokenStore {
    fn job(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Option<JobView>>> {
        self.inner.job(id)
    }

    fn dead(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Option<JobView>>> {
        self.inner.dead(id)
    }

    fn list(&self, request: PageRequest) -> BoxFuture<'_, StoreResult<Page>> {
        self.inner.list(request)
    }

    fn counts(&self) -> BoxFuture<'_, StoreResult<Counts>> {
        Box::pin(async move {
            let mut counts = self.inner.counts().await?;
            counts.running += u64::from(self.has(Fault::CountsGuessed));
            Ok(counts)
        })
    }

    fn cancel(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Cancelled>> {
        self.inner.cancel(id)
    }

    fn revive(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Revived>> {
        self.inner.revive(id)
    }

    fn purge(&self, id: &JobId) -> BoxFuture<'_, StoreResult<bool>> {
        self.inner.purge(id)
    }

    fn stats(&self) -> StoreStats {
        self.inner.stats()
    }

    fn health(&self) -> StoreResult<()> {
        self.inner.health()
    }
}

impl Results for BrokenStore {
    fn get(&self, ids: Vec<JobId>) -> BoxFuture<'_, StoreResult<Vec<Lookup>>> {
        Box::pin(async move {
            let mut answers = self.inner.get(ids).await?;
            for answer in &mut answers {
                if self.has(Fault::ResultLost) && matches!(answer, Lookup::Ended(_)) {
                    *answer = Lookup::Unknown;
                }
            }
            Ok(answers)
        })
    }

    fn watch(&self, watcher: Arc<dyn Watcher>) {
        self.inner.watch(watcher);
    }
}

impl Checkpoints for BrokenStore {
    fn load(&self, name: &str) -> BoxFuture<'_, StoreResult<Option<Vec<u8>>>> {
        self.inner.load(name)
    }

    fn compare_and_set(&self, checkpoint: Checkpoint) -> BoxFuture<'_, StoreResult<bool>> {
        self.inner.compare_and_set(checkpoint)
    }
}

impl Members for BrokenStore {
    fn beat(&self, member: Member, keep: Duration) -> BoxFuture<'_, StoreResult<()>> {
        self.inner.beat(member, keep)
    }

    fn leave(&self, incarnation: Incarnation) -> BoxFuture<'_, StoreResult<()>> {
        if self.has(Fault::LeaveIgnored) {
            return Box::pin(async { Ok(()) });
        }
        self.inner.leave(incarnation)
    }

    fn members(&self, max: usize) -> BoxFuture<'_, StoreResult<Vec<MemberView>>> {
        self.inner.members(max)
    }
}

impl Transfer for BrokenStore {
    fn export(&self, from: Cursor, max: usize) -> BoxFuture<'_, StoreResult<Exported>> {
        self.inner.export(from, max)
    }

    fn import(&self, mut items: Vec<Item>) -> BoxFuture<'_, StoreResult<()>> {
        for item in &mut items {
            if self.has(Fault::CarriesNoErrors)
                && let Item::Job { progress, .. } = item
            {
                progress.errors.clear();
            }
        }
        self.inner.import(items)
    }
}
