//! How long a lease is valid, and what its end means.

use super::sample::*;
use super::scene::LEASE;
use super::{Backend, scene::Scene};
use crate::{Claim, Hold, Incarnation, LeaseId, Started};
use poulpe_job::State;

pub(super) fn a_leased_job_is_running_until_its_lease_ends(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    scene.claim_one();
    scene.pass(LEASE - millis(1));
    assert!(scene.is_dry(), "the job was handed out during its lease");
    assert_eq!(scene.state(&id("a")), State::Running);
}

pub(super) fn a_job_is_ready_again_when_its_lease_ends(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let first = scene.claim_one();
    scene.pass_lease();
    let second = scene.claim_one();
    assert_eq!(second.job, first.job);
}

pub(super) fn an_unstarted_job_whose_lease_ends_is_not_counted(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    for claims in 1..=8 {
        let progress = scene.claim_one().progress;
        assert_eq!(progress.claims, claims);
        assert_eq!((progress.attempts, progress.losses), (0, 0));
        assert_eq!(progress.errors, vec![]);
        scene.pass_lease();
    }
}

pub(super) fn renewing_moves_the_end_of_a_lease(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let lease = scene.claim_one().lease;
    for _ in 0..4 {
        scene.pass(LEASE - millis(1));
        assert_eq!(scene.renew(&lease), Hold::Held);
        assert!(scene.is_dry(), "the job was handed out during its lease");
    }
    scene.pass_lease();
    scene.claim_one();
}

pub(super) fn an_ended_lease_cannot_be_renewed(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let lease = scene.claim_one().lease;
    scene.pass_lease();
    assert_eq!(scene.renew(&lease), Hold::Lost, "nobody took the job yet");
    assert_eq!(scene.start(&lease), Started::Lost);
    scene.claim_one();
    assert_eq!(scene.renew(&lease), Hold::Lost, "somebody took the job");
    assert_eq!(scene.start(&lease), Started::Lost);
}

pub(super) fn a_settled_lease_cannot_be_renewed(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let lease = scene.run_one().lease;
    scene.settle(&lease, complete(&scene));
    assert_eq!(scene.renew(&lease), Hold::Lost);
    assert_eq!(scene.start(&lease), Started::Lost);
}

pub(super) fn a_lease_is_compared_as_a_whole(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let lease = scene.claim_one().lease;
    let forged = [
        LeaseId {
            job: id("b"),
            ..lease.clone()
        },
        LeaseId {
            claims: lease.claims + 1,
            ..lease.clone()
        },
        LeaseId {
            incarnation: Incarnation(lease.incarnation.0 + 1),
            ..lease.clone()
        },
        LeaseId {
            nonce: lease.nonce.wrapping_add(1),
            ..lease.clone()
        },
    ];
    for forged in forged {
        assert_eq!(scene.renew(&forged), Hold::Lost, "{forged:?}");
        assert_eq!(scene.start(&forged), Started::Lost, "{forged:?}");
        let settled = scene.settle(&forged, complete(&scene));
        assert_eq!(settled, Hold::Lost, "{forged:?}");
    }
    assert_eq!(scene.renew(&lease), Hold::Held);
}

pub(super) fn the_same_request_again_gives_the_same_leases(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    scene.enqueue(confined("b", [1]));
    let request = scene.request(&[1], 1);
    let first = scene.claim_with(&request);
    scene.enqueue(job("c"));
    let again = scene.claim_with(&request);
    assert_eq!(again.jobs, first.jobs);
    assert_eq!(names(&scene.claim(&[0], 0)), ["c"]);
}

pub(super) fn the_same_request_again_leaves_out_what_has_ended(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue_groups(vec![group(["a", "b"].map(job))]);
    let request = scene.request(&[0], 1);
    let first = scene.claim_with(&request);
    scene.settle(&first.jobs[0].lease, complete(&scene));
    assert_eq!(names(&scene.claim_with(&request)), ["b"]);
    scene.pass_lease();
    assert_eq!(names(&scene.claim_with(&request)), Vec::<&str>::new());
}

pub(super) fn equal_requests_of_two_incarnations_are_two_requests(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue_groups(vec![group(["a", "b"].map(job))]);
    let request = scene.request(&[0], 0);
    let of_other = Claim {
        incarnation: Incarnation(99),
        ..request.clone()
    };
    assert_eq!(names(&scene.claim_with(&request)), ["a"]);
    assert_eq!(names(&scene.claim_with(&of_other)), ["b"]);
}
