//! Watchers: told of what happened, after it can be read.

use super::block_on::PATIENCE;
use super::sample::*;
use super::{Backend, scene::Scene};
use crate::{LeaseId, Lookup, Watcher};
use poulpe_job::{Due, JobId};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct Told {
    work: usize,
    finished: Vec<JobId>,
    cancel_requested: Vec<LeaseId>,
}

/// Remembers what it is told.
#[derive(Default)]
pub(super) struct Listener {
    told: Mutex<Told>,
    changed: Condvar,
}

impl Listener {
    pub(super) fn of(scene: &Scene) -> Arc<Self> {
        let listener = Arc::new(Self::default());
        scene.store().watch(listener.clone());
        listener
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[track_caller]
    fn wait_until(&self, what: &str, is_told: impl Fn(&Told) -> bool) {
        let (told, waited) = self
            .changed
            .wait_timeout_while(self.told(), PATIENCE, |told| !is_told(told))
            .unwrap_or_else(PoisonError::into_inner);
        drop(told);
        assert!(!waited.timed_out(), "watchers aren't told of {what}");
    }

    #[track_caller]
    pub(super) fn hears_work(&self) {
        self.wait_until("work", |told| told.work > 0);
        self.told().work = 0;
    }

    #[track_caller]
    pub(super) fn hears_end_of(&self, id: &JobId) {
        self.wait_until("the end of a job", |told| told.finished.contains(id));
    }
}

impl Watcher for Listener {
    fn awaited(&self) -> Vec<JobId> {
        Vec::new()
    }

    fn work(&self) {
        self.told().work += 1;
        self.changed.notify_all();
    }

    fn finished(&self, ids: &[JobId]) {
        self.told().finished.extend_from_slice(ids);
        self.changed.notify_all();
    }

    fn cancel_requested(&self, leases: &[LeaseId]) {
        self.told().cancel_requested.extend_from_slice(leases);
        self.changed.notify_all();
    }
}

pub(super) fn watchers_are_told_of_new_work(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let listeners = [Listener::of(&scene), Listener::of(&scene)];
    scene.enqueue(job("a"));
    for listener in &listeners {
        listener.hears_work();
    }
    scene.claim_one();
}

pub(super) fn watchers_are_told_of_an_earlier_due_time(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue_due(job("late"), in_millis(60_000));
    let listener = Listener::of(&scene);
    scene.enqueue_due(job("early"), in_millis(10));
    listener.hears_work();
    assert_eq!(scene.claim(&[0], 0).next_due, Some(millis(10)));
}

pub(super) fn watchers_are_told_when_a_job_comes_back(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let listener = Listener::of(&scene);
    for verdict in [
        retry(&scene, Due::NOW),
        interrupted(Due::NOW),
        not_started(Due::NOW),
    ] {
        let lease = scene.claim_one().lease;
        scene.settle(&lease, verdict);
        listener.hears_work();
    }
    scene.settle(&scene.claim_one().lease, bury(&scene));
    scene.revive(&id("a"));
    listener.hears_work();
}

pub(super) fn watchers_are_told_when_a_lane_that_others_wait_for_is_free(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue_groups(vec![group(["a", "b"].map(|name| confined(name, [0])))]);
    let lease = scene.claim_one().lease;
    let listener = Listener::of(&scene);
    scene.settle(&lease, complete(&scene));
    listener.hears_work();
    scene.claim_one();
}

pub(super) fn watchers_are_told_of_each_end(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let listener = Listener::of(&scene);
    for (name, verdict) in [("done", complete(&scene)), ("dead", bury(&scene))] {
        scene.enqueue(job(name));
        scene.settle(&scene.run_one().lease, verdict);
        listener.hears_end_of(&id(name));
        assert!(matches!(scene.lookup(&id(name)), Lookup::Ended(_)));
    }
    scene.enqueue(job("cancelled"));
    scene.cancel(&id("cancelled"));
    listener.hears_end_of(&id("cancelled"));
    scene.enqueue_entry(dead_entry(&scene, "dead from the start"));
    listener.hears_end_of(&id("dead from the start"));
}

pub(super) fn watchers_are_told_of_a_cancel_request(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let lease = scene.run_one().lease;
    let listener = Listener::of(&scene);
    scene.cancel(&id("a"));
    listener.wait_until("a cancel request", |told| !told.cancel_requested.is_empty());
    assert_eq!(listener.told().cancel_requested, [lease]);
}
