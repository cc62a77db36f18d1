//! Starts: they number the attempts.

use super::sample::*;
use super::{Backend, scene::Scene};
use crate::Started;
use poulpe_job::Due;

pub(super) fn starts_number_the_attempts_from_one(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    for attempt in 1..=3 {
        let claimed = scene.claim_one();
        assert_eq!(claimed.progress.attempts, attempt - 1);
        assert_eq!(scene.start(&claimed.lease), Started::Go(attempt));
        scene.settle(&claimed.lease, retry(&scene, Due::NOW));
    }
}

pub(super) fn starting_one_lease_again_gives_the_same_number(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let lease = scene.claim_one().lease;
    assert_eq!(scene.start(&lease), Started::Go(1));
    assert_eq!(scene.start(&lease), Started::Go(1));
    assert_eq!(scene.view(&id("a")).progress.attempts, 1);
}

pub(super) fn a_job_released_unstarted_keeps_no_trace_of_it(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let lease = scene.claim_one().lease;
    scene.settle(&lease, not_started(Due::NOW));
    let progress = scene.claim_one().progress;
    assert_eq!(progress.claims, 2);
    assert_eq!(
        (progress.attempts, progress.failures, progress.losses),
        (0, 0, 0)
    );
    assert_eq!(progress.errors, vec![]);
}

pub(super) fn a_start_without_a_run_is_neither_failure_nor_loss(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let lease = scene.run_one().lease;
    scene.settle(&lease, not_started(Due::NOW));
    let again = scene.claim_one();
    let progress = again.progress;
    assert_eq!((progress.failures, progress.losses), (0, 0));
    assert_eq!(progress.errors, vec![]);
}

pub(super) fn an_interrupted_attempt_is_neither_failure_nor_loss(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let lease = scene.run_one().lease;
    scene.settle(&lease, interrupted(Due::NOW));
    let again = scene.claim_one();
    let progress = again.progress;
    assert_eq!((progress.failures, progress.losses), (0, 0));
    assert_eq!(progress.errors, vec![]);
    assert_eq!(scene.start(&again.lease), Started::Go(2));
}
