//! Checkpoints: values that move by compare-and-set, alone or with a group of jobs.

use super::sample::*;
use super::{Backend, scene::Scene};
use crate::{Accepted, Checkpoint, Group, GroupAnswer};
use poulpe_job::{Job, State};

fn group_moving(jobs: impl IntoIterator<Item = Job>, checkpoint: Checkpoint) -> Group {
    Group {
        checkpoint: Some(checkpoint),
        ..group(jobs)
    }
}

fn at(value: &str) -> Option<Vec<u8>> {
    Some(value.into())
}

pub(super) fn a_checkpoint_moves_from_the_expected_value(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    assert_eq!(scene.checkpoint("cursor"), None);
    assert!(scene.compare_and_set(moves(None, "1")));
    assert_eq!(scene.checkpoint("cursor"), at("1"));
    assert!(scene.compare_and_set(moves(Some("1"), "2")));
    assert_eq!(scene.checkpoint("cursor"), at("2"));
    assert_eq!(scene.checkpoint("another"), None);
}

pub(super) fn a_checkpoint_stays_if_the_value_is_another(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    assert!(!scene.compare_and_set(moves(Some("1"), "2")));
    assert_eq!(scene.checkpoint("cursor"), None);
    scene.compare_and_set(moves(None, "1"));
    assert!(!scene.compare_and_set(moves(None, "2")));
    assert!(!scene.compare_and_set(moves(Some("0"), "2")));
    assert_eq!(scene.checkpoint("cursor"), at("1"));
}

pub(super) fn a_repeated_move_is_true(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.compare_and_set(moves(None, "1"));
    assert!(scene.compare_and_set(moves(None, "1")));
    scene.compare_and_set(moves(Some("1"), ""));
    assert!(scene.compare_and_set(moves(Some("1"), "")));
    assert_eq!(scene.checkpoint("cursor"), at(""));
}

pub(super) fn a_group_moves_its_checkpoint(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let group = group_moving([job("a"), job("b")], moves(None, "1"));
    let new = Accepted::New(State::Ready);
    let expected = vec![GroupAnswer::Taken(vec![new, new])];
    assert_eq!(scene.enqueue_groups(vec![group]), expected);
    assert_eq!(scene.checkpoint("cursor"), at("1"));
    assert_eq!(scene.counts().ready, 2);
}

pub(super) fn a_group_whose_checkpoint_moved_writes_nothing(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.compare_and_set(moves(None, "1"));
    let groups = vec![
        group_moving([job("a"), job("b")], moves(None, "2")),
        group([job("c")]),
    ];
    let expected = vec![
        GroupAnswer::CheckpointMoved,
        GroupAnswer::Taken(vec![Accepted::New(State::Ready)]),
    ];
    assert_eq!(scene.enqueue_groups(groups), expected);
    assert_eq!(scene.checkpoint("cursor"), at("1"));
    assert_eq!(scene.find(&id("a")), None);
    assert_eq!(scene.counts().ready, 1);
}

pub(super) fn a_repeated_group_is_answered_with_duplicates(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let group = group_moving([job("a"), job("b")], moves(None, "1"));
    scene.enqueue_groups(vec![group.clone()]);
    scene.settle(&scene.run_one().lease, complete(&scene));
    let states = [State::Done, State::Ready];
    let expected = vec![GroupAnswer::Taken(states.map(Accepted::Duplicate).to_vec())];
    assert_eq!(scene.enqueue_groups(vec![group]), expected);
    assert_eq!(scene.counts().ready, 1);
}

pub(super) fn a_repeated_group_runs_nothing_again_after_its_ids_are_free(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let group = group_moving([job("a")], moves(None, "1"));
    scene.enqueue_groups(vec![group.clone()]);
    scene.settle(&scene.run_one().lease, complete(&scene));
    scene.pass(crate::Limits::default().result_ttl);
    let done = Accepted::Duplicate(State::Done);
    let expected = vec![GroupAnswer::Taken(vec![done])];
    assert_eq!(scene.enqueue_groups(vec![group]), expected);
    assert!(scene.is_dry(), "the job runs again");
}

pub(super) fn a_group_of_duplicates_moves_its_checkpoint_too(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    let group = group_moving([job("a"), other_task("a")], moves(None, "1"));
    let duplicate = Accepted::Duplicate(State::Ready);
    let expected = vec![GroupAnswer::Taken(vec![duplicate, Accepted::Conflict])];
    assert_eq!(scene.enqueue_groups(vec![group]), expected);
    assert_eq!(scene.checkpoint("cursor"), at("1"));
}

pub(super) fn an_empty_group_moves_its_checkpoint_too(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let groups = vec![group_moving([], moves(None, "1"))];
    let expected = vec![GroupAnswer::Taken(vec![])];
    assert_eq!(scene.enqueue_groups(groups), expected);
    assert_eq!(scene.checkpoint("cursor"), at("1"));
}
