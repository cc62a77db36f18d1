//! Never early, never vanished: when jobs are due and what a claim says of it.

use super::sample::*;
use super::scene::LEASE;
use super::{Backend, scene::Scene};
use crate::Accepted;
use poulpe_job::{Due, State};
use std::time::Duration;

pub(super) fn a_delayed_job_is_claimed_when_due_and_not_before(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let accepted = scene.enqueue_due(job("a"), in_millis(1_500));
    assert_eq!(accepted, Accepted::New(State::Delayed));
    scene.pass(millis(1_499));
    assert!(scene.is_dry(), "a job was handed out a millisecond early");
    assert_eq!(scene.state(&id("a")), State::Delayed);
    scene.pass(millis(1));
    assert_eq!(scene.state(&id("a")), State::Ready);
    scene.claim_one();
}

pub(super) fn a_delay_is_not_cut_short_by_rounding(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.pass(Duration::from_micros(700));
    scene.enqueue_due(job("a"), in_millis(10));
    scene.pass(Duration::from_micros(9_900));
    assert!(scene.is_dry(), "handed out after 9.9 of 10 ms");
    scene.pass(Duration::from_micros(400));
    scene.claim_one();
}

pub(super) fn a_job_due_at_a_time_waits_for_it(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let at = scene.now().after(millis(250));
    scene.enqueue_due(job("a"), Due::At(at));
    assert_eq!(scene.view(&id("a")).job.map(|job| job.due), Some(at));
    scene.pass(millis(249));
    assert!(scene.is_dry(), "a job was handed out a millisecond early");
    scene.pass(millis(1));
    scene.claim_one();
}

pub(super) fn a_job_due_in_the_past_is_ready(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let past = poulpe_job::Timestamp::from_millis(scene.now().as_millis() - 5_000);
    let accepted = scene.enqueue_due(job("a"), Due::At(past));
    assert_eq!(accepted, Accepted::New(State::Ready));
    assert_eq!(scene.claim_one().job.due, past);
}

pub(super) fn a_job_without_delay_is_ready_within_the_same_millisecond(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.pass(Duration::from_micros(300));
    scene.enqueue(job("a"));
    scene.claim_one();
}

pub(super) fn a_distant_due_time_is_kept(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let accepted = scene.enqueue_due(job("a"), Due::In(Duration::from_secs(100 * 365 * 86_400)));
    assert_eq!(accepted, Accepted::New(State::Delayed));
    assert!(scene.is_dry());
}

pub(super) fn next_due_is_none_when_nothing_waits(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    assert_eq!(scene.claim(&[0], 0).next_due, None);
}

pub(super) fn next_due_is_the_time_until_the_next_job(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue_due(job("b"), in_millis(2_000));
    scene.enqueue_due(job("a"), in_millis(500));
    assert_eq!(scene.claim(&[0], 0).next_due, Some(millis(500)));
    scene.pass(millis(499));
    assert_eq!(scene.claim(&[0], 0).next_due, Some(millis(1)));
}

pub(super) fn next_due_is_the_end_of_a_lease_if_that_comes_first(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue_due(job("b"), Due::In(2 * LEASE));
    scene.enqueue(job("a"));
    assert_eq!(scene.claim(&[0], 0).next_due, Some(LEASE));
    scene.pass(LEASE - millis(5));
    assert_eq!(scene.claim(&[], 0).next_due, Some(millis(5)));
}

pub(super) fn waiting_until_next_due_is_enough(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.pass(Duration::from_micros(250));
    scene.enqueue_due(job("a"), in_millis(3));
    let next = scene.claim(&[0], 0).next_due.expect("a job is due");
    scene.pass(next);
    scene.claim_one();
}

pub(super) fn next_due_is_never_zero_for_a_blocked_lane(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue_due(confined("a", [5]), in_millis(10));
    scene.pass(millis(10));
    let claimed = scene.claim(&[0], 0);
    assert_eq!(claimed.next_due, None, "nothing will become due by itself");
}

pub(super) fn next_due_does_not_make_a_busy_dispatcher_spin(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue_due(job("overdue"), in_millis(10));
    scene.enqueue_due(job("later"), in_millis(1_000));
    scene.pass(millis(100));
    let claimed = scene.claim(&[], 0);
    assert!(claimed.more, "an overdue job waits and more is false");
    assert_eq!(claimed.next_due, Some(millis(900)));
}
