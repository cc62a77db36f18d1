//! The calls between the machines and the store: they take time, and get lost before or after their effect. Notes every
//! effect in the history at the moment it happens. The world sends and delivers; the disk lets calls in while it writes.

use crate::disk::SimStore;
use crate::history::{History, What};
use crate::world::LEASE;
use poulpe_core::store::{
    BoxFuture, Cancelled, Claim, Claimed, Group, GroupAnswer, Hold, Inspect, LeaseId, Lookup,
    ManualTime, Results, Revived, Settlement, Started, Store, StoreResult, TimeSource,
};
use poulpe_core::{Job, JobId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What is asked of the store.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    Enqueue(Vec<Group>),
    Claim(Claim),
    Start(LeaseId),
    Renew(Vec<LeaseId>),
    Settle(Vec<Settlement>),
    Get(JobId),
    Cancel(JobId),
    Revive(JobId),
    Purge(JobId),
}

/// What it answers.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Enqueued(Vec<GroupAnswer>),
    Claimed(Claimed),
    Started(Started),
    Renewed(Vec<Hold>),
    Settled(Vec<Hold>),
    Looked(Lookup),
    Cancelled(Cancelled),
    Revived(Revived),
    Purged,
}

pub(crate) type Answer = StoreResult<Reply>;

async fn ask(store: Arc<SimStore>, request: Request) -> Answer {
    match request {
        Request::Enqueue(groups) => store.enqueue(groups).await.map(Reply::Enqueued),
        Request::Claim(claim) => Store::claim(&*store, claim).await.map(Reply::Claimed),
        Request::Start(lease) => store.start(&lease).await.map(Reply::Started),
        Request::Renew(leases) => store.renew(leases, LEASE).await.map(Reply::Renewed),
        Request::Settle(batch) => store.settle(batch).await.map(Reply::Settled),
        Request::Get(id) => {
            let mut looked = store.get(vec![id]).await?;
            Ok(Reply::Looked(looked.remove(0)))
        }
        Request::Cancel(id) => store.cancel(&id).await.map(Reply::Cancelled),
        Request::Revive(id) => store.revive(&id).await.map(Reply::Revived),
        Request::Purge(id) => store.purge(&id).await.map(|_| Reply::Purged),
    }
}

struct Call {
    request: Request,
    future: BoxFuture<'static, Answer>,
}

#[derive(Default)]
struct State {
    next: u64,
    /// Calls without an answer yet.
    open: BTreeMap<u64, Call>,
    /// Calls whose time hasn't come; the disk may let them in earlier.
    on_the_way: BTreeSet<u64>,
    /// Answers, in the order of their effects.
    answered: Vec<(u64, Answer)>,
    /// Leases that were handed out: a repeated claim gives them again, unchanged.
    leases: BTreeSet<(JobId, u32, u64)>,
}

/// The calls of one life of the daemon.
pub(crate) struct Wire {
    state: Mutex<State>,
    history: Arc<History>,
    time: Arc<ManualTime>,
}

impl Wire {
    pub(crate) fn new(history: Arc<History>, time: Arc<ManualTime>) -> Self {
        Self {
            state: Mutex::default(),
            history,
            time,
        }
    }

    /// Sets a call on its way.
    pub(crate) fn send(&self, store: &Arc<SimStore>, request: Request) -> u64 {
        let future = Box::pin(ask(store.clone(), request.clone()));
        let mut state = self.state();
        state.next += 1;
        let call = state.next;
        state.open.insert(call, Call { request, future });
        state.on_the_way.insert(call);
        call
    }

    /// The calls that haven't reached the store.
    pub(crate) fn on_the_way(&self) -> Vec<u64> {
        self.state().on_the_way.iter().copied().collect()
    }

    /// The calls that wait inside the store.
    pub(crate) fn inside(&self) -> Vec<u64> {
        let state = self.state();
        let inside = state
            .open
            .keys()
            .filter(|call| !state.on_the_way.contains(call));
        inside.copied().collect()
    }

    /// Lets a call reach the store, or go on there.
    pub(crate) fn arrive(&self, call: u64) {
        let taken = {
            let mut state = self.state();
            state.on_the_way.remove(&call);
            state.open.remove(&call)
        };
        let Some(mut taken) = taken else { return };
        // Not under the lock: the store may write meanwhile, and the disk lets other calls in.
        let mut context = Context::from_waker(Waker::noop());
        let polled = taken.future.as_mut().poll(&mut context);
        let mut state = self.state();
        match polled {
            Poll::Pending => {
                state.open.insert(call, taken);
            }
            Poll::Ready(answer) => {
                if let Ok(reply) = &answer {
                    self.note(&mut state, &taken.request, reply);
                }
                state.answered.push((call, answer));
            }
        }
    }

    /// Drops every call; they would keep the store alive.
    pub(crate) fn close(&self) {
        let open = std::mem::take(&mut self.state().open);
        drop(open);
    }

    /// The answers since the last time.
    pub(crate) fn answers(&self) -> Vec<(u64, Answer)> {
        std::mem::take(&mut self.state().answered)
    }

    fn note(&self, state: &mut State, request: &Request, reply: &Reply) {
        let until = self.time.monotonic() + LEASE;
        let note = |what| self.history.note(what);
        match (request, reply) {
            (Request::Enqueue(groups), Reply::Enqueued(answers)) => {
                for (group, answer) in groups.iter().zip(answers) {
                    let GroupAnswer::Taken(accepted) = answer else {
                        continue;
                    };
                    for (entry, accepted) in group.entries.iter().zip(accepted) {
                        note(What::Accepted(Job::clone(entry.job()), *accepted));
                    }
                }
            }
            (_, Reply::Claimed(claimed)) => {
                for one in &claimed.jobs {
                    let lease = one.lease.clone();
                    if state
                        .leases
                        .insert((lease.job.clone(), lease.claims, lease.nonce))
                    {
                        note(What::Claimed(lease, Job::clone(&one.job), until));
                    }
                }
            }
            (Request::Start(lease), Reply::Started(Started::Go(attempt))) => {
                note(What::Go(lease.clone(), *attempt));
            }
            (Request::Renew(leases), Reply::Renewed(holds)) => {
                for (lease, hold) in leases.iter().zip(holds) {
                    if *hold != Hold::Lost {
                        note(What::Renewed(lease.clone(), until));
                    }
                }
            }
            (Request::Settle(batch), Reply::Settled(holds)) => {
                for (settlement, hold) in batch.iter().zip(holds) {
                    note(What::Settled(settlement.lease.clone(), *hold));
                }
            }
            (Request::Get(id), Reply::Looked(lookup)) => {
                note(What::Looked(id.clone(), lookup.clone()));
            }
            (Request::Cancel(id), Reply::Cancelled(answer)) => {
                note(What::Cancelled(id.clone(), *answer));
            }
            (Request::Revive(id), Reply::Revived(answer)) => {
                note(What::Revived(id.clone(), *answer));
            }
            _ => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
