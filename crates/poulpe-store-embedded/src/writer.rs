//! The one thread that changes the store: takes all changes that have gathered, has them staged, written with one sync
//! and committed, then answers them. Never answers before the sync. After a failure it only refuses.

use crate::medium::LogMedium;
use crate::queue::Pending;
use poulpe_store::table::{Op, Staged};
use poulpe_store::{Medium, Shared, StoreError};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How often, while there is work, dead segments are looked for beside at rotations.
const RECLAIM_INTERVAL: Duration = Duration::from_secs(2);

/// A batch of so many changes comes from callers that are many.
const MANY: usize = 4;

/// Works until the queue is closed. Whatever it answered is synced.
pub(crate) fn run(shared: &Arc<Shared<LogMedium>>) {
    let medium = &shared.medium;
    let _stop = StopOnPanic(medium);
    let mut reclaims = Reclaims::default();
    let mut batch = Vec::new();
    while medium.queue.take(&mut batch) {
        for errand in medium.queue.errands() {
            errand();
        }
        if batch.is_empty() {
            continue;
        }
        let waiting = std::mem::take(&mut batch);
        let is_busy = waiting.len() >= MANY;
        match medium.health() {
            Ok(()) => batch = write(shared, waiting),
            Err(error) => refuse(waiting, &error),
        }
        reclaims.ask(shared);
        if is_busy {
            // Whoever was answered may have more: the next sync is for all of them if they get their turn first.
            std::thread::yield_now();
        }
    }
}

/// Brings one batch to disk and answers it; gives back what has to wait for the next.
fn write(shared: &Arc<Shared<LogMedium>>, batch: Vec<Pending>) -> Vec<Pending> {
    let (ops, answers): (Vec<Op>, Vec<_>) = batch
        .into_iter()
        .map(|pending| (pending.op, pending.answer))
        .unzip();
    let staged = match shared.apply(ops) {
        Ok(staged) => staged,
        Err(error) => {
            // What was staged can't be taken back: from here on nothing may be answered from the table.
            let failure = shared.medium.log.fail(reason(error));
            for answer in answers {
                drop(answer.send(Err(failure.clone())));
            }
            return Vec::new();
        }
    };
    let mut later = Vec::new();
    for (staged, answer) in staged.into_iter().zip(answers) {
        match staged {
            // Whoever asked may have gone; the change stands.
            Staged::Answer(given) => drop(answer.send(Ok(given))),
            Staged::Later(op) => later.push(Pending { op, answer }),
        }
    }
    later
}

fn refuse(batch: Vec<Pending>, error: &StoreError) {
    for pending in batch {
        drop(pending.answer.send(Err(error.clone())));
    }
}

fn reason(error: StoreError) -> String {
    match error {
        StoreError::Failed(reason) | StoreError::Unavailable(reason) => reason,
    }
}

/// When dead segments were last looked for.
#[derive(Default)]
struct Reclaims {
    rotations: u64,
    last: Duration,
}

impl Reclaims {
    fn ask(&mut self, shared: &Shared<LogMedium>) {
        let log = &shared.medium.log;
        let rotations = log.figures.rotations.load(Relaxed);
        let now = shared.now().mono;
        let is_due = rotations != self.rotations || now >= self.last + RECLAIM_INTERVAL;
        if is_due {
            self.rotations = rotations;
            self.last = now;
            log.desk.ask();
        }
    }
}

/// A panic of the writer must not leave callers waiting for ever.
struct StopOnPanic<'a>(&'a LogMedium);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.log.fail("the writer panicked".into());
            self.0.queue.close();
        }
    }
}
