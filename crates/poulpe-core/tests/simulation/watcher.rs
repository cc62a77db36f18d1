//! Hears what the store tells, as the scheduler's hub does. Reads the results that somebody waits for at once: no client
//! is faster than that. The world asks it for news after everything it does.

use crate::disk::SimStore;
use crate::history::{History, What};
use poulpe_core::JobId;
use poulpe_core::store::{LeaseId, Lookup, Results, Watcher};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

#[derive(Default)]
pub(crate) struct News {
    pub(crate) work: bool,
    pub(crate) cancelled: Vec<LeaseId>,
}

#[derive(Default)]
struct State {
    news: News,
    waited_for: BTreeSet<JobId>,
}

pub(crate) struct SimWatcher {
    state: Mutex<State>,
    store: Weak<SimStore>,
    history: Arc<History>,
}

impl SimWatcher {
    pub(crate) fn new(store: &Arc<SimStore>, history: Arc<History>) -> Self {
        Self {
            state: Mutex::default(),
            store: Arc::downgrade(store),
            history,
        }
    }

    pub(crate) fn wait_for(&self, id: JobId) {
        self.state().waited_for.insert(id);
    }

    pub(crate) fn news(&self) -> News {
        std::mem::take(&mut self.state().news)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher for SimWatcher {
    fn awaited(&self) -> Vec<JobId> {
        Vec::new()
    }

    fn work(&self) {
        self.state().news.work = true;
    }

    fn finished(&self, ids: &[JobId]) {
        let Some(store) = self.store.upgrade() else {
            return;
        };
        let ids: Vec<JobId> = {
            let state = self.state();
            let waited_for = ids.iter().filter(|id| state.waited_for.contains(id));
            waited_for.cloned().collect()
        };
        for id in ids {
            if let Some(lookup) = look(&store, &id) {
                self.history.note(What::Looked(id, lookup));
            }
        }
    }

    fn cancel_requested(&self, leases: &[LeaseId]) {
        self.state().news.cancelled.extend_from_slice(leases);
    }
}

/// What the store says of a job this moment.
pub(crate) fn look(store: &SimStore, id: &JobId) -> Option<Lookup> {
    let mut context = Context::from_waker(Waker::noop());
    match store.get(vec![id.clone()]).as_mut().poll(&mut context) {
        Poll::Ready(Ok(mut lookups)) => lookups.pop(),
        _ => None,
    }
}
