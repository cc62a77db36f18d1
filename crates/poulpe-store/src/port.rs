//! The persistence port: what the scheduler and people's tools ask of a store.
//!
//! Every verb but `start` takes batches, every change is durable before it is answered, and repeating a call whose answer
//! was lost gives the same answer. No method has a default: a wrapper that forgets to forward doesn't compile.

use crate::{
    Accepted, Cancelled, Checkpoint, Claim, Claimed, Counts, Cursor, Exported, Group, GroupAnswer,
    Hold, Incarnation, Item, JobView, LeaseId, Lookup, Member, MemberView, OutboxItem, OutboxKind,
    Page, PageRequest, Revived, Settlement, Started, StoreError, StoreStats,
};
use poulpe_job::JobId;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// A boxed future, so that the ports can be used as trait objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The answer of a store.
pub type StoreResult<T> = Result<T, StoreError>;

/// The hot path: accept, hand out, keep and end jobs.
pub trait Store: Send + Sync {
    /// Accepts jobs. Each group is one atomic write together with its checkpoint; the answer comes after the write is
    /// durable, also for duplicates of jobs in the same call. Answers are in the order of the groups and their entries.
    /// On an error nothing is known of any group: ask again with the same ids, duplicates tell what was accepted.
    fn enqueue(&self, groups: Vec<Group>) -> BoxFuture<'_, StoreResult<Vec<GroupAnswer>>>;

    /// Hands out due jobs under leases, in the order priority, due time, acceptance. A job confined to lanes is handed
    /// out for an idle lane only and keeps that lane to itself while the lease is valid. Moves what is due or whose
    /// lease has ended to ready first, at most twice as many as it may hand out. Repeating the latest request of an
    /// incarnation (same `request` number) gives the same jobs as far as their leases are still valid.
    fn claim(&self, claim: Claim) -> BoxFuture<'_, StoreResult<Claimed>>;

    /// Marks an attempt as started, before its executor is called: numbers it and makes a vanished worker count as a
    /// loss. Survives the death of the process, not a power cut. Repeating it gives the same number. One at a time: a
    /// worker has one job, and one that was marked without being run would count as lost.
    fn start(&self, lease: &LeaseId) -> BoxFuture<'_, StoreResult<Started>>;

    /// Moves the ends of leases to `lease` from now, also of jobs that were cancelled. A lease that has ended is lost even if nobody took the job yet.
    fn renew(&self, leases: Vec<LeaseId>, lease: Duration)
    -> BoxFuture<'_, StoreResult<Vec<Hold>>>;

    /// Ends leases with a verdict, each one atomic write with its result. A lease that is no longer valid changes
    /// nothing and is [`Hold::Lost`]; a repeat of the settlement that ended it is [`Hold::Held`] again. A cancelled job
    /// ends as cancelled whatever the verdict, unless that is [`Verdict::Complete`](poulpe_job::Verdict::Complete).
    fn settle(&self, settlements: Vec<Settlement>) -> BoxFuture<'_, StoreResult<Vec<Hold>>>;
}

/// What must leave the store after a verdict: dead letters that are to be copied to files, and results of jobs whose door
/// replies. Put there by the write that ends the job.
pub trait Outbox: Send + Sync {
    /// The oldest items of a kind not acknowledged yet, at most `max`. Taking changes nothing. The result of a dead letter
    /// that is revived before is not among them any more: the job's next end is.
    fn take(&self, kind: OutboxKind, max: usize) -> BoxFuture<'_, StoreResult<Vec<OutboxItem>>>;

    /// Forgets items of a kind for good. An unknown token is ignored.
    fn acknowledge(&self, kind: OutboxKind, tokens: Vec<u64>) -> BoxFuture<'_, StoreResult<()>>;
}

/// For people and their tools; never on the hot path.
pub trait Inspect: Send + Sync {
    /// A job that lives, is dead, or whose result is still kept; the living one if several share the id.
    fn job(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Option<JobView>>>;

    /// The dead letter with this id, the newest if there are several.
    fn dead(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Option<JobView>>>;

    /// Jobs of one state in order of acceptance.
    fn list(&self, request: PageRequest) -> BoxFuture<'_, StoreResult<Page>>;

    /// Exact counts by state and of what waits for lanes.
    fn counts(&self) -> BoxFuture<'_, StoreResult<Counts>>;

    /// Cancels a job: at once if it isn't running, else as a request to whoever runs it.
    fn cancel(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Cancelled>>;

    /// Puts the newest dead letter with this id back, due at once, with fresh retries.
    fn revive(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Revived>>;

    /// Removes the newest dead letter with this id for good; false if there is none.
    fn purge(&self, id: &JobId) -> BoxFuture<'_, StoreResult<bool>>;

    /// What the store is and how it does.
    fn stats(&self) -> StoreStats;

    /// Whether the store can still do its work; the error says why not.
    fn health(&self) -> StoreResult<()>;
}

/// Told by a store what happened, after it is durable. Called from the store's own threads: must not block.
pub trait Watcher: Send + Sync {
    /// Something became ready, or is due earlier than known.
    fn work(&self);
    /// These jobs ended: done, dead or cancelled.
    fn finished(&self, ids: &[JobId]);
    /// Whoever holds these leases should stop: the jobs were cancelled.
    fn cancel_requested(&self, leases: &[LeaseId]);
    /// Jobs whose ends somebody waits for: a store that hears of ends by messages looks after these, for messages may be
    /// lost.
    fn awaited(&self) -> Vec<JobId>;
}

/// Results, for whoever waits.
pub trait Results: Send + Sync {
    /// What is known of these jobs, in their order. A dead letter's result is known as long as it lies there, every
    /// other one for the limits of the store.
    fn get(&self, ids: Vec<JobId>) -> BoxFuture<'_, StoreResult<Vec<Lookup>>>;

    /// Has `watcher` told of everything from now on. Several may watch.
    fn watch(&self, watcher: Arc<dyn Watcher>);
}

/// Named values that move by compare-and-set: offsets, cursors.
pub trait Checkpoints: Send + Sync {
    /// The value, if there is one.
    fn load(&self, name: &str) -> BoxFuture<'_, StoreResult<Option<Vec<u8>>>>;

    /// Sets the value if it is the expected one; false if it isn't. A repeat whose value is already `next` is true.
    fn compare_and_set(&self, checkpoint: Checkpoint) -> BoxFuture<'_, StoreResult<bool>>;
}

/// The daemons that share a store. For people: nothing is decided by it.
pub trait Members: Send + Sync {
    /// Tells that a daemon lives and what it does. It is forgotten after `keep` unless it tells again.
    fn beat(&self, member: Member, keep: Duration) -> BoxFuture<'_, StoreResult<()>>;

    /// Forgets a daemon that stops. An unknown one is ignored.
    fn leave(&self, incarnation: Incarnation) -> BoxFuture<'_, StoreResult<()>>;

    /// Those who told of themselves and aren't forgotten, in the order of their incarnations, at most `max`.
    fn members(&self, max: usize) -> BoxFuture<'_, StoreResult<Vec<MemberView>>>;
}

/// All that a store keeps, to take it elsewhere. Nobody else may use the store meanwhile.
pub trait Transfer: Send + Sync {
    /// The next of everything, about `max` items, in an order that stays as long as nothing changes. Changes nothing. What
    /// has expired is left out.
    fn export(&self, from: Cursor, max: usize) -> BoxFuture<'_, StoreResult<Exported>>;

    /// Takes in what another store gave, each at its own place in the order of acceptance. Durable when it is answered. What
    /// is there already stays as it is, so that a repeat changes nothing.
    fn import(&self, items: Vec<Item>) -> BoxFuture<'_, StoreResult<()>>;
}

/// All that a store of poulpe does.
pub trait JobStore: Store + Outbox + Inspect + Results + Checkpoints + Members + Transfer {}

impl<T: Store + Outbox + Inspect + Results + Checkpoints + Members + Transfer> JobStore for T {}

/// The clocks that a store reads. Handed to it when it is built, so that tests can move time.
pub trait TimeSource: Send + Sync {
    /// The wall clock: when jobs are due.
    fn wall(&self) -> WallTime;
    /// Time since some fixed point, never moved by anybody: when leases end.
    fn monotonic(&self) -> Duration;
}

/// A reading of the wall clock in nanoseconds since the epoch, finer than a [`Timestamp`](poulpe_job::Timestamp) so
/// that rounding can go the safe way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallTime(pub i128);

impl WallTime {
    /// The last whole millisecond: what has been reached.
    pub fn floor(self) -> poulpe_job::Timestamp {
        poulpe_job::Timestamp::from_millis(self.0.div_euclid(1_000_000) as i64)
    }

    /// How long ago a moment was; nothing if it is still to come.
    pub fn since(self, earlier: poulpe_job::Timestamp) -> Duration {
        let nanos = self.0 - i128::from(earlier.as_millis()) * 1_000_000;
        Duration::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
    }

    /// The next whole millisecond: what a delay counts from, so that it is never cut short.
    pub fn ceil(self) -> poulpe_job::Timestamp {
        poulpe_job::Timestamp::from_millis(-(-self.0).div_euclid(1_000_000) as i64)
    }
}

/// Convenience over the port, for single jobs.
pub trait StoreExt: Store {
    /// Accepts one job, without a checkpoint.
    fn enqueue_one(&self, group: Group) -> impl Future<Output = StoreResult<Accepted>> + Send
    where
        Self: Sync,
    {
        async move {
            let answers = self.enqueue(vec![group]).await?;
            match answers.into_iter().next() {
                Some(GroupAnswer::Taken(accepted)) => accepted
                    .into_iter()
                    .next()
                    .ok_or_else(|| StoreError::failed("the store gave no answer")),
                _ => Err(StoreError::failed("the store gave no answer")),
            }
        }
    }
}

impl<T: Store + ?Sized> StoreExt for T {}
