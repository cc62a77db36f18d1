//! The door for tasks: checks them, has them stored, waits for results.

use super::admission::NotTaken;
use super::counters::KindCounters;
use super::follow::Follower;
use super::{Parts, Scheduler};
use crate::{Follow, Submit, Submitted, Waited};
use poulpe_job::{BadTask, Door, Job, JobId, MAX_LANES, Task, Timestamp};
use poulpe_store::{Accepted, BoxFuture, Cancelled, Group, GroupAnswer, Lookup, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// A task on its way to the store.
struct Sent<'a> {
    id: JobId,
    counters: Option<&'a KindCounters>,
}

impl Parts {
    pub(crate) fn job(&self, task: Task, door: Door) -> (Job, poulpe_job::Due) {
        let digest = task.digest();
        let Task {
            id,
            kind,
            name,
            params,
            lanes,
            due,
            timeout,
            max_retry,
            retry_interval,
            priority,
            headers,
            ..
        } = task;
        let timeout = timeout.unwrap_or_else(|| self.settings.timeout_of(&kind));
        let id_chosen = id.is_some();
        let job = Job {
            id: id.unwrap_or_else(|| self.ids.next()),
            id_chosen,
            digest,
            kind,
            name,
            params,
            headers,
            lanes,
            priority,
            timeout,
            max_retry: max_retry.unwrap_or(self.settings.max_retry),
            retry_interval: retry_interval.unwrap_or(self.settings.retry_interval),
            door,
            accepted_at: Timestamp::default(),
            due: Timestamp::default(),
        };
        (job, due)
    }

    pub(crate) fn check(&self, task: &Task, door: Door) -> Result<(), BadTask> {
        let workers = self.settings.workers;
        debug_assert!(workers <= MAX_LANES);
        if let Some(lane) = task.lanes.lanes().iter().find(|lane| **lane >= workers) {
            let last = workers - 1;
            let reason = format!(
                "lane {lane} does not exist; this poulpe has the lanes 0 to {last} (--workers)"
            );
            return Err(BadTask::new("cc", reason));
        }
        let Some(executor) = self.executors.get(&task.kind) else {
            let mut kinds: Vec<&str> = self.executors.keys().map(|kind| kind.as_str()).collect();
            kinds.sort_unstable();
            let reason = format!(
                "{} is not something this poulpe can run; it runs {}",
                task.kind,
                kinds.join(", ")
            );
            return Err(BadTask::new("method", reason));
        };
        executor.check(task, door)
    }

    pub(crate) async fn submit(&self, tasks: Vec<Task>, door: Door) -> Vec<Submitted> {
        let count = tasks.len();
        let mut refused = Vec::new();
        let mut groups = Vec::with_capacity(count);
        let mut sent = Vec::with_capacity(count);
        for (place, task) in tasks.into_iter().enumerate() {
            match self.check(&task, door) {
                Ok(()) => {
                    let (job, due) = self.job(task, door);
                    let counters = self.counters.of(&job.kind);
                    sent.push(Sent {
                        id: job.id.clone(),
                        counters,
                    });
                    groups.push(Group::job(job, due));
                }
                Err(error) => refused.push((place, Submitted::Refused(task.id, error))),
            }
        }
        let stored = self.store_groups(groups, sent, door).await;
        if refused.is_empty() {
            return stored;
        }
        in_order(count, stored, refused)
    }

    async fn store_groups(
        &self,
        groups: Vec<Group>,
        sent: Vec<Sent<'_>>,
        door: Door,
    ) -> Vec<Submitted> {
        if groups.is_empty() {
            return Vec::new();
        }
        let all_busy = |reason: &str| {
            let sent = sent.iter();
            sent.map(|sent| busy(Some(&sent.id), reason)).collect()
        };
        let _room = match self
            .admission
            .enter(groups.len(), self.settings.admission_max)
        {
            Ok(room) => room,
            Err(NotTaken::Full) => {
                return all_busy("too many tasks are waiting to be stored; try again in a moment");
            }
            Err(NotTaken::Closed) => {
                return all_busy("poulpe is shutting down; submit to another or try again later");
            }
        };
        match self.store.enqueue(groups).await {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                let answer = |sent: &Sent| {
                    let submitted = submitted(answers.next(), &sent.id);
                    if let (Submitted::Accepted(..), Some(counters)) = (&submitted, sent.counters) {
                        counters.accepted(door);
                    }
                    submitted
                };
                sent.iter().map(answer).collect()
            }
            Err(error) => {
                tracing::error!(%error, tasks = sent.len(), "enqueue failed");
                all_busy(&format!("the task could not be stored: {error}"))
            }
        }
    }

    async fn wait(&self, id: &JobId, limit: Duration) -> Waited {
        let end = self.clock.monotonic() + limit;
        let mut time_is_up = false;
        loop {
            let mut waiting = self.hub.waiters.register(id);
            let looked = match self.store.get(vec![id.clone()]).await {
                Ok(mut looked) => looked.pop(),
                Err(error) => return Waited::Unavailable(error.to_string()),
            };
            let (state, error) = match looked {
                Some(Lookup::Ended(result)) => return Waited::Ended(result),
                Some(Lookup::Expired) => return Waited::Expired,
                Some(Lookup::Unknown) | None => return Waited::Unknown,
                Some(Lookup::Living(state, error)) => (state, error),
            };
            if time_is_up {
                return Waited::TimedOut(Some(state), error.map(|error| error.reason));
            }
            tokio::select! {
                ended = &mut waiting.ended => time_is_up = ended.is_err(),
                () = self.clock.sleep_until(end) => time_is_up = true,
            }
        }
    }
}

/// All answers in the order of their tasks; those of refused ones come with their places.
fn in_order(
    count: usize,
    stored: Vec<Submitted>,
    refused: Vec<(usize, Submitted)>,
) -> Vec<Submitted> {
    let mut stored = stored.into_iter();
    let mut refused = refused.into_iter().peekable();
    let next = |place| match refused.next_if(|(refused_at, _)| *refused_at == place) {
        Some((_, answer)) => Some(answer),
        None => stored.next(),
    };
    (0..count).filter_map(next).collect()
}

fn busy(id: Option<&JobId>, reason: &str) -> Submitted {
    Submitted::Busy(id.cloned(), reason.into())
}

/// The answer for a job that went to the store as a group of its own.
pub(crate) fn submitted(answer: Option<GroupAnswer>, id: &JobId) -> Submitted {
    let Some(GroupAnswer::Taken(accepted)) = answer else {
        return busy(Some(id), "the task could not be stored");
    };
    match accepted.first() {
        Some(Accepted::New(state)) => Submitted::Accepted(id.clone(), *state),
        Some(Accepted::Duplicate(state)) => Submitted::Duplicate(id.clone(), *state),
        Some(Accepted::Conflict) => Submitted::Conflict(id.clone()),
        Some(Accepted::Full) => busy(
            Some(id),
            "the store has no room; free disk space or wait for jobs to end",
        ),
        None => busy(Some(id), "the task could not be stored"),
    }
}

impl Submit for Scheduler {
    fn submit(&self, tasks: Vec<Task>, door: Door) -> BoxFuture<'_, Vec<Submitted>> {
        Box::pin(self.parts.submit(tasks, door))
    }

    fn wait(&self, id: &JobId, limit: Duration) -> BoxFuture<'_, Waited> {
        let id = id.clone();
        Box::pin(async move { self.parts.wait(&id, limit).await })
    }

    fn follow(&self) -> Box<dyn Follow> {
        Box::new(Follower::new(Arc::clone(&self.parts)))
    }

    fn cancel(&self, id: &JobId) -> BoxFuture<'_, Result<Cancelled, StoreError>> {
        self.parts.store.cancel(id)
    }
}
