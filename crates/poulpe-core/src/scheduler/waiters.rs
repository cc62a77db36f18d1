//! Those who wait for jobs to end. Knows no results: whoever is woken reads the store.

use super::follow::Inbox;
use poulpe_job::JobId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// For so many followed jobs memory is kept whether there are any or not.
const KEPT_ROOM: usize = 4_096;

#[derive(Default)]
struct State {
    waiting: HashMap<JobId, Vec<oneshot::Sender<()>>>,
    /// Followers stay until they have seen the end.
    following: HashMap<JobId, Vec<Arc<Inbox>>>,
    closed: bool,
}

/// Who waits for what.
#[derive(Default)]
pub(crate) struct Waiters {
    state: Mutex<State>,
}

/// Resolves when the job ends, or with an error when nobody may wait any longer.
pub(crate) struct Waiting<'a> {
    waiters: &'a Waiters,
    id: JobId,
    pub(crate) ended: oneshot::Receiver<()>,
}

impl Waiters {
    /// Registers first, so that an end between this and a look into the store isn't missed.
    pub(crate) fn register(&self, id: &JobId) -> Waiting<'_> {
        let (sender, ended) = oneshot::channel();
        let mut state = self.state();
        if !state.closed {
            state.waiting.entry(id.clone()).or_default().push(sender);
        }
        Waiting {
            waiters: self,
            id: id.clone(),
            ended,
        }
    }

    pub(crate) fn awaited(&self) -> Vec<JobId> {
        self.state().waiting.keys().cloned().collect()
    }

    pub(crate) fn finished(&self, ids: &[JobId]) {
        let mut state = self.state();
        if state.waiting.is_empty() && state.following.is_empty() {
            return;
        }
        let mut woken = Vec::new();
        let mut told = Vec::new();
        for id in ids {
            woken.extend(state.waiting.remove(id).into_iter().flatten());
            let inboxes = state.following.get(id).into_iter().flatten();
            told.extend(inboxes.map(|inbox| (Arc::clone(inbox), id.clone())));
        }
        drop(state);
        for waiter in woken {
            // Whoever gave up waiting needs no news.
            let _ = waiter.send(());
        }
        for (inbox, id) in told {
            inbox.tell(id);
        }
    }

    /// Tells this inbox of the ends of these jobs, which it doesn't follow yet.
    pub(crate) fn follow(&self, ids: &[JobId], inbox: &Arc<Inbox>) {
        let mut state = self.state();
        if state.closed {
            inbox.close();
            return;
        }
        for id in ids {
            // Hardly any job has two followers.
            let inboxes = state.following.entry(id.clone());
            let inboxes = inboxes.or_insert_with(|| Vec::with_capacity(1));
            inboxes.push(Arc::clone(inbox));
        }
    }

    /// Takes that back.
    pub(crate) fn unfollow<'a>(&self, ids: impl Iterator<Item = &'a JobId>, inbox: &Arc<Inbox>) {
        let mut state = self.state();
        for id in ids {
            let Some(inboxes) = state.following.get_mut(id) else {
                continue;
            };
            inboxes.retain(|one| !Arc::ptr_eq(one, inbox));
            if inboxes.is_empty() {
                state.following.remove(id);
            }
        }
        // A burst of followed jobs shouldn't hold its memory for good.
        let capacity = state.following.capacity();
        if capacity > KEPT_ROOM && state.following.len() < capacity / 8 {
            state.following.shrink_to_fit();
        }
    }

    /// Sends everybody away.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.waiting.clear();
        let following = std::mem::take(&mut state.following);
        drop(state);
        for inbox in following.into_values().flatten() {
            inbox.close();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.ended.close();
        let mut state = self.waiters.state();
        if let Some(senders) = state.waiting.get_mut(&self.id) {
            senders.retain(|sender| !sender.is_closed());
            if senders.is_empty() {
                state.waiting.remove(&self.id);
            }
        }
    }
}
