//! Two daemons with their own handles to one store.

use super::member::member;
use super::sample::*;
use super::watch::Listener;
use super::{Backend, scene::Scene};
use crate::{Accepted, Cancelled, Hold, Lookup};
use poulpe_job::State;

pub(super) fn a_job_accepted_by_one_is_known_to_the_other(backend: &dyn Backend) {
    let one = Scene::new(backend);
    let other = one.beside();
    one.enqueue(job("a"));
    let ready = Accepted::Duplicate(State::Ready);
    assert_eq!(other.enqueue(job("a")), ready);
    assert_eq!(other.enqueue(other_task("a")), Accepted::Conflict);
    assert_eq!(other.counts(), one.counts());
}

pub(super) fn a_job_is_handed_to_one_of_two_daemons(backend: &dyn Backend) {
    let one = Scene::new(backend);
    let other = one.beside();
    one.enqueue(job("a"));
    one.claim_one();
    assert!(other.is_dry(), "both got the job");
}

pub(super) fn two_daemons_share_no_lane(backend: &dyn Backend) {
    let one = Scene::new(backend);
    let other = one.beside();
    one.enqueue_groups(vec![group(["a", "b"].map(|name| confined(name, [0])))]);
    let lease = one.claim_one().lease;
    assert!(other.is_dry(), "both lease lane 0");
    one.settle(&lease, complete(&one));
    other.claim_one();
}

pub(super) fn a_lease_of_one_is_not_settled_by_the_other(backend: &dyn Backend) {
    let one = Scene::new(backend);
    let other = one.beside();
    one.enqueue(job("a"));
    let mut lease = one.run_one().lease;
    lease.incarnation = crate::Incarnation(78);
    assert_eq!(other.settle(&lease, complete(&other)), Hold::Lost);
    assert_eq!(other.state(&id("a")), State::Running);
}

pub(super) fn a_result_of_one_is_told_and_readable_to_the_other(backend: &dyn Backend) {
    let one = Scene::new(backend);
    let other = one.beside();
    let listener = Listener::of(&other);
    other.enqueue(job("a"));
    assert_eq!(other.lookup(&id("a")), Lookup::Living(State::Ready, None));
    one.settle(&one.run_one().lease, complete(&one));
    listener.hears_end_of(&id("a"));
    assert_eq!(other.lookup(&id("a")), Lookup::Ended(ok(&other)));
}

pub(super) fn work_accepted_by_one_is_told_to_the_other(backend: &dyn Backend) {
    let one = Scene::new(backend);
    let other = one.beside();
    let listener = Listener::of(&other);
    one.enqueue(job("a"));
    listener.hears_work();
}

pub(super) fn a_cancel_of_one_reaches_the_job_of_the_other(backend: &dyn Backend) {
    let one = Scene::new(backend);
    let other = one.beside();
    one.enqueue(job("a"));
    let lease = one.run_one().lease;
    assert_eq!(other.cancel(&id("a")), Cancelled::Requested);
    assert_eq!(one.renew(&lease), Hold::Cancelled);
}

pub(super) fn of_two_moves_of_a_checkpoint_one_wins(backend: &dyn Backend) {
    let one = Scene::new(backend);
    let other = one.beside();
    assert!(one.compare_and_set(moves(None, "1")));
    assert!(!other.compare_and_set(moves(None, "2")));
    assert_eq!(other.checkpoint("cursor"), Some("1".into()));
}

pub(super) fn daemons_know_each_other(backend: &dyn Backend) {
    let one = Scene::new(backend);
    let other = one.beside();
    one.beat(member(2));
    other.beat(member(1));
    let known = [&one, &other].map(|scene| scene.members(10));
    let numbers = known[0].iter().map(|view| view.member.incarnation.0);
    assert_eq!(numbers.collect::<Vec<_>>(), [1, 2]);
    assert_eq!(known[0], known[1]);
}
