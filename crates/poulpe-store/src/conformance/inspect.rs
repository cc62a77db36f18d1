//! What people see: counts and lists.

use super::sample::*;
use super::{Backend, scene::Scene};
use crate::Counts;
use poulpe_job::{LaneSet, State};

/// A store with one job in each state, named after it, and its dead letter in the outbox.
fn one_of_each(backend: &dyn Backend) -> Scene {
    let scene = Scene::new(backend);
    let verdicts = [
        ("done", complete(&scene)),
        ("dead", bury(&scene)),
        ("retrying", retry(&scene, in_millis(5_000))),
    ];
    for (name, verdict) in verdicts {
        scene.enqueue(job(name));
        scene.settle(&scene.run_one().lease, verdict);
    }
    scene.enqueue(job("running"));
    scene.claim_one();
    scene.enqueue(job("ready"));
    scene.enqueue_due(job("delayed"), in_millis(9_000));
    scene
}

pub(super) fn counts_are_exact_for_each_state(backend: &dyn Backend) {
    let scene = one_of_each(backend);
    let expected = Counts {
        delayed: 1,
        ready: 1,
        running: 1,
        retrying: 1,
        dead: 1,
        done: 1,
        outbox: 1,
        unsent: 0,
        waiting: vec![(LaneSet::any(), 1)],
        next_due: Some(scene.now().after(millis(5_000))),
    };
    assert_eq!(scene.counts(), expected);
}

pub(super) fn counts_follow_the_clock(backend: &dyn Backend) {
    let scene = one_of_each(backend);
    scene.pass(millis(9_000));
    let counts = scene.counts();
    assert_eq!((counts.delayed, counts.retrying, counts.ready), (0, 0, 3));
    assert_eq!(counts.next_due, None);
}

pub(super) fn an_empty_store_counts_nothing(backend: &dyn Backend) {
    assert_eq!(Scene::new(backend).counts(), Counts::default());
}

pub(super) fn waiting_jobs_are_counted_by_lane_set(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    for n in 0..3 {
        scene.enqueue(confined(&format!("two lanes {n}"), [1, 3]));
    }
    scene.enqueue(confined("one lane", [3]));
    scene.enqueue(job("any"));
    scene.enqueue_due(confined("delayed", [3]), in_millis(5));
    let mut waiting = scene.counts().waiting;
    waiting.sort();
    let expected = [
        (LaneSet::any(), 1),
        (LaneSet::new([1, 3]), 3),
        (LaneSet::new([3]), 1),
    ];
    assert_eq!(waiting, expected);
}

pub(super) fn each_state_lists_its_jobs(backend: &dyn Backend) {
    let scene = one_of_each(backend);
    for state in State::ALL {
        let page = scene.list(state, None, 10);
        assert_eq!(page.next, None);
        let [view] = page.jobs.as_slice() else {
            panic!("{state}: {:?}", page.jobs);
        };
        assert_eq!(view.id.as_str(), state.as_str());
        assert_eq!(view.state, state);
        assert_eq!(*view, scene.view(&view.id), "a list shows the same");
    }
}

pub(super) fn pages_follow_each_other_without_gap_or_repeat(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let expected: Vec<String> = (0..7).map(|n| format!("job {}", 7 - n)).collect();
    for name in &expected {
        scene.enqueue(job(name));
    }
    assert_eq!(listed(&scene, State::Ready, 3), expected);
    assert_eq!(listed(&scene, State::Ready, 7), expected);
    let claimed = scene.claim(&[0, 1, 2, 3, 4, 5, 6], 0);
    assert_eq!(listed(&scene, State::Running, 2), expected);
    for claimed in claimed.jobs.iter().take(4) {
        scene.settle(&claimed.lease, complete(&scene));
    }
    for claimed in claimed.jobs.iter().skip(4) {
        scene.settle(&claimed.lease, bury(&scene));
    }
    assert_eq!(listed(&scene, State::Done, 3), expected[..4]);
    assert_eq!(listed(&scene, State::Dead, 1), expected[4..]);
}

/// The names of every job of a state, read page by page.
fn listed(scene: &Scene, state: State, limit: usize) -> Vec<String> {
    let mut names = Vec::new();
    let mut after = None;
    loop {
        let page = scene.list(state, after, limit);
        assert!(page.jobs.len() <= limit, "a page is too long");
        names.extend(page.jobs.iter().map(|view| view.id.to_string()));
        assert!(names.len() < 100, "the pages don't end");
        after = page.next;
        if after.is_none() {
            return names;
        }
    }
}

pub(super) fn the_store_says_what_it_is_and_that_it_is_well(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    assert_eq!(scene.store().health(), Ok(()));
    let stats = scene.store().stats();
    assert!(!stats.name.is_empty() && !stats.place.is_empty());
}
