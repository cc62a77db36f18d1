//! The order in which jobs are handed out, and how many.

use super::sample::*;
use super::{Backend, scene::Scene};
use poulpe_job::Due;

pub(super) fn lower_rank_goes_first(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    for (name, rank) in [("last", 9), ("middle", 5), ("first", 0)] {
        scene.enqueue(ranked(name, rank));
    }
    let claimed = scene.claim(&[0, 1, 2], 0);
    assert_eq!(names(&claimed), ["first", "middle", "last"]);
}

pub(super) fn earlier_due_goes_first_among_equals(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    for (name, wait) in [("third", 30), ("first", 10), ("second", 20)] {
        scene.enqueue_due(job(name), in_millis(wait));
    }
    scene.pass(millis(50));
    scene.enqueue(job("fourth"));
    let claimed = scene.claim(&[0, 1, 2, 3], 0);
    assert_eq!(names(&claimed), ["first", "second", "third", "fourth"]);
}

pub(super) fn earlier_accepted_goes_first_among_equals(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let expected = ["z", "b", "y", "a"];
    scene.enqueue_groups(vec![group(expected.map(job))]);
    assert_eq!(names(&scene.claim(&[0, 1, 2, 3], 0)), expected);
}

pub(super) fn order_holds_across_lane_sets(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(ranked("last", 6));
    scene.enqueue(confined("second", [0, 1, 2]));
    let mut first = confined("first", [1, 2]);
    first.priority = ranked("x", 0).priority;
    scene.enqueue(first);
    let claimed = scene.claim(&[0, 1, 2], 0);
    assert_eq!(names(&claimed), ["first", "second", "last"]);
}

pub(super) fn no_more_is_handed_out_than_asked_for(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue_groups(vec![group(["a", "b", "c", "d", "e"].map(job))]);
    let claimed = scene.claim(&[0, 1], 1);
    assert_eq!(names(&claimed), ["a", "b", "c"]);
    assert!(claimed.more, "two jobs are left and more is false");
    let claimed = scene.claim(&[0, 1], 1);
    assert_eq!(names(&claimed), ["d", "e"]);
    assert!(!claimed.more, "nothing is left and more is true");
}

pub(super) fn idle_lanes_get_work_before_anything_is_prefetched(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue_groups(vec![group(["a", "b", "c"].map(job))]);
    let claimed = scene.claim(&[4, 7], 1);
    let mut lanes: Vec<_> = claimed.jobs.iter().map(|job| job.lane).collect();
    assert_eq!(lanes.pop(), Some(None), "the last one is prefetched");
    lanes.sort();
    assert_eq!(lanes, [Some(4), Some(7)]);
}

pub(super) fn a_claim_of_nothing_hands_out_nothing(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let claimed = scene.claim(&[], 0);
    assert_eq!(names(&claimed), Vec::<&str>::new());
    assert!(claimed.more, "a ready job waits and more is false");
    assert_eq!(names(&scene.claim(&[0], 0)), ["a"]);
}

pub(super) fn a_job_is_handed_out_once(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    assert_eq!(scene.claim_one().progress.claims, 1);
    assert!(scene.is_dry(), "the job was handed out twice");
}

pub(super) fn every_lease_is_another(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let first = scene.claim_one().lease;
    scene.settle(&first, not_started(Due::NOW));
    let second = scene.claim_one().lease;
    assert_ne!(first, second);
    assert_eq!((first.claims, second.claims), (1, 2));
}

pub(super) fn overdue_jobs_are_moved_in_bounded_steps(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let jobs = (0..10).map(|n| job(&format!("job {n}")));
    let entries = jobs.map(|job| crate::Entry::new(job, in_millis(10)));
    scene.enqueue_groups(vec![crate::Group {
        entries: entries.collect(),
        checkpoint: None,
    }]);
    scene.pass(millis(10));
    let mut claims = 0;
    let mut jobs = 0;
    loop {
        let claimed = scene.claim(&[0], 0);
        assert!(claimed.jobs.len() <= 1, "more than asked for");
        jobs += claimed.jobs.len();
        claims += 1;
        if !claimed.more {
            break;
        }
        assert!(claims < 100, "more stays true for ever");
    }
    assert_eq!(jobs, 10, "more became false before all were handed out");
}
