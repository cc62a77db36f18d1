//! Losses: workers that vanish while an attempt runs, and jobs that make them.

use super::sample::*;
use super::{Backend, scene::Scene};
use crate::{Lookup, Started};
use poulpe_job::{Outcome, State};

/// How many losses bury a job.
const LAST_LOSS: u32 = 5;

/// Starts the only job and lets its worker vanish, `times` over.
fn lose(scene: &Scene, times: u32) {
    for _ in 0..times {
        scene.run_one();
        scene.pass_lease();
        // A claim deals with the ended lease; from here on the job waits.
        scene.claim(&[], 0);
        scene.pass(RETRY_INTERVAL * 3 / 2 * LAST_LOSS);
    }
}

pub(super) fn a_started_job_whose_lease_ends_counts_a_loss(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    scene.run_one();
    scene.pass_lease();
    let again = scene.claim_one();
    assert_eq!((again.progress.losses, again.progress.failures), (1, 0));
    assert_eq!(
        again.progress.errors.len(),
        1,
        "the loss is told as an error"
    );
    assert_eq!(scene.start(&again.lease), Started::Go(2));
}

pub(super) fn a_job_lost_once_runs_again_at_once(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    scene.run_one();
    scene.pass_lease();
    assert_eq!(names(&scene.claim(&[], 1)), ["a"]);
}

pub(super) fn a_job_lost_twice_waits(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    scene.run_one();
    scene.pass_lease();
    scene.run_one();
    scene.pass_lease();
    assert!(scene.is_dry(), "it runs again at once");
    assert_eq!(scene.state(&id("a")), State::Retrying);
    // Twice the interval, half of it more or less.
    scene.pass(RETRY_INTERVAL - millis(1));
    assert!(scene.is_dry(), "it runs again before half the wait");
    scene.pass(RETRY_INTERVAL * 2 + millis(2));
    assert_eq!(scene.claim_one().progress.losses, 2);
}

pub(super) fn a_job_lost_twice_is_not_prefetched(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    lose(&scene, 2);
    let claimed = scene.claim(&[], 4);
    assert_eq!(names(&claimed), Vec::<&str>::new());
    assert!(claimed.wants_any, "it waits for an idle lane");
    let claimed = scene.claim(&[6], 0);
    assert_eq!(names(&claimed), ["a"]);
    assert_eq!(claimed.jobs[0].lane, Some(6));
    assert!(!claimed.wants_any, "nothing waits any more");
}

pub(super) fn a_job_lost_four_times_still_lives(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    lose(&scene, LAST_LOSS - 1);
    let again = scene.run_one();
    assert_eq!(again.progress.losses, LAST_LOSS - 1);
}

pub(super) fn the_fifth_loss_buries(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    lose(&scene, LAST_LOSS);
    assert!(scene.is_dry(), "it goes round for ever");
    assert_eq!(scene.state(&id("a")), State::Dead);
    assert_eq!(scene.outbox().len(), 1);
    let Lookup::Ended(result) = scene.lookup(&id("a")) else {
        panic!("a buried job has no result");
    };
    assert_eq!(result.outcome, Outcome::Fail);
    assert_eq!(result.state, State::Dead);
    assert_eq!(result.attempts, LAST_LOSS);
}

pub(super) fn failures_and_losses_are_counted_apart(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let lease = scene.run_one().lease;
    scene.settle(&lease, retry(&scene, poulpe_job::Due::NOW));
    scene.run_one();
    scene.pass_lease();
    let progress = scene.claim_one().progress;
    assert_eq!((progress.failures, progress.losses), (1, 1));
    assert_eq!(progress.errors.len(), 2);
}
