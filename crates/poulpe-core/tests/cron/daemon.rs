//! A daemon: drives its schedules as the scheduler's task does, and may die or hear nothing at each step.

use poulpe_core::machine::{CronDriver, Fired, Firing, Loading};
use poulpe_core::store::{Accepted, Entry, Group, GroupAnswer, Lookup, MemoryStore};
use poulpe_core::store::{Checkpoints, Results, Store, StoreResult};
use poulpe_core::{Digest, Door, Job, ScheduleFile, Task, Timestamp};
use rand::RngExt;
use rand::rngs::StdRng;
use std::collections::HashSet;
use std::time::Duration;

/// What stops a daemon in the middle.
pub(crate) enum Stopped {
    /// It died.
    Died,
    /// The store was away, or its answer was lost.
    NoAnswer,
}

/// How often what goes wrong.
#[derive(Clone, Copy)]
pub(crate) struct Faults {
    pub(crate) store_is_away: bool,
    pub(crate) dies: f64,
    pub(crate) loses_answer: f64,
}

pub(crate) struct Daemon {
    driver: CronDriver,
    /// What it is to drive, once it has loaded what it needs.
    next: Option<Vec<ScheduleFile>>,
}

/// A job that the store accepted: the schedule's id and the fire time.
pub(crate) type New = (String, i64);

impl Daemon {
    pub(crate) fn new(files: Vec<ScheduleFile>) -> Self {
        Self {
            driver: CronDriver::default(),
            next: Some(files),
        }
    }

    pub(crate) fn set(&mut self, files: Vec<ScheduleFile>) {
        self.next = Some(files);
    }

    pub(crate) fn wake_at(&self) -> Option<i64> {
        self.driver.wake_at().map(Timestamp::as_millis)
    }

    /// Brings everything up to date. Jobs that were accepted are noted in `new`, whatever stops it.
    pub(crate) fn step(
        &mut self,
        store: &MemoryStore,
        now: i64,
        faults: Faults,
        dice: &mut StdRng,
        new: &mut Vec<New>,
    ) -> Result<(), Stopped> {
        let now = Timestamp::from_millis(now);
        let mut fate = || {
            if faults.store_is_away {
                return Err(Stopped::NoAnswer);
            }
            if dice.random_bool(faults.dies) {
                return Err(Stopped::Died);
            }
            Ok(dice.random_bool(faults.loses_answer))
        };
        if let Some(files) = self.next.clone() {
            let mut loading = Loading::new(files);
            loop {
                let wanted = loading.wanted(&self.driver);
                if wanted.is_empty() {
                    break;
                }
                fate()?;
                for name in wanted {
                    let value = now_or_never(store.load(&name));
                    loading.loaded(name, value);
                }
            }
            self.driver.set(loading, now, &|_| Ok(()));
            self.next = None;
        }
        loop {
            for name in self.driver.stale() {
                fate()?;
                let value = now_or_never(store.load(&name));
                self.driver.reloaded(&name, value);
            }
            let mut overlapping = HashSet::new();
            for (id, jobs) in self.driver.may_overlap(now) {
                let looked = now_or_never(store.get(jobs));
                if looked
                    .iter()
                    .any(|found| matches!(found, Lookup::Living(..)))
                {
                    overlapping.insert(id);
                }
            }
            let firings = self.driver.firings(now, &overlapping);
            if firings.is_empty() {
                return Ok(());
            }
            // Each group is atomic, the call isn't.
            let mut answers = Vec::new();
            let mut is_lost = false;
            for firing in &firings {
                is_lost |= fate()?;
                let answer = now_or_never(store.enqueue(vec![group(firing)]));
                note(firing, &answer[0], new);
                answers.extend(answer);
            }
            if is_lost {
                return Err(Stopped::NoAnswer);
            }
            // Death after the write, before it is known of.
            fate()?;
            for (firing, answer) in firings.iter().zip(&answers) {
                assert_ne!(self.driver.fired(firing, answer), Fired::Full);
            }
        }
    }
}

fn note(firing: &Firing, answer: &GroupAnswer, new: &mut Vec<New>) {
    let GroupAnswer::Taken(accepted) = answer else {
        return;
    };
    for (task, accepted) in firing.tasks.iter().zip(accepted) {
        let id = task.id.as_ref().expect("fired jobs have ids");
        let (schedule, _) = id.as_str().split_once('@').expect("a fire time");
        if matches!(accepted, Accepted::New(_)) {
            let poulpe_core::Due::At(fire) = task.due else {
                panic!("{task:?} has no fire time");
            };
            new.push((schedule.into(), fire.as_millis()));
        }
    }
}

fn group(firing: &Firing) -> Group {
    let entries = firing
        .tasks
        .iter()
        .map(|task| Entry::new(job(task), task.due));
    Group {
        entries: entries.collect(),
        checkpoint: Some(firing.checkpoint.clone()),
    }
}

fn job(task: &Task) -> Job {
    let Digest(digest) = task.digest();
    Job {
        id: task.id.clone().expect("fired jobs have ids"),
        id_chosen: true,
        digest: Digest(digest),
        kind: task.kind.clone(),
        name: task.name.clone(),
        params: task.params.clone(),
        headers: Vec::new(),
        lanes: task.lanes.clone(),
        priority: task.priority,
        timeout: Duration::from_secs(60),
        max_retry: 0,
        retry_interval: Duration::ZERO,
        door: Door::Cron,
        accepted_at: Timestamp::default(),
        due: Timestamp::default(),
    }
}

/// The memory store answers at once.
pub(crate) fn now_or_never<T>(future: impl Future<Output = StoreResult<T>>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(answer) => answer.expect("the memory store never fails"),
        std::task::Poll::Pending => panic!("the memory store waits"),
    }
}
