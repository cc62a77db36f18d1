//! Lanes hold: confined jobs run on their lanes only, one at a time on each.

use super::sample::*;
use super::scene::LEASE;
use super::{Backend, scene::Scene};
use crate::{Claim, Hold, Incarnation};
use poulpe_job::Due;

pub(super) fn a_confined_job_is_handed_out_for_a_lane_of_its_set(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(confined("a", [1, 3]));
    assert_eq!(names(&scene.claim(&[0, 2], 0)), Vec::<&str>::new());
    let claimed = scene.claim(&[0, 2, 3], 0);
    assert_eq!(names(&claimed), ["a"]);
    assert_eq!(claimed.jobs[0].lane, Some(3));
    assert_eq!(scene.view(&id("a")).lane, Some(3));
}

pub(super) fn a_confined_job_keeps_its_lane_to_itself(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue_groups(vec![group(["a", "b"].map(|name| confined(name, [1])))]);
    assert_eq!(names(&scene.claim(&[1], 0)), ["a"]);
    let other_daemon = Claim {
        incarnation: Incarnation(99),
        ..scene.request(&[1], 0)
    };
    let claimed = scene.claim_with(&other_daemon);
    assert_eq!(names(&claimed), Vec::<&str>::new());
}

pub(super) fn two_confined_jobs_share_no_lane_within_one_claim(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let jobs = ["a", "b", "c"].map(|name| confined(name, [1, 3]));
    scene.enqueue_groups(vec![group(jobs)]);
    let claimed = scene.claim(&[0, 1, 2, 3], 4);
    let mut lanes: Vec<_> = claimed.jobs.iter().map(|job| job.lane).collect();
    lanes.sort();
    assert_eq!(lanes, [Some(1), Some(3)]);
}

pub(super) fn a_lane_is_free_again_after_each_verdict(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let verdicts = [
        complete(&scene),
        bury(&scene),
        retry(&scene, in_millis(60_000)),
        interrupted(in_millis(60_000)),
        not_started(in_millis(60_000)),
    ];
    for (n, verdict) in verdicts.into_iter().enumerate() {
        scene.enqueue(confined(&format!("job {n}"), [0]));
        let lease = scene.claim_one().lease;
        assert_eq!(scene.settle(&lease, verdict), Hold::Held);
    }
}

pub(super) fn a_lane_is_free_again_when_the_lease_ends(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue_groups(vec![group(["a", "b"].map(|name| confined(name, [0])))]);
    scene.claim_one();
    scene.pass(LEASE - millis(1));
    assert!(scene.is_dry(), "the lane was given away before its lease");
    scene.pass(millis(1));
    scene.claim_one();
}

pub(super) fn a_renewed_lease_keeps_its_lane(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue_groups(vec![group(["a", "b"].map(|name| confined(name, [0])))]);
    let lease = scene.claim_one().lease;
    scene.pass(LEASE - millis(1));
    assert_eq!(scene.renew(&lease), Hold::Held);
    scene.pass(LEASE - millis(1));
    assert!(scene.is_dry(), "two valid leases share a lane");
}

pub(super) fn delayed_and_retried_jobs_stay_on_their_lanes(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue_due(confined("a", [2]), in_millis(10));
    scene.pass(millis(10));
    assert_eq!(names(&scene.claim(&[0, 1], 5)), Vec::<&str>::new());
    let lease = scene.claim(&[2], 0).jobs.remove(0).lease;
    scene.settle(&lease, retry(&scene, in_millis(10)));
    scene.pass(millis(10));
    assert_eq!(names(&scene.claim(&[0, 1], 5)), Vec::<&str>::new());
    assert_eq!(names(&scene.claim(&[2], 0)), ["a"]);
}

pub(super) fn a_confined_job_is_never_prefetched(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(confined("a", [0]));
    scene.enqueue(job("b"));
    let claimed = scene.claim(&[], 8);
    assert_eq!(names(&claimed), ["b"]);
    assert_eq!(claimed.jobs[0].lane, None);
}

pub(super) fn wanted_names_the_lanes_that_confined_jobs_wait_for(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(confined("a", [3, 7]));
    scene.enqueue(confined("b", [4]));
    let claimed = scene.claim(&[0], 0);
    assert_eq!(claimed.wanted, [3, 4, 7]);
    let claimed = scene.claim(&[4], 0);
    assert_eq!(claimed.wanted, [3, 7]);
    let claimed = scene.claim(&[7], 0);
    assert_eq!(claimed.wanted, Vec::<u16>::new());
}

pub(super) fn an_unconfined_job_leaves_a_wanted_lane_free_if_it_can(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    scene.enqueue(confined("b", [0]));
    let claimed = scene.claim(&[0, 1], 0);
    assert_eq!(names(&claimed), ["a", "b"]);
    assert_eq!(claimed.jobs[0].lane, Some(1));
    assert_eq!(claimed.jobs[1].lane, Some(0));
}

pub(super) fn a_blocked_lane_holds_up_nobody_else(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    for n in 0..20 {
        scene.enqueue(confined(&format!("blocked {n}"), [9]));
    }
    scene.enqueue(job("free"));
    assert_eq!(names(&scene.claim(&[0], 0)), ["free"]);
}

pub(super) fn a_prefetched_job_takes_no_lane(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("ahead"));
    let ahead = scene.claim(&[], 1).jobs.remove(0);
    scene.enqueue(confined("a", [0]));
    assert_eq!(names(&scene.claim(&[0], 0)), ["a"]);
    assert_eq!(
        scene.settle(&ahead.lease, not_started(Due::NOW)),
        Hold::Held
    );
}
