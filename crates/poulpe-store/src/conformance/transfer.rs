//! Everything that a store keeps, taken elsewhere and back.

use super::block_on::block_on;
use super::sample::*;
use super::{Backend, scene::Scene};
use crate::{Cursor, Item, JobStore, Limits, MemoryStore, Sum, Tally};
use poulpe_job::{Due, State, Timestamp};
use std::time::Duration;

/// Small, so that there are many pages.
const PAGE: usize = 3;

fn all(store: &dyn JobStore) -> Vec<Item> {
    let mut items = Vec::new();
    let mut next = Some(Cursor::default());
    while let Some(from) = next {
        let page = block_on(store.export(from, PAGE)).expect("the store works");
        items.extend(page.items);
        next = page.next;
    }
    items
}

fn import(store: &dyn JobStore, items: &[Item]) {
    for page in items.chunks(PAGE) {
        block_on(store.import(page.to_vec())).expect("the store works");
    }
}

fn sums(scene: &Scene, items: &[Item]) -> Vec<(&'static str, Sum)> {
    let mut tally = Tally::new(scene.now());
    for item in items {
        tally.add(item);
    }
    assert_eq!(tally.count(), items.len() as u64);
    tally.sums(Timestamp::default())
}

/// A store with something of everything.
fn full(backend: &dyn Backend) -> Scene {
    let scene = Scene::new(backend);
    for n in 0..8 {
        scene.enqueue(job(&format!("ready-{n}")));
        let due = in_millis(60_000 + n);
        scene.enqueue_due(job(&format!("delayed-{n}")), due);
    }
    scene.enqueue_due(confined("early", [1, 3]), Due::NOW);
    for name in ["dead-1", "dead-2"] {
        scene.enqueue(ranked(name, 0));
        scene.settle(&scene.run_one().lease, bury(&scene));
    }
    let first = scene.outbox().first().map(|item| item.token);
    scene.acknowledge(first.into_iter().collect());
    for name in ["done-1", "done-2", "done-3", "done-4"] {
        scene.enqueue(ranked(name, 0));
        scene.settle(&scene.run_one().lease, complete(&scene));
    }
    scene.enqueue(ranked("retries", 0));
    let again = retry(&scene, in_millis(90_000));
    scene.settle(&scene.run_one().lease, again);
    scene.compare_and_set(moves(None, "1"));
    scene.compare_and_set(crate::Checkpoint {
        name: "another".into(),
        expected: None,
        next: vec![0, 255, 10],
    });
    scene.enqueue(ranked("handed", 0));
    scene.claim_one();
    scene
}

pub(super) fn everything_goes_elsewhere_and_back(backend: &dyn Backend) {
    let from = full(backend);
    let items = all(&*from.store());
    let expected = sums(&from, &items);
    let counts: Vec<u64> = expected.iter().map(|(_, sum)| sum.count).collect();
    assert_eq!(counts, [8, 10, 1, 2, 1, 2, 4, 0], "{expected:?}");
    let memory = MemoryStore::in_memory(Limits::default(), from.time());
    import(&memory, &items);
    assert_eq!(sums(&from, &all(&memory)), expected, "in memory");
    let back = Scene::at(backend, from.time());
    import(&*back.store(), &all(&memory));
    assert_eq!(sums(&from, &all(&*back.store())), expected, "and back");
    let (mut there, mut here) = (from.counts(), back.counts());
    // The one that was handed out counts as waiting.
    there.running -= 1;
    there.ready += 1;
    there.waiting.clear();
    here.waiting.clear();
    assert_eq!(here, there);
    let claimed = back.claim(&[1], 0);
    assert_eq!(names(&claimed), ["handed"]);
    assert_eq!(back.state(&id("retries")), State::Retrying);
    assert_eq!(back.view(&id("retries")).progress.errors.len(), 1);
    assert_eq!(
        back.enqueue(job("done-1")),
        crate::Accepted::Duplicate(State::Done)
    );
}

pub(super) fn an_import_that_is_repeated_changes_nothing(backend: &dyn Backend) {
    let from = full(backend);
    let items = all(&*from.store());
    let to = Scene::at(backend, from.time());
    import(&*to.store(), &items[..items.len() / 2]);
    import(&*to.store(), &items);
    import(&*to.store(), &items);
    assert_eq!(sums(&from, &all(&*to.store())), sums(&from, &items));
    let counts = to.counts();
    assert_eq!(
        (counts.delayed, counts.ready, counts.dead, counts.done),
        (8, 10, 2, 4)
    );
}

pub(super) fn an_attempt_that_was_running_is_carried_as_lost(backend: &dyn Backend) {
    let from = Scene::new(backend);
    from.enqueue(job("a"));
    from.run_one();
    from.pass_lease();
    let items = all(&*from.store());
    let [Item::Job { progress, .. }] = &items[..] else {
        panic!("not one job: {items:?}");
    };
    assert_eq!(
        (progress.attempts, progress.losses, progress.errors.len()),
        (1, 1, 1)
    );
    let to = Scene::at(backend, from.time());
    import(&*to.store(), &items);
    let claimed = to.claim_one();
    assert_eq!((claimed.progress.attempts, claimed.progress.losses), (1, 1));
}

pub(super) fn a_guarded_id_is_carried_without_a_result(backend: &dyn Backend) {
    let to = Scene::new(backend);
    let guard = Item::Guard {
        sequence: 7,
        id: id("a"),
        digest: job("a").digest,
        finished_at: to.now(),
    };
    import(&*to.store(), &[guard.clone(), guard]);
    let guarded = crate::Accepted::Duplicate(State::Done);
    assert_eq!(to.enqueue(job("a")), guarded);
    assert_eq!(to.lookup(&id("a")), crate::Lookup::Expired);
    to.pass(Limits::default().result_ttl - Duration::from_millis(1));
    assert_eq!(to.enqueue(job("a")), guarded);
    to.pass(Duration::from_millis(1));
    assert_eq!(to.enqueue(job("a")), crate::Accepted::New(State::Ready));
}

pub(super) fn what_was_carried_survives_in_order(backend: &dyn Backend) {
    let from = full(backend);
    let items = all(&*from.store());
    let to = Scene::at(backend, from.time());
    import(&*to.store(), &items);
    to.reopen();
    assert_eq!(sums(&from, &all(&*to.store())), sums(&from, &items));
    assert_eq!(to.enqueue(job("new")), crate::Accepted::New(State::Ready));
    let claimed = to.claim(&[0], 3);
    assert_eq!(names(&claimed), ["handed", "ready-0", "ready-1", "ready-2"]);
}
