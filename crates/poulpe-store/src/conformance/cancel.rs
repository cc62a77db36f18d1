//! Cancelling: at once if the job isn't running, else a request that whoever runs it hears.

use super::sample::*;
use super::{Backend, scene::Scene};
use crate::{Cancelled, Hold, LeaseId, Lookup, Started};
use poulpe_job::{Due, JobResult, Outcome, State};

fn cancelled_result(scene: &Scene) -> JobResult {
    let Lookup::Ended(result) = scene.lookup(&id("a")) else {
        panic!("a cancelled job has no result");
    };
    assert_eq!(result.outcome, Outcome::Fail);
    assert_eq!(result.reason, "cancelled");
    assert_eq!(result.state, State::Done);
    assert_eq!(result.finished_at, scene.now());
    assert_eq!(scene.state(&id("a")), State::Done);
    result
}

fn no_dead_letter(scene: &Scene) {
    assert_eq!(scene.dead(&id("a")), None);
    assert_eq!(scene.outbox(), vec![]);
}

fn running(backend: &dyn Backend) -> (Scene, LeaseId) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let lease = scene.run_one().lease;
    assert_eq!(scene.cancel(&id("a")), Cancelled::Requested);
    (scene, lease)
}

pub(super) fn a_waiting_job_is_cancelled_at_once(backend: &dyn Backend) {
    for due in [Due::NOW, in_millis(1_000)] {
        let scene = Scene::new(backend);
        scene.enqueue_due(job("a"), due);
        assert_eq!(scene.cancel(&id("a")), Cancelled::Done);
        assert_eq!(cancelled_result(&scene).attempts, 0);
        scene.pass(millis(1_000));
        assert!(scene.is_dry(), "a cancelled job runs");
        no_dead_letter(&scene);
        let counts = scene.counts();
        assert_eq!((counts.ready, counts.delayed, counts.done), (0, 0, 1));
    }
}

pub(super) fn a_retrying_job_is_cancelled_at_once(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    scene.settle(&scene.run_one().lease, retry(&scene, in_millis(500)));
    assert_eq!(scene.cancel(&id("a")), Cancelled::Done);
    assert_eq!(cancelled_result(&scene).attempts, 1);
    assert_eq!(scene.counts().retrying, 0);
}

pub(super) fn a_running_job_is_asked_to_stop(backend: &dyn Backend) {
    let (scene, lease) = running(backend);
    assert_eq!(scene.renew(&lease), Hold::Cancelled);
    let view = scene.view(&id("a"));
    assert_eq!(view.state, State::Running);
    assert!(view.progress.cancel_requested);
    assert_eq!(scene.cancel(&id("a")), Cancelled::Requested);
}

pub(super) fn a_claimed_job_does_not_start_after_a_cancel(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let lease = scene.claim_one().lease;
    assert_eq!(scene.cancel(&id("a")), Cancelled::Requested);
    assert_eq!(scene.start(&lease), Started::Cancelled);
    let settled = scene.settle(&lease, not_started(Due::NOW));
    assert_eq!(settled, Hold::Held);
    assert_eq!(cancelled_result(&scene).attempts, 0);
}

pub(super) fn a_renewed_lease_holds_also_after_a_cancel(backend: &dyn Backend) {
    let (scene, lease) = running(backend);
    scene.pass(super::scene::LEASE - millis(1));
    assert_eq!(scene.renew(&lease), Hold::Cancelled);
    scene.pass(super::scene::LEASE - millis(1));
    assert_eq!(scene.settle(&lease, complete(&scene)), Hold::Held);
}

pub(super) fn a_completion_stands_after_a_cancel(backend: &dyn Backend) {
    let (scene, lease) = running(backend);
    assert_eq!(scene.settle(&lease, complete(&scene)), Hold::Held);
    assert_eq!(scene.lookup(&id("a")), Lookup::Ended(ok(&scene)));
}

pub(super) fn any_other_verdict_after_a_cancel_ends_the_job_as_cancelled(backend: &dyn Backend) {
    for which in 0..4 {
        let (scene, lease) = running(backend);
        let verdict = match which {
            0 => retry(&scene, Due::NOW),
            1 => bury(&scene),
            2 => interrupted(Due::NOW),
            _ => not_started(Due::NOW),
        };
        assert_eq!(scene.settle(&lease, verdict.clone()), Hold::Held);
        cancelled_result(&scene);
        no_dead_letter(&scene);
        assert!(scene.is_dry(), "a cancelled job runs again");
        assert_eq!(scene.settle(&lease, verdict), Hold::Held, "a repeat");
    }
}

pub(super) fn a_cancelled_job_whose_lease_ends_is_done(backend: &dyn Backend) {
    let (scene, lease) = running(backend);
    scene.pass_lease();
    assert!(scene.is_dry(), "a cancelled job runs again");
    assert_eq!(cancelled_result(&scene).attempts, 1);
    no_dead_letter(&scene);
    assert_eq!(scene.settle(&lease, complete(&scene)), Hold::Lost);
}

pub(super) fn an_ended_job_cannot_be_cancelled(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    scene.settle(&scene.run_one().lease, complete(&scene));
    assert_eq!(scene.cancel(&id("a")), Cancelled::Ended(State::Done));
    assert_eq!(scene.lookup(&id("a")), Lookup::Ended(ok(&scene)));
    scene.enqueue(job("b"));
    scene.settle(&scene.run_one().lease, bury(&scene));
    assert_eq!(scene.cancel(&id("b")), Cancelled::Ended(State::Dead));
    assert_eq!(scene.counts().dead, 1);
}

pub(super) fn an_unknown_job_cannot_be_cancelled(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    assert_eq!(scene.cancel(&id("a")), Cancelled::Unknown);
}
