//! Verdicts: each ends its lease, once, and nobody else's.

use super::sample::*;
use super::{Backend, scene::Scene};
use crate::{Hold, Lookup, Settlement};
use poulpe_job::{Due, State, Verdict};

pub(super) fn a_completed_job_is_done_and_its_result_readable(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let lease = scene.run_one().lease;
    let result = ok(&scene);
    let settled = scene.settle(&lease, Verdict::Complete(result.clone()));
    assert_eq!(settled, Hold::Held);
    assert_eq!(scene.lookup(&id("a")), Lookup::Ended(result.clone()));
    let view = scene.view(&id("a"));
    assert_eq!((view.state, view.result), (State::Done, Some(result)));
    assert_eq!(scene.outbox(), vec![]);
    scene.pass_lease();
    assert!(scene.is_dry(), "a completed job runs again");
}

pub(super) fn a_retry_is_due_after_its_time(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let lease = scene.run_one().lease;
    let settled = scene.settle(&lease, retry(&scene, in_millis(700)));
    assert_eq!(settled, Hold::Held);
    assert_eq!(scene.state(&id("a")), State::Retrying);
    scene.pass(millis(699));
    assert!(scene.is_dry(), "retried a millisecond early");
    scene.pass(millis(1));
    scene.claim_one();
}

pub(super) fn a_retry_counts_a_failure_and_keeps_its_error(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    for failures in 1..=3 {
        let lease = scene.run_one().lease;
        let mut error = error(&scene);
        error.reason = format!("failure {failures}");
        let due = Due::NOW;
        scene.settle(&lease, Verdict::Retry { due, error });
        let view = scene.view(&id("a"));
        assert_eq!(view.progress.failures, failures);
        let kept = view.progress.errors.iter().map(|error| &*error.reason);
        let expected: Vec<_> = (1..=failures).map(|n| format!("failure {n}")).collect();
        assert_eq!(kept.collect::<Vec<_>>(), expected);
    }
    let Lookup::Living(State::Ready, Some(last)) = scene.lookup(&id("a")) else {
        panic!("a job that is to be retried lives");
    };
    assert_eq!(last.reason, "failure 3");
}

pub(super) fn a_release_is_due_after_its_time(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    for release in [not_started, interrupted] {
        let lease = scene.claim_one().lease;
        let settled = scene.settle(&lease, release(in_millis(700)));
        assert_eq!(settled, Hold::Held);
        scene.pass(millis(699));
        assert!(scene.is_dry(), "released jobs wait for their time");
        scene.pass(millis(1));
    }
    scene.claim_one();
}

pub(super) fn a_wait_is_not_cut_short_by_rounding(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    for verdict in [
        retry(&scene, in_millis(10)),
        interrupted(in_millis(10)),
        not_started(in_millis(10)),
    ] {
        let lease = scene.claim_one().lease;
        scene.pass(std::time::Duration::from_micros(700));
        scene.settle(&lease, verdict);
        scene.pass(std::time::Duration::from_micros(9_900));
        assert!(scene.is_dry(), "due after 9.9 of 10 ms");
        scene.pass(std::time::Duration::from_micros(400));
    }
}

pub(super) fn a_buried_job_is_a_dead_letter_with_result_and_outbox_item(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let lease = scene.run_one().lease;
    assert_eq!(scene.settle(&lease, bury(&scene)), Hold::Held);
    assert_eq!(scene.lookup(&id("a")), Lookup::Ended(failed(&scene)));
    let dead = scene.dead(&id("a")).expect("a dead letter");
    assert_eq!(dead.state, State::Dead);
    assert_eq!(dead.result, Some(failed(&scene)));
    assert_eq!(dead.progress.failures, 1);
    assert_eq!(dead.progress.attempts, 1);
    assert_eq!(dead.progress.errors, vec![error(&scene)]);
    let items = scene.outbox();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].job, dead);
    scene.pass_lease();
    assert!(scene.is_dry(), "a buried job runs again");
}

pub(super) fn a_verdict_after_the_end_of_the_lease_changes_nothing(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let late = scene.run_one().lease;
    scene.pass_lease();
    for verdict in every_verdict(&scene) {
        assert_eq!(scene.settle(&late, verdict), Hold::Lost);
    }
    assert!(matches!(scene.lookup(&id("a")), Lookup::Living(..)));
    let progress = scene.claim_one().progress;
    assert_eq!((progress.failures, progress.losses), (0, 1));
}

pub(super) fn a_verdict_after_another_claim_changes_nothing(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let late = scene.run_one().lease;
    scene.pass_lease();
    let current = scene.run_one().lease;
    for verdict in every_verdict(&scene) {
        assert_eq!(scene.settle(&late, verdict), Hold::Lost);
    }
    assert_eq!(scene.state(&id("a")), State::Running);
    assert_eq!(scene.view(&id("a")).progress.failures, 0);
    assert_eq!(scene.settle(&current, complete(&scene)), Hold::Held);
}

pub(super) fn a_settled_lease_cannot_be_settled_by_another(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let first = scene.run_one().lease;
    scene.settle(&first, retry(&scene, Due::NOW));
    let second = scene.run_one().lease;
    scene.settle(&second, complete(&scene));
    let mut forged = second;
    forged.nonce = forged.nonce.wrapping_add(1);
    assert_eq!(scene.settle(&forged, bury(&scene)), Hold::Lost);
    assert_eq!(scene.state(&id("a")), State::Done);
}

pub(super) fn a_repeated_verdict_is_held_and_changes_nothing(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    for (n, verdict) in every_verdict(&scene).into_iter().enumerate() {
        let name = format!("job {n}");
        scene.enqueue(job(&name));
        let lease = scene.run_one().lease;
        assert_eq!(scene.settle(&lease, verdict.clone()), Hold::Held);
        let view = scene.find(&id(&name));
        let counts = scene.counts();
        let again = scene.settle(&lease, verdict);
        assert_eq!(again, Hold::Held, "repeat of verdict {n}");
        assert_eq!(scene.find(&id(&name)), view);
        assert_eq!(scene.counts(), counts);
    }
}

pub(super) fn a_verdict_repeated_within_one_call_is_held(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let settlement = Settlement {
        lease: scene.run_one().lease,
        verdict: retry(&scene, in_millis(500)),
    };
    let twice = vec![settlement.clone(), settlement];
    assert_eq!(scene.settle_all(twice), [Hold::Held, Hold::Held]);
    assert_eq!(scene.view(&id("a")).progress.failures, 1);
}

pub(super) fn verdicts_of_one_call_are_answered_in_order(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue_groups(vec![group(["a", "b", "c"].map(job))]);
    let claimed = scene.claim(&[0, 1, 2], 0);
    let mut settlements: Vec<_> = claimed
        .jobs
        .into_iter()
        .map(|claimed| Settlement {
            lease: claimed.lease,
            verdict: complete(&scene),
        })
        .collect();
    settlements[1].lease.nonce = settlements[1].lease.nonce.wrapping_add(1);
    let holds = scene.settle_all(settlements);
    assert_eq!(holds, [Hold::Held, Hold::Lost, Hold::Held]);
    assert_eq!(scene.state(&id("b")), State::Running);
}

/// One of each; jobs that live on are due far in the future.
fn every_verdict(scene: &Scene) -> [Verdict; 5] {
    let far = in_millis(3_600_000);
    [
        complete(scene),
        retry(scene, far),
        not_started(far),
        interrupted(far),
        bury(scene),
    ]
}
