//! Collects submitted tasks while the previous ones are being written: one durable write for all that arrived
//! meanwhile. Bounded; never waits for room.

use super::Parts;
use poulpe_store::{Group, GroupAnswer, StoreError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, oneshot};

/// The most tasks in one write: some milliseconds of work for the store, so that nobody waits long for others.
const BATCH_TASKS: usize = 8_192;

type Reply = oneshot::Sender<Result<Vec<GroupAnswer>, StoreError>>;

struct Pending {
    groups: Vec<Group>,
    reply: Reply,
}

#[derive(Default)]
struct State {
    pending: Vec<Pending>,
    /// Handed in and not yet answered.
    tasks: usize,
    closed: bool,
}

/// The tasks on their way to the store.
#[derive(Default)]
pub(crate) struct Admission {
    state: Mutex<State>,
    wake: Notify,
}

/// Why tasks weren't taken.
pub(crate) enum NotTaken {
    Full,
    Closed,
}

impl Admission {
    /// Takes groups, or says why not.
    pub(crate) fn hand_in(
        &self,
        groups: Vec<Group>,
        max: usize,
    ) -> Result<oneshot::Receiver<Result<Vec<GroupAnswer>, StoreError>>, NotTaken> {
        let (reply, answer) = oneshot::channel();
        let mut state = self.state();
        if state.closed {
            return Err(NotTaken::Closed);
        }
        // One call may be larger than what is left: else an array could never be taken on a busy system.
        if state.tasks >= max {
            return Err(NotTaken::Full);
        }
        state.tasks += groups.len();
        state.pending.push(Pending { groups, reply });
        drop(state);
        self.wake.notify_one();
        Ok(answer)
    }

    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.wake.notify_one();
    }

    pub(crate) fn tasks(&self) -> usize {
        self.state().tasks
    }

    fn take(&self) -> (Vec<Pending>, bool) {
        let mut state = self.state();
        let mut tasks = 0;
        let fits = state.pending.iter().take_while(|pending| {
            let is_first = tasks == 0;
            tasks += pending.groups.len();
            is_first || tasks <= BATCH_TASKS
        });
        let count = fits.count();
        let rest = state.pending.split_off(count);
        (std::mem::replace(&mut state.pending, rest), state.closed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what was handed in until the door is closed and everything is answered.
pub(crate) async fn run(parts: Arc<Parts>) {
    let admission = &parts.admission;
    loop {
        let (batch, closed) = admission.take();
        if batch.is_empty() {
            if closed {
                return;
            }
            admission.wake.notified().await;
            continue;
        }
        let mut groups = Vec::with_capacity(batch.len());
        let mut replies = Vec::with_capacity(batch.len());
        for pending in batch {
            replies.push((pending.groups.len(), pending.reply));
            groups.extend(pending.groups);
        }
        let tasks = groups.len();
        let result = parts.store.enqueue(groups).await;
        admission.state().tasks -= tasks;
        // A client that has gone away needs no answer; its task is accepted all the same.
        match result {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                for (count, reply) in replies {
                    let _ = reply.send(Ok(answers.by_ref().take(count).collect()));
                }
            }
            Err(error) => {
                tracing::error!(%error, tasks, "enqueue failed");
                for (_, reply) in replies {
                    let _ = reply.send(Err(error.clone()));
                }
            }
        }
    }
}
