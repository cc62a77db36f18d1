//! Those who wait for jobs to end. Knows no results: whoever is woken reads the store.

use poulpe_job::JobId;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

#[derive(Default)]
struct State {
    waiting: HashMap<JobId, Vec<oneshot::Sender<()>>>,
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
        if state.waiting.is_empty() {
            return;
        }
        let woken: Vec<_> = ids
            .iter()
            .filter_map(|id| state.waiting.remove(id))
            .flatten()
            .collect();
        drop(state);
        for waiter in woken {
            // Whoever gave up waiting needs no news.
            let _ = waiter.send(());
        }
    }

    /// Sends everybody away.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.waiting.clear();
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
