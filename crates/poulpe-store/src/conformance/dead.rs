//! Dead letters: put back or removed by people.

use super::sample::*;
use super::{Backend, scene::Scene};
use crate::{Accepted, Limits, Lookup, Revived, Started};
use poulpe_job::{Due, Job, State};

fn buried(backend: &dyn Backend, job: Job) -> Scene {
    let scene = Scene::new(backend);
    scene.enqueue(job);
    scene.settle(&scene.run_one().lease, bury(&scene));
    scene
}

pub(super) fn a_revived_job_is_ready_with_fresh_retries(backend: &dyn Backend) {
    let scene = buried(backend, job("a"));
    scene.pass(millis(5_000));
    assert_eq!(scene.revive(&id("a")), Revived::Done);
    let view = scene.view(&id("a"));
    assert_eq!((view.state, view.result), (State::Ready, None));
    assert_eq!((view.progress.failures, view.progress.losses), (0, 0));
    assert_eq!(view.job.map(|job| job.due), Some(scene.now()));
    assert_eq!(scene.dead(&id("a")), None);
    let counts = scene.counts();
    assert_eq!((counts.dead, counts.outbox, counts.ready), (0, 0, 1));
}

pub(super) fn attempts_and_claims_go_on_after_a_revive(backend: &dyn Backend) {
    let scene = buried(backend, job("a"));
    scene.revive(&id("a"));
    let claimed = scene.claim_one();
    assert_eq!(claimed.progress.errors.len(), 1, "old errors are kept");
    assert_eq!(claimed.progress.claims, 2);
    assert_eq!(scene.start(&claimed.lease), Started::Go(2));
}

pub(super) fn a_revived_job_may_be_lost_afresh(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    for _ in 0..5 {
        scene.run_one();
        scene.pass_lease();
        scene.claim(&[], 0);
        scene.pass(RETRY_INTERVAL * 8);
    }
    assert_eq!(scene.revive(&id("a")), Revived::Done);
    assert_eq!(names(&scene.claim(&[], 1)), ["a"]);
}

pub(super) fn a_revived_job_can_end_again(backend: &dyn Backend) {
    let scene = buried(backend, job("a"));
    scene.revive(&id("a"));
    assert!(matches!(scene.lookup(&id("a")), Lookup::Living(..)));
    scene.settle(&scene.run_one().lease, complete(&scene));
    assert_eq!(scene.lookup(&id("a")), Lookup::Ended(ok(&scene)));
    assert_eq!(scene.state(&id("a")), State::Done);
    let counts = scene.counts();
    assert_eq!((counts.dead, counts.done, counts.outbox), (0, 1, 0));
}

pub(super) fn a_revived_jobs_result_is_kept_from_its_latest_end(backend: &dyn Backend) {
    let scene = buried(backend, job("a"));
    scene.enqueue(job("b"));
    scene.settle(&scene.run_one().lease, complete(&scene));
    scene.pass(Limits::default().result_ttl / 2);
    scene.revive(&id("a"));
    scene.settle(&scene.run_one().lease, complete(&scene));
    scene.pass(Limits::default().result_ttl / 2);
    assert_eq!(scene.state(&id("a")), State::Done);
    assert_eq!(scene.counts().done, 1, "the result of b has expired");
}

pub(super) fn reviving_again_is_unknown(backend: &dyn Backend) {
    let scene = buried(backend, job("a"));
    scene.revive(&id("a"));
    assert_eq!(scene.revive(&id("a")), Revived::Unknown);
    assert_eq!(scene.revive(&id("never heard of")), Revived::Unknown);
}

pub(super) fn a_dead_letters_id_is_free_when_its_result_expires(backend: &dyn Backend) {
    let scene = buried(backend, job("a"));
    scene.pass(Limits::default().result_ttl - millis(1));
    let dead = Accepted::Duplicate(State::Dead);
    assert_eq!(scene.enqueue(job("a")), dead);
    assert_eq!(scene.enqueue(other_task("a")), Accepted::Conflict);
    scene.pass(millis(1));
    let accepted = scene.enqueue(other_task("a"));
    assert_eq!(accepted, Accepted::New(State::Ready));
    assert_eq!(scene.state(&id("a")), State::Ready);
    assert_eq!(
        scene.dead(&id("a")).map(|dead| dead.state),
        Some(State::Dead)
    );
}

pub(super) fn a_dead_letter_is_known_as_long_as_it_lies_there(backend: &dyn Backend) {
    let scene = buried(backend, generated("a"));
    let result = failed(&scene);
    scene.pass(Limits::default().result_ttl * 2);
    assert_eq!(scene.state(&id("a")), State::Dead);
    assert_eq!(scene.lookup(&id("a")), Lookup::Ended(result));
}

pub(super) fn a_dead_letter_whose_id_is_taken_is_not_revived(backend: &dyn Backend) {
    let scene = buried(backend, job("a"));
    scene.pass(Limits::default().result_ttl);
    scene.enqueue(other_task("a"));
    assert_eq!(scene.revive(&id("a")), Revived::Taken);
    assert_eq!(
        scene.view(&id("a")).job.map(|job| job.digest),
        Some(other_task("a").digest)
    );
    assert!(scene.dead(&id("a")).is_some(), "the dead letter is gone");
}

pub(super) fn a_new_job_of_a_dead_letters_id_ends_as_itself(backend: &dyn Backend) {
    let scene = buried(backend, job("a"));
    scene.pass(Limits::default().result_ttl);
    scene.enqueue(other_task("a"));
    scene.settle(&scene.run_one().lease, complete(&scene));
    assert_eq!(scene.lookup(&id("a")), Lookup::Ended(ok(&scene)));
    assert_eq!(scene.state(&id("a")), State::Done);
    let counts = scene.counts();
    assert_eq!((counts.done, counts.dead), (1, 1));
}

pub(super) fn of_two_dead_letters_with_one_id_the_newest_counts(backend: &dyn Backend) {
    let scene = buried(backend, job("a"));
    scene.pass(Limits::default().result_ttl);
    scene.enqueue(other_task("a"));
    scene.settle(&scene.run_one().lease, bury(&scene));
    let digest = |scene: &Scene| {
        scene
            .dead(&id("a"))
            .and_then(|dead| dead.job)
            .map(|job| job.digest)
    };
    assert_eq!(scene.counts().dead, 2);
    assert_eq!(digest(&scene), Some(other_task("a").digest));
    assert!(scene.purge(&id("a")));
    assert_eq!(digest(&scene), Some(job("a").digest));
    assert!(scene.purge(&id("a")));
    assert_eq!(digest(&scene), None);
}

pub(super) fn a_purged_dead_letter_is_gone_for_good(backend: &dyn Backend) {
    let scene = buried(backend, job("a"));
    assert!(scene.purge(&id("a")));
    assert!(!scene.purge(&id("a")));
    assert_eq!(scene.find(&id("a")), None);
    assert_eq!(scene.lookup(&id("a")), Lookup::Unknown);
    assert_eq!(scene.revive(&id("a")), Revived::Unknown);
    let counts = scene.counts();
    assert_eq!((counts.dead, counts.outbox), (0, 0));
    assert_eq!(scene.enqueue(other_task("a")), Accepted::New(State::Ready));
}

pub(super) fn only_dead_letters_can_be_purged(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue_due(job("a"), Due::NOW);
    assert!(!scene.purge(&id("a")));
    scene.settle(&scene.run_one().lease, complete(&scene));
    assert!(!scene.purge(&id("a")));
    assert_eq!(scene.state(&id("a")), State::Done);
}
