//! Daemons that tell of themselves.

use super::sample::*;
use super::{Backend, scene::Scene};
use crate::{Incarnation, Member, MemberRun};
use poulpe_job::Timestamp;
use std::time::Duration;

/// How long a daemon is kept in mind.
pub(super) const KEEP: Duration = Duration::from_secs(30);

pub(super) fn member(incarnation: u64) -> Member {
    let run = MemberRun {
        lane: 2,
        job: id("a job"),
        attempt: 3,
        since: Timestamp::from_millis(17),
    };
    Member {
        incarnation: Incarnation(incarnation),
        host: "über".into(),
        pid: 4_711,
        version: "1.2.3".into(),
        address: "127.0.0.1:8000".into(),
        started_at: Timestamp::from_millis(5),
        workers: 4,
        busy: 1,
        runs: vec![run],
        stopping: false,
    }
}

pub(super) fn a_daemon_that_told_of_itself_is_known(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    assert_eq!(scene.members(10), []);
    scene.beat(member(u64::MAX));
    let told_at = scene.now();
    scene.pass(Duration::from_secs(2));
    let known = scene.members(10);
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].member, member(u64::MAX));
    assert_eq!(known[0].beat_at, told_at);
    assert_eq!(known[0].silent, Duration::from_secs(2));
}

pub(super) fn a_daemon_that_tells_again_replaces_what_it_told(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.beat(member(1));
    scene.pass(KEEP / 2);
    let idle = Member {
        runs: vec![],
        busy: 0,
        stopping: true,
        ..member(1)
    };
    scene.beat(idle.clone());
    scene.pass(KEEP / 2);
    let known = scene.members(10);
    assert_eq!(known.len(), 1);
    assert_eq!((&known[0].member, known[0].silent), (&idle, KEEP / 2));
}

pub(super) fn a_daemon_that_left_is_no_longer_known(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.beat(member(1));
    scene.beat(member(2));
    for _ in 0..2 {
        scene.leave(Incarnation(1));
        let known = scene.members(10);
        assert_eq!(known.len(), 1);
        assert_eq!(known[0].member.incarnation, Incarnation(2));
    }
}

pub(super) fn a_daemon_that_fell_silent_is_forgotten_in_time(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.beat(member(1));
    scene.pass(KEEP - Duration::from_millis(1));
    assert_eq!(scene.members(10).len(), 1);
    scene.pass(Duration::from_millis(1));
    assert_eq!(scene.members(10), []);
}

pub(super) fn no_more_daemons_are_listed_than_asked_for(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    for incarnation in 1..=5 {
        scene.beat(member(incarnation));
    }
    assert_eq!(scene.members(3).len(), 3);
    assert_eq!(scene.members(5).len(), 5);
}
