//! Changes on their way to the writer. Never looks into them but for their weight. Whoever changes something pushes,
//! the writer takes all that has gathered.

use crate::log::lock;
use poulpe_store::table::{Op, OpAnswer};
use poulpe_store::{Entry, StoreResult};
use std::sync::{Condvar, Mutex, PoisonError};
use tokio::sync::oneshot;

/// How many bytes of jobs and results one batch takes, roughly: more would only make its first caller wait.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// How many changes one batch takes.
const MAX_OPS: usize = 10_000;

/// A change, and who waits for it.
pub(crate) struct Pending {
    pub(crate) op: Op,
    pub(crate) answer: oneshot::Sender<StoreResult<OpAnswer>>,
}

/// Something small that the writer does between two batches.
pub(crate) type Errand = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Inbox {
    ops: Vec<(Pending, usize)>,
    errands: Vec<Errand>,
    closed: bool,
}

impl Inbox {
    fn is_empty(&self) -> bool {
        self.ops.is_empty() && self.errands.is_empty()
    }

    fn clear(&mut self) {
        self.ops.clear();
        self.errands.clear();
    }
}

/// The queue before the writer.
#[derive(Default)]
pub(crate) struct Queue {
    inbox: Mutex<Inbox>,
    filled: Condvar,
}

impl Queue {
    /// Adds a change. Once the queue is closed it is dropped, which its caller hears.
    pub(crate) fn push(&self, pending: Pending) {
        let weight = weight(&pending.op);
        let mut inbox = lock(&self.inbox);
        if inbox.closed {
            return;
        }
        inbox.ops.push((pending, weight));
        let was_empty = inbox.ops.len() == 1;
        drop(inbox);
        if was_empty {
            self.filled.notify_one();
        }
    }

    /// Has something done by the writer between two batches, when all that it has written is visible, and waits until it
    /// is done. False if the queue was closed before.
    pub(crate) fn between(&self, errand: impl FnOnce() + Send + 'static) -> bool {
        let (done, waiting) = std::sync::mpsc::channel();
        let errand = Box::new(move || {
            errand();
            // An error means that nobody waits for it any more.
            let _ = done.send(());
        });
        let mut inbox = lock(&self.inbox);
        if inbox.closed {
            return false;
        }
        inbox.errands.push(errand);
        drop(inbox);
        self.filled.notify_one();
        waiting.recv().is_ok()
    }

    /// What is to be done before the next batch.
    pub(crate) fn errands(&self) -> Vec<Errand> {
        std::mem::take(&mut lock(&self.inbox).errands)
    }

    /// Moves what has gathered behind `batch`, as much as one batch takes. Waits for something to do unless there is
    /// something already. False once the queue is closed.
    pub(crate) fn take(&self, batch: &mut Vec<Pending>) -> bool {
        let mut inbox = lock(&self.inbox);
        while inbox.is_empty() && batch.is_empty() && !inbox.closed {
            inbox = self
                .filled
                .wait(inbox)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if inbox.closed {
            inbox.clear();
            return false;
        }
        let many = fitting(&inbox.ops);
        batch.extend(inbox.ops.drain(..many).map(|(pending, _)| pending));
        true
    }

    /// Ends the writer after the batch that it is at. Whoever still waits hears that the store is closed.
    pub(crate) fn close(&self) {
        let mut inbox = lock(&self.inbox);
        inbox.closed = true;
        inbox.clear();
        drop(inbox);
        self.filled.notify_one();
    }
}

/// How many of the first changes one batch takes. One that is too heavy for any batch goes alone.
fn fitting(ops: &[(Pending, usize)]) -> usize {
    let mut bytes = 0;
    for (many, (_, weight)) in ops.iter().enumerate() {
        bytes += weight;
        let is_full = many == MAX_OPS || bytes > MAX_BYTES;
        if is_full {
            return many.max(1);
        }
    }
    ops.len()
}

/// Roughly how many bytes a change writes.
fn weight(op: &Op) -> usize {
    /// A record without its texts.
    const RECORD: usize = 200;
    match op {
        Op::Enqueue(groups) => {
            let jobs = groups
                .iter()
                .flat_map(|group| &group.entries)
                .map(Entry::job);
            jobs.map(|job| RECORD + job.name.len() + text_len(&job.params))
                .sum()
        }
        Op::Settle(settlements) => {
            let verdicts = settlements.iter().map(|settlement| &settlement.verdict);
            verdicts.map(|verdict| RECORD + output_len(verdict)).sum()
        }
        _ => RECORD,
    }
}

fn text_len(params: &poulpe_job::Params) -> usize {
    match params {
        poulpe_job::Params::Text(text) => text.len(),
        poulpe_job::Params::List(words) => words.iter().map(String::len).sum(),
    }
}

fn output_len(verdict: &poulpe_job::Verdict) -> usize {
    match verdict {
        poulpe_job::Verdict::Complete(result) | poulpe_job::Verdict::Bury { result, .. } => {
            result.output.len()
        }
        poulpe_job::Verdict::Retry { .. } | poulpe_job::Verdict::Release { .. } => 0,
    }
}
