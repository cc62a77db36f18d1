//! The door for ways in that read a log. Turns what was read into entries of one group; decides nothing else.

use super::{Parts, Scheduler};
use crate::{Fed, Feed, FeedAnswer, FeedView, ReadyCheck, Taken};
use poulpe_job::{AttemptError, BadTask, Door, Job, Task};
use poulpe_store::{
    Accepted, BoxFuture, Checkpoint, Entry, Group, GroupAnswer, OutboxItem, OutboxKind, StoreError,
};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where a trace is kept with a job: calls carry it, and so does the result.
pub(crate) const TRACE_HEADER: &str = "traceparent";

/// What the way in has shown of itself.
#[derive(Default)]
pub(crate) struct FeedState(Mutex<Option<FeedView>>);

impl FeedState {
    fn view(&self) -> MutexGuard<'_, Option<FeedView>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn shown(&self) -> Option<FeedView> {
        self.view().clone()
    }

    /// The condition of readiness, if there is such a way in.
    pub(crate) fn check(&self) -> Option<ReadyCheck> {
        self.view().as_ref().map(|view| ReadyCheck {
            name: view.name,
            ok: view.troubles.is_empty(),
            reason: view.troubles.join("; "),
        })
    }
}

impl Parts {
    fn entry(&self, fed: Fed, door: Door) -> Entry {
        let Fed {
            letter,
            task,
            trace,
        } = fed;
        let own_id = letter.id.clone();
        let mut told = Task::new(letter.kind, letter.name);
        told.params = poulpe_job::Params::Text(letter.params);
        let dead = |reason: String| {
            let (mut job, _) = self.job(told, door);
            job.id = own_id.clone();
            add_trace(&mut job, trace.as_deref());
            self.dead(job, reason)
        };
        let task = match task {
            Ok(task) => task,
            Err(reason) => return dead(reason),
        };
        let id_chosen = task.id.is_some();
        let (mut job, due) = self.job(task, door);
        if !id_chosen {
            job.id = own_id.clone();
            add_trace(&mut job, trace.as_deref());
            // Nobody else has an id like this one; if somebody does, the letter takes another.
            let taken = format!("the id {} is that of another task", job.id);
            let mut otherwise = dead(taken);
            rename(&mut otherwise, "-conflict");
            return job_or(job, due, otherwise);
        }
        add_trace(&mut job, trace.as_deref());
        let taken = format!("another task has the id {}; give each task its own", job.id);
        job_or(job, due, dead(taken))
    }

    fn dead(&self, job: Job, reason: String) -> Entry {
        let now = self.clock.wall().floor();
        let error = AttemptError {
            attempt: 0,
            started_at: now,
            finished_at: now,
            status: None,
            reason,
        };
        Entry::dead(job, error)
    }

    async fn feed(
        &self,
        fed: Vec<Fed>,
        replies: bool,
        checkpoint: Checkpoint,
    ) -> Result<FeedAnswer, StoreError> {
        let door = if replies {
            Door::KafkaReply
        } else {
            Door::Kafka
        };
        // The counters of a task's kind; none for what is no task.
        let mut kinds = Vec::with_capacity(fed.len());
        let mut entries = Vec::with_capacity(fed.len());
        for one in fed {
            let kind = one.task.as_ref().map(|task| self.counters.of(&task.kind));
            kinds.push(kind.ok());
            entries.push(self.entry(one, door));
        }
        let group = Group {
            entries,
            checkpoint: Some(checkpoint),
        };
        let answer = self.store.enqueue(vec![group]).await?.pop();
        let Some(GroupAnswer::Taken(accepted)) = answer else {
            return Ok(FeedAnswer::Moved);
        };
        if accepted.contains(&Accepted::Full) {
            return Ok(FeedAnswer::Full);
        }
        let mut taken = Taken::default();
        for (accepted, kind) in accepted.into_iter().zip(kinds) {
            match (accepted, kind) {
                (Accepted::Conflict, _) | (_, None) => taken.letters += 1,
                (Accepted::New(_), Some(counters)) => {
                    taken.accepted += 1;
                    if let Some(counters) = counters {
                        counters.accepted(door);
                    }
                }
                (Accepted::Duplicate(_) | Accepted::Full, _) => taken.duplicates += 1,
            }
        }
        if taken.letters > 0 {
            self.dead_letters.wake();
        }
        Ok(FeedAnswer::Taken(taken))
    }
}

fn job_or(job: Job, due: poulpe_job::Due, otherwise: Entry) -> Entry {
    Entry::JobOr {
        job: Box::new(job),
        due,
        otherwise: Box::new(otherwise),
    }
}

fn rename(entry: &mut Entry, suffix: &str) {
    if let Entry::Dead { job, .. } = entry
        && let Ok(id) = poulpe_job::JobId::new(&format!("{}{suffix}", job.id))
    {
        job.id = id;
    }
}

/// The job's own header wins.
fn add_trace(job: &mut Job, trace: Option<&str>) {
    let mut names = job.headers.iter().map(|(name, _)| name);
    let has_own = names.any(|name| name.eq_ignore_ascii_case(TRACE_HEADER));
    if let Some(trace) = trace.filter(|_| !has_own) {
        job.headers.push((TRACE_HEADER.into(), trace.into()));
    }
}

impl Feed for Scheduler {
    fn check(&self, task: &Task) -> Result<(), BadTask> {
        self.parts.check(task, Door::Kafka)
    }

    fn feed(
        &self,
        fed: Vec<Fed>,
        replies: bool,
        checkpoint: Checkpoint,
    ) -> BoxFuture<'_, Result<FeedAnswer, StoreError>> {
        Box::pin(self.parts.feed(fed, replies, checkpoint))
    }

    fn load(&self, name: &str) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>> {
        self.parts.store.load(name)
    }

    fn compare_and_set(&self, checkpoint: Checkpoint) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.parts.store.compare_and_set(checkpoint)
    }

    fn backlog(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move { Ok(self.parts.store.counts().await?.ready) })
    }

    fn shares_store(&self) -> bool {
        self.parts.settings.shares_store
    }

    fn unsent(&self, max: usize) -> BoxFuture<'_, Result<Vec<OutboxItem>, StoreError>> {
        self.parts.store.take(OutboxKind::Result, max)
    }

    fn sent(&self, tokens: Vec<u64>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.parts.store.acknowledge(OutboxKind::Result, tokens)
    }

    fn ended(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.parts.hub.ended.notified())
    }

    fn report(&self, view: FeedView) {
        *self.parts.feed.view() = Some(view);
    }
}
