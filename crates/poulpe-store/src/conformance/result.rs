//! Results: how long, how many and how much of them is kept.

use super::sample::*;
use super::{Backend, scene::Scene};
use crate::{Accepted, Limits, Lookup};
use poulpe_job::{Job, State, Verdict};

fn complete_all(scene: &Scene, jobs: impl IntoIterator<Item = Job>) {
    for job in jobs {
        scene.enqueue(job);
        scene.settle(&scene.run_one().lease, complete(scene));
    }
}

fn is_kept(scene: &Scene, name: &str) -> bool {
    matches!(scene.lookup(&id(name)), Lookup::Ended(_))
}

pub(super) fn results_are_answered_in_the_order_asked(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    complete_all(&scene, [job("a")]);
    scene.enqueue(job("b"));
    let ids = ["unknown", "b", "a", "b"].map(id).to_vec();
    let answers = super::block_on::block_on(scene.store().get(ids));
    let living = Lookup::Living(State::Ready, None);
    let expected = vec![
        Lookup::Unknown,
        living.clone(),
        Lookup::Ended(ok(&scene)),
        living,
    ];
    assert_eq!(answers, Ok(expected));
}

pub(super) fn a_result_is_kept_for_the_result_ttl(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    complete_all(&scene, [generated("a"), job("b")]);
    scene.pass(Limits::default().result_ttl - millis(1));
    assert!(is_kept(&scene, "a") && is_kept(&scene, "b"));
    assert_eq!(scene.counts().done, 2);
    scene.pass(millis(1));
    for name in ["a", "b"] {
        assert_eq!(scene.lookup(&id(name)), Lookup::Unknown);
        assert_eq!(scene.find(&id(name)), None);
    }
    assert_eq!(scene.counts().done, 0);
    assert_eq!(scene.list(State::Done, None, 10).jobs, vec![]);
}

pub(super) fn no_more_results_are_kept_than_result_max(backend: &dyn Backend) {
    let limits = Limits {
        result_max: 2,
        ..Limits::default()
    };
    let scene = Scene::with_limits(backend, limits);
    complete_all(&scene, ["a", "b", "c"].map(job));
    assert_eq!(scene.lookup(&id("a")), Lookup::Expired);
    assert!(is_kept(&scene, "b") && is_kept(&scene, "c"));
    assert_eq!(scene.counts().done, 2);
}

pub(super) fn no_more_bytes_of_results_are_kept_than_result_bytes(backend: &dyn Backend) {
    let limits = Limits {
        result_bytes: 250_000,
        ..Limits::default()
    };
    let scene = Scene::with_limits(backend, limits);
    for name in ["a", "b", "c"] {
        scene.enqueue(job(name));
        let mut result = ok(&scene);
        result.output = "x".repeat(100_000);
        let lease = scene.run_one().lease;
        scene.settle(&lease, Verdict::Complete(result));
    }
    assert_eq!(scene.lookup(&id("a")), Lookup::Expired);
    assert!(is_kept(&scene, "b") && is_kept(&scene, "c"));
}

pub(super) fn an_evicted_result_leaves_its_chosen_id_guarded(backend: &dyn Backend) {
    let limits = Limits {
        result_max: 1,
        ..Limits::default()
    };
    let scene = Scene::with_limits(backend, limits);
    complete_all(&scene, ["a", "b"].map(job));
    assert_eq!(scene.lookup(&id("a")), Lookup::Expired);
    let done = Accepted::Duplicate(State::Done);
    assert_eq!(scene.enqueue(job("a")), done);
    assert_eq!(scene.enqueue(other_task("a")), Accepted::Conflict);
    scene.pass(limits.result_ttl);
    assert_eq!(scene.lookup(&id("a")), Lookup::Unknown);
    assert_eq!(scene.enqueue(job("a")), Accepted::New(State::Ready));
}

pub(super) fn an_evicted_result_of_a_generated_id_is_forgotten(backend: &dyn Backend) {
    let limits = Limits {
        result_max: 1,
        ..Limits::default()
    };
    let scene = Scene::with_limits(backend, limits);
    complete_all(&scene, ["a", "b"].map(generated));
    assert_eq!(scene.lookup(&id("a")), Lookup::Unknown);
}

pub(super) fn no_more_ids_are_guarded_than_id_max(backend: &dyn Backend) {
    let limits = Limits {
        result_max: 1,
        id_max: 2,
        ..Limits::default()
    };
    let scene = Scene::with_limits(backend, limits);
    complete_all(&scene, ["a", "b", "c", "d"].map(job));
    let answers = ["a", "b", "c", "d"].map(|name| scene.lookup(&id(name)));
    let expected = [
        Lookup::Unknown,
        Lookup::Unknown,
        Lookup::Expired,
        Lookup::Ended(ok(&scene)),
    ];
    assert_eq!(answers, expected);
    let accepted = scene.enqueue(other_task("b"));
    assert_eq!(accepted, Accepted::New(State::Ready));
}

pub(super) fn a_later_job_of_the_same_id_has_its_own_result(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    complete_all(&scene, [job("a")]);
    scene.pass(Limits::default().result_ttl);
    scene.enqueue(other_task("a"));
    let living = Lookup::Living(State::Ready, None);
    assert_eq!(scene.lookup(&id("a")), living);
    scene.settle(&scene.run_one().lease, complete(&scene));
    assert_eq!(scene.lookup(&id("a")), Lookup::Ended(ok(&scene)));
    assert_eq!(scene.counts().done, 1);
}
