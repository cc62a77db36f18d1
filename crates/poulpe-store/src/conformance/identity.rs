//! One id, one job: duplicates, conflicts and how long an id is guarded.

use super::sample::*;
use super::{Backend, scene::Scene};
use crate::{Accepted, GroupAnswer, Limits};
use poulpe_job::{Due, State};

const NEW: Accepted = Accepted::New(State::Ready);

pub(super) fn an_accepted_job_is_found_whole(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    assert_eq!(scene.enqueue(confined("a", [1, 3])), NEW);
    let view = scene.view(&id("a"));
    assert_eq!(view.state, State::Ready);
    let mut expected = confined("a", [1, 3]);
    expected.accepted_at = scene.now();
    expected.due = scene.now();
    assert_eq!(view.job, Some(expected));
}

pub(super) fn an_unknown_job_is_not_found(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    assert_eq!(scene.find(&id("a")), None);
    assert_eq!(scene.lookup(&id("a")), crate::Lookup::Unknown);
}

pub(super) fn the_same_task_again_is_a_duplicate(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let ready = Accepted::Duplicate(State::Ready);
    assert_eq!(scene.enqueue(job("a")), ready);
    scene.claim_one();
    let running = Accepted::Duplicate(State::Running);
    assert_eq!(scene.enqueue(job("a")), running);
    assert!(scene.is_dry(), "the duplicate runs too");
}

pub(super) fn another_task_under_a_living_id_is_a_conflict(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    assert_eq!(scene.enqueue(other_task("a")), Accepted::Conflict);
    assert_eq!(scene.claim_one().job.digest, job("a").digest);
    assert!(scene.is_dry(), "the conflicting job runs too");
}

pub(super) fn duplicates_and_conflicts_are_seen_within_one_call(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let groups = vec![
        group([job("a"), job("a"), other_task("a")]),
        group([job("a"), job("b")]),
    ];
    let duplicate = Accepted::Duplicate(State::Ready);
    let expected = vec![
        GroupAnswer::Taken(vec![NEW, duplicate, Accepted::Conflict]),
        GroupAnswer::Taken(vec![duplicate, NEW]),
    ];
    assert_eq!(scene.enqueue_groups(groups), expected);
    assert_eq!(scene.counts().ready, 2);
}

pub(super) fn a_chosen_id_is_guarded_for_the_result_ttl(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    scene.settle(&scene.run_one().lease, complete(&scene));
    scene.pass(Limits::default().result_ttl - millis(1));
    let done = Accepted::Duplicate(State::Done);
    assert_eq!(scene.enqueue(job("a")), done);
    assert_eq!(scene.enqueue(other_task("a")), Accepted::Conflict);
}

pub(super) fn a_chosen_id_is_free_after_the_result_ttl(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    scene.settle(&scene.run_one().lease, complete(&scene));
    scene.pass(Limits::default().result_ttl);
    assert_eq!(scene.enqueue(other_task("a")), NEW);
    assert_eq!(scene.state(&id("a")), State::Ready);
}

pub(super) fn a_generated_id_is_a_duplicate_while_it_is_known(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(generated("a"));
    let ready = Accepted::Duplicate(State::Ready);
    assert_eq!(scene.enqueue(generated("a")), ready);
    scene.settle(&scene.run_one().lease, complete(&scene));
    let done = Accepted::Duplicate(State::Done);
    assert_eq!(scene.enqueue(generated("a")), done);
}

pub(super) fn ids_of_every_form_are_told_apart(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let long = "x".repeat(poulpe_job::MAX_ID_BYTES);
    let ids = [
        "a", "A", "a/b", "a b", "../a", "%2F", "🐙", "{a}", "a:b", "*", &long,
    ];
    for name in ids {
        assert_eq!(scene.enqueue(job(name)), NEW, "{name}");
    }
    for name in ids {
        assert_eq!(scene.view(&id(name)).id, id(name));
    }
}

pub(super) fn an_empty_call_is_answered_empty(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    assert_eq!(scene.enqueue_groups(vec![]), vec![]);
    let empty = vec![group([])];
    assert_eq!(
        scene.enqueue_groups(empty),
        vec![GroupAnswer::Taken(vec![])]
    );
}

pub(super) fn the_state_of_a_duplicate_is_the_current_one(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let later = Due::In(millis(500));
    let delayed = State::Delayed;
    assert_eq!(scene.enqueue_due(job("a"), later), Accepted::New(delayed));
    let again = scene.enqueue_due(job("a"), later);
    assert_eq!(again, Accepted::Duplicate(delayed));
    scene.pass(millis(500));
    let again = scene.enqueue_due(job("a"), later);
    assert_eq!(again, Accepted::Duplicate(State::Ready));
}
