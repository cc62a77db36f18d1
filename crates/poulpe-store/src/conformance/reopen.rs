//! What a store that is closed and opened again still knows. Leases end with the process or by time; the cases let
//! both happen.

use super::sample::*;
use super::{Backend, scene::Scene};
use crate::{Accepted, Cancelled, Hold, Limits, Lookup, Revived, Started};
use poulpe_job::{Due, State, Verdict};

/// Closes the store, opens it again and lets the leases of before end.
fn restart(scene: &Scene) {
    scene.reopen();
    scene.pass_lease();
}

pub(super) fn waiting_jobs_survive_in_order(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(ranked("second", 5));
    scene.enqueue(confined("third", [0]));
    scene.enqueue(ranked("first", 0));
    let before = scene.list(State::Ready, None, 10);
    scene.reopen();
    assert_eq!(scene.list(State::Ready, None, 10), before);
    let claimed = scene.claim(&[0, 1, 2], 0);
    assert_eq!(names(&claimed), ["first", "second", "third"]);
}

pub(super) fn delayed_jobs_survive_and_are_not_early(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue_due(job("a"), in_millis(1_000));
    scene.pass(millis(999));
    scene.reopen();
    assert!(scene.is_dry(), "handed out a millisecond early");
    scene.pass(millis(1));
    scene.claim_one();
}

pub(super) fn jobs_that_fell_due_meanwhile_are_ready(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue_due(job("a"), in_millis(1_000));
    scene.pass(millis(5_000));
    scene.reopen();
    assert_eq!(scene.state(&id("a")), State::Ready);
    scene.claim_one();
}

pub(super) fn a_claimed_job_is_ready_again_and_not_counted(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let late = scene.claim_one().lease;
    restart(&scene);
    assert_eq!(scene.settle(&late, complete(&scene)), Hold::Lost);
    let progress = scene.claim_one().progress;
    assert_eq!((progress.attempts, progress.losses), (0, 0));
}

pub(super) fn a_started_job_counts_a_loss_and_its_number_is_not_used_again(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(confined("a", [0]));
    let late = scene.run_one().lease;
    restart(&scene);
    assert_eq!(scene.settle(&late, complete(&scene)), Hold::Lost);
    let again = scene.claim_one();
    assert_eq!(again.progress.losses, 1);
    assert_eq!(scene.start(&again.lease), Started::Go(2));
}

pub(super) fn a_loss_is_counted_once(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    scene.run_one();
    restart(&scene);
    let lease = scene.claim_one().lease;
    restart(&scene);
    assert_eq!(scene.settle(&lease, complete(&scene)), Hold::Lost);
    let again = scene.claim_one();
    assert_eq!(again.progress.losses, 1, "the second attempt never started");
    assert_eq!(scene.start(&again.lease), Started::Go(2));
}

pub(super) fn a_job_that_kills_the_process_is_buried(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    for _ in 0..5 {
        scene.run_one();
        restart(&scene);
        scene.claim(&[], 0);
        scene.pass(RETRY_INTERVAL * 8);
    }
    assert!(scene.is_dry(), "it goes round for ever");
    assert_eq!(scene.state(&id("a")), State::Dead);
}

pub(super) fn retries_survive_with_counts_and_errors(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    scene.settle(&scene.run_one().lease, retry(&scene, in_millis(60_000)));
    let before = scene.view(&id("a"));
    scene.reopen();
    assert_eq!(scene.view(&id("a")), before);
    assert_eq!(before.state, State::Retrying);
    scene.pass(millis(59_999));
    assert!(scene.is_dry(), "retried a millisecond early");
    scene.pass(millis(1));
    assert_eq!(scene.claim_one().progress.failures, 1);
}

pub(super) fn released_jobs_survive_without_a_trace(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    for (number, release) in [(1, interrupted as fn(Due) -> Verdict), (2, not_started)] {
        let lease = scene.claim_one().lease;
        assert_eq!(scene.start(&lease), Started::Go(number));
        scene.settle(&lease, release(Due::NOW));
        restart(&scene);
        let progress = scene.view(&id("a")).progress;
        assert_eq!((progress.failures, progress.losses), (0, 0));
    }
    scene.claim_one();
}

pub(super) fn results_and_guards_survive(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    scene.settle(&scene.run_one().lease, complete(&scene));
    let result = ok(&scene);
    scene.pass(Limits::default().result_ttl - millis(1));
    scene.reopen();
    assert_eq!(scene.lookup(&id("a")), Lookup::Ended(result));
    let done = Accepted::Duplicate(State::Done);
    assert_eq!(scene.enqueue(job("a")), done);
    assert_eq!(scene.enqueue(other_task("a")), Accepted::Conflict);
    scene.pass(millis(1));
    assert_eq!(scene.lookup(&id("a")), Lookup::Unknown);
    assert_eq!(scene.enqueue(job("a")), Accepted::New(State::Ready));
}

pub(super) fn limits_hold_after_reopening(backend: &dyn Backend) {
    let limits = Limits {
        result_max: 2,
        ..Limits::default()
    };
    let scene = Scene::with_limits(backend, limits);
    for name in ["a", "b", "c"] {
        scene.enqueue(job(name));
        scene.settle(&scene.run_one().lease, complete(&scene));
    }
    scene.reopen();
    assert_eq!(scene.lookup(&id("a")), Lookup::Expired);
    assert_eq!(scene.counts().done, 2);
}

pub(super) fn dead_letters_and_the_outbox_survive(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    for name in ["a", "b"] {
        scene.enqueue(job(name));
        scene.settle(&scene.run_one().lease, bury(&scene));
    }
    scene.enqueue_entry(dead_entry(&scene, "c"));
    scene.acknowledge(vec![scene.outbox()[0].token]);
    let letters = scene.list(State::Dead, None, 10);
    let outbox = scene.outbox();
    scene.reopen();
    assert_eq!(scene.list(State::Dead, None, 10), letters);
    assert_eq!(scene.outbox(), outbox);
    assert_eq!(outbox.len(), 2);
    assert_eq!(scene.lookup(&id("a")), Lookup::Ended(failed(&scene)));
}

pub(super) fn what_people_did_survives(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    for name in ["revived", "purged"] {
        scene.enqueue(job(name));
        scene.settle(&scene.run_one().lease, bury(&scene));
    }
    assert_eq!(scene.revive(&id("revived")), Revived::Done);
    assert!(scene.purge(&id("purged")));
    scene.enqueue_due(job("cancelled"), in_millis(10));
    assert_eq!(scene.cancel(&id("cancelled")), Cancelled::Done);
    scene.reopen();
    assert_eq!(scene.state(&id("revived")), State::Ready);
    assert_eq!(scene.find(&id("purged")), None);
    assert_eq!(scene.state(&id("cancelled")), State::Done);
    assert_eq!(scene.counts().dead, 0);
    assert_eq!(scene.start(&scene.claim_one().lease), Started::Go(2));
}

pub(super) fn a_job_cancelled_while_it_ran_does_not_run_again(backend: &dyn Backend) {
    for starts in [true, false] {
        let scene = Scene::new(backend);
        scene.enqueue(job("a"));
        let lease = scene.claim_one().lease;
        if starts {
            scene.start(&lease);
        }
        scene.cancel(&id("a"));
        restart(&scene);
        assert!(scene.is_dry(), "a cancelled job runs again");
        assert_eq!(scene.state(&id("a")), State::Done);
    }
}

pub(super) fn checkpoints_survive(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.compare_and_set(moves(None, "1"));
    let mut group = group([job("a")]);
    group.checkpoint = Some(moves(Some("1"), "2"));
    scene.enqueue_groups(vec![group.clone()]);
    scene.reopen();
    assert_eq!(scene.checkpoint("cursor"), Some("2".into()));
    let duplicate = vec![Accepted::Duplicate(State::Ready)];
    let repeated = scene.enqueue_groups(vec![group]);
    assert_eq!(repeated, vec![crate::GroupAnswer::Taken(duplicate)]);
}

pub(super) fn new_jobs_come_after_old_ones(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("old"));
    scene.reopen();
    scene.enqueue(job("new"));
    assert!(scene.view(&id("new")).sequence > scene.view(&id("old")).sequence);
    assert_eq!(names(&scene.claim(&[0, 1], 0)), ["old", "new"]);
}

pub(super) fn counts_survive(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let verdicts = [
        complete(&scene),
        bury(&scene),
        retry(&scene, in_millis(600_000)),
    ];
    for (n, verdict) in verdicts.into_iter().enumerate() {
        scene.enqueue(job(&format!("job {n}")));
        scene.settle(&scene.run_one().lease, verdict);
    }
    scene.enqueue(confined("ready", [3]));
    scene.enqueue_due(job("delayed"), in_millis(600_000));
    let before = scene.counts();
    scene.reopen();
    assert_eq!(scene.counts(), before);
}
