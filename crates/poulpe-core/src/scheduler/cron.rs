//! Drives schedules: loads how far they were driven, writes their jobs, and sleeps until the next fire time. Decides
//! nothing that `machine` could decide. Runs as one task per scheduler.

use super::Parts;
use super::submit::submitted;
use crate::cron::ScheduleId;
use crate::machine::{Change, CronDriver, Fired, Firing, LONGEST_WAIT, Loading, backoff};
use crate::{
    FileContents, ScheduleAction, ScheduleChanged, ScheduleFile, ScheduleView, SchedulesView,
    Submitted,
};
use poulpe_job::{Door, JobId, Task, Timestamp};
use poulpe_store::{Accepted, Entry, Group, GroupAnswer, Lookup, StoreError, StoreResult};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How often a person's change is tried again that others were ahead of.
const CHANGE_TRIES: usize = 5;

/// How often schedules are loaded again that don't fire: on a store that daemons share another one may have changed that.
const DOUBT: Duration = Duration::from_secs(5);

/// How many jobs are looked up at once.
const LOOKUPS: usize = 1_000;

/// The driver of schedules, shared by its task and by people.
#[derive(Default)]
pub(crate) struct Cron {
    driver: Mutex<CronDriver>,
    /// What is to be driven instead, from now on.
    next: Mutex<Option<Vec<ScheduleFile>>>,
    wake: Notify,
}

impl Cron {
    pub(crate) fn set(&self, files: Vec<ScheduleFile>) {
        *self.next() = Some(files);
        self.wake.notify_one();
    }

    /// What is odd about schedules, for those who look whether the daemon is well.
    pub(crate) fn warning(&self, now: Timestamp) -> Option<String> {
        let ahead = self.driver().ahead(now);
        (ahead > 0).then(|| {
            format!("{ahead} schedules were driven to a time that lies more than an hour ahead of the clock; see /v1/schedules")
        })
    }

    /// Has the task see that the scheduler stops.
    pub(crate) fn stop(&self) {
        self.wake.notify_one();
    }

    fn next(&self) -> MutexGuard<'_, Option<Vec<ScheduleFile>>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn driver(&self) -> MutexGuard<'_, CronDriver> {
        self.driver.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drives until the scheduler stops.
pub(crate) async fn run(parts: Arc<Parts>) {
    let mut failures = 0;
    let mut doubted = parts.clock.monotonic();
    while !parts.is_stopping() {
        let wait = match step(&parts).await {
            Ok(wait) => {
                failures = 0;
                match doubt(&parts, &mut doubted) {
                    Some(doubt) => Some(wait.unwrap_or(doubt).min(doubt)),
                    None => wait,
                }
            }
            Err(error) => {
                failures += 1;
                tracing::error!(%error, "schedules not driven");
                Some(backoff(failures))
            }
        };
        let end = wait.map(|wait| parts.clock.monotonic() + wait);
        tokio::select! {
            () = parts.cron.wake.notified() => {}
            () = super::sleep_until(&*parts.clock, end) => {}
        }
    }
    let marks = parts.cron.driver().last_marks(parts.clock.wall().floor());
    if !marks.is_empty()
        && let Err(error) = write(&parts, marks).await
    {
        tracing::warn!(%error, "how far the cron files were driven could not be kept");
    }
}

/// Has schedules looked at again that don't fire; gives the time until the next such look, if there are any.
fn doubt(parts: &Parts, doubted: &mut Duration) -> Option<Duration> {
    let (now, wall) = (parts.clock.monotonic(), parts.clock.wall().floor());
    let mut driver = parts.cron.driver();
    if !driver.has_doubts(wall) {
        return None;
    }
    let left = DOUBT.saturating_sub(now.saturating_sub(*doubted));
    if !left.is_zero() {
        return Some(left);
    }
    *doubted = now;
    driver.doubt(wall);
    Some(Duration::ZERO)
}

/// Brings everything up to date; gives the time until there is more to do.
async fn step(parts: &Parts) -> StoreResult<Option<Duration>> {
    let next = parts.cron.next().take();
    if let Some(files) = next {
        load(parts, files).await?;
    }
    loop {
        reload(parts).await?;
        let now = parts.clock.wall().floor();
        let overlapping = overlapping(parts, now).await?;
        let firings = parts.cron.driver().firings(now, &overlapping);
        if firings.is_empty() {
            break;
        }
        write(parts, firings).await?;
        if parts.is_stopping() {
            return Ok(None);
        }
    }
    let Some(at) = parts.cron.driver().wake_at() else {
        return Ok(None);
    };
    let left = (i128::from(at.as_millis()) * 1_000_000 - parts.clock.wall().0).max(0);
    let left = Duration::from_nanos(u64::try_from(left).unwrap_or(u64::MAX));
    Ok(Some(left.min(LONGEST_WAIT)))
}

async fn load(parts: &Parts, files: Vec<ScheduleFile>) -> StoreResult<()> {
    let mut loading = Loading::new(files);
    loop {
        let wanted = loading.wanted(&parts.cron.driver());
        if wanted.is_empty() {
            break;
        }
        for name in wanted {
            match parts.store.load(&name).await {
                Ok(value) => loading.loaded(name, value),
                Err(error) => {
                    // To be tried again, unless something newer has come meanwhile.
                    parts.cron.next().get_or_insert(loading.into_files());
                    return Err(error);
                }
            }
        }
    }
    // Before the driver is locked: executors may look at disks.
    let mut refused = HashMap::new();
    for file in loading.files() {
        let FileContents::Read { entries, .. } = &file.contents else {
            continue;
        };
        for entry in entries {
            let task = entry.task(Timestamp::default());
            if let Err(bad) = parts.check(&task, Door::Cron) {
                tracing::warn!(file = file.name, line = entry.line, reason = %bad, "entry can't be run");
                refused.insert(task.id, bad.to_string());
            }
        }
    }
    let check = |task: &Task| refused.get(&task.id).map_or(Ok(()), |bad| Err(bad.clone()));
    let now = parts.clock.wall().floor();
    parts.cron.driver().set(loading, now, &check);
    Ok(())
}

async fn reload(parts: &Parts) -> StoreResult<()> {
    let stale = parts.cron.driver().stale();
    for name in stale {
        let value = parts.store.load(&name).await?;
        parts.cron.driver().reloaded(&name, value);
    }
    Ok(())
}

/// The schedules that are due, mustn't overlap, and have a job that lives.
async fn overlapping(parts: &Parts, now: Timestamp) -> StoreResult<HashSet<ScheduleId>> {
    let asked = parts.cron.driver().may_overlap(now);
    let jobs: Vec<(&ScheduleId, JobId)> = (asked.iter())
        .flat_map(|(id, jobs)| jobs.iter().map(move |job| (id, job.clone())))
        .collect();
    let mut overlapping = HashSet::new();
    for some in jobs.chunks(LOOKUPS) {
        let ids = some.iter().map(|(_, job)| job.clone()).collect();
        let looked = parts.store.get(ids).await?;
        let living = |found: &Lookup| matches!(found, Lookup::Living(..));
        let found = some.iter().zip(&looked).filter(|(_, found)| living(found));
        overlapping.extend(found.map(|((id, _), _)| (*id).clone()));
    }
    Ok(overlapping)
}

async fn write(parts: &Parts, firings: Vec<Firing>) -> StoreResult<()> {
    let groups = firings.iter().map(|firing| group(parts, firing)).collect();
    let answers = parts.store.enqueue(groups).await?;
    let mut is_full = false;
    for (firing, answer) in firings.iter().zip(&answers) {
        let schedule = &firing.checkpoint.name;
        match parts.cron.driver().fired(firing, answer) {
            Fired::Done => {
                tracing::debug!(schedule, jobs = firing.tasks.len(), "fired");
                note_accepted(parts, firing, answer);
                for (count, reason) in &firing.given_up {
                    parts.counters.note_given_up(*reason, *count);
                    tracing::warn!(
                        schedule,
                        count,
                        reason = reason.as_str(),
                        "fire times given up"
                    );
                }
            }
            Fired::Moved => {}
            Fired::Full => is_full = true,
        }
    }
    if is_full {
        return Err(StoreError::Unavailable(
            "the store has no room for new jobs".into(),
        ));
    }
    Ok(())
}

/// Counts the jobs of a firing. A client may have taken the id of a fire time: the schedule can't run then.
fn note_accepted(parts: &Parts, firing: &Firing, answer: &GroupAnswer) {
    let GroupAnswer::Taken(accepted) = answer else {
        return;
    };
    for (task, accepted) in firing.tasks.iter().zip(accepted) {
        let job = task.id.as_ref().map(JobId::as_str);
        match accepted {
            Accepted::New(_) => {
                if let Some(counters) = parts.counters.of(&task.kind) {
                    counters.accepted(Door::Cron);
                }
            }
            Accepted::Conflict => tracing::warn!(
                job,
                "another task has the id of this fire time, which gives no job"
            ),
            Accepted::Duplicate(_) | Accepted::Full => {}
        }
    }
}

fn group(parts: &Parts, firing: &Firing) -> Group {
    let entries = firing.tasks.iter().map(|task| {
        let (job, due) = parts.job(task.clone(), Door::Cron);
        Entry::new(job, due)
    });
    Group {
        entries: entries.collect(),
        checkpoint: Some(firing.checkpoint.clone()),
    }
}

/// The first `max` schedules, with their last jobs.
pub(crate) async fn view(parts: &Parts, max: usize) -> StoreResult<SchedulesView> {
    let mut view = parts.cron.driver().view(parts.clock.wall().floor(), max);
    look_up(parts, &mut view.schedules).await?;
    Ok(view)
}

/// One schedule, with its last job.
pub(crate) async fn view_one(parts: &Parts, id: &str) -> StoreResult<Option<ScheduleView>> {
    let now = parts.clock.wall().floor();
    let mut view = parts.cron.driver().view_one(id, now);
    look_up(parts, view.as_mut_slice()).await?;
    Ok(view)
}

/// Tells what became of their last jobs.
async fn look_up(parts: &Parts, schedules: &mut [ScheduleView]) -> StoreResult<()> {
    let mut lasts: Vec<_> = (schedules.iter_mut())
        .filter_map(|schedule| schedule.last.as_mut())
        .collect();
    for some in lasts.chunks_mut(LOOKUPS) {
        let jobs: Vec<JobId> = some.iter().map(|last| last.job.clone()).collect();
        let looked = parts.store.get(jobs).await?;
        for (last, found) in some.iter_mut().zip(looked) {
            match found {
                Lookup::Living(state, _) => last.state = Some(state),
                Lookup::Ended(result) => {
                    last.state = Some(result.state);
                    last.result = Some(result);
                }
                Lookup::Expired | Lookup::Unknown => {}
            }
        }
    }
    Ok(())
}

/// Does what a person wants of a schedule.
pub(crate) async fn change(
    parts: &Parts,
    id: &str,
    action: ScheduleAction,
) -> StoreResult<ScheduleChanged> {
    for _ in 0..CHANGE_TRIES {
        reload(parts).await?;
        let now = parts.clock.wall().floor();
        let change = parts.cron.driver().change(id, action, now);
        let change = match change {
            Change::Write(change) => change,
            Change::Refused(reason) => return Ok(ScheduleChanged::Refused(reason)),
            Change::Unknown => return Ok(ScheduleChanged::Unknown),
        };
        let refused = change.tasks.first().and_then(|task| refusal(parts, task));
        if let Some(refused) = refused {
            return Ok(ScheduleChanged::Ran(refused));
        }
        let mut answers = parts.store.enqueue(vec![group(parts, &change)]).await?;
        let Some(answer) = answers.pop() else {
            return Err(StoreError::failed("the store gave no answer"));
        };
        let fired = parts.cron.driver().fired(&change, &answer);
        note_accepted(parts, &change, &answer);
        parts.cron.wake.notify_one();
        if fired == Fired::Moved {
            continue;
        }
        let Some(id) = change.tasks.first().and_then(|task| task.id.as_ref()) else {
            return Ok(ScheduleChanged::Done);
        };
        return Ok(ScheduleChanged::Ran(submitted(Some(answer), id)));
    }
    Err(StoreError::Unavailable(
        "the schedule is being changed by others; try again".into(),
    ))
}

/// Why a task isn't run at a person's wish.
fn refusal(parts: &Parts, task: &Task) -> Option<Submitted> {
    if parts.is_stopping() {
        let reason = "poulpe is shutting down; try again later".into();
        return Some(Submitted::Busy(task.id.clone(), reason));
    }
    let bad = parts.check(task, Door::Cron).err()?;
    Some(Submitted::Refused(task.id.clone(), bad))
}
