//! The outbox: dead letters stay in it until they are acknowledged.

use super::sample::*;
use super::{Backend, block_on::block_on, scene::Scene};
use crate::OutboxItem;
use poulpe_job::State;

fn bury_all(scene: &Scene, names: &[&str]) {
    for name in names {
        scene.enqueue(job(name));
        scene.settle(&scene.run_one().lease, bury(scene));
    }
}

fn ids(items: &[OutboxItem]) -> Vec<&str> {
    items.iter().map(|item| item.dead.id.as_str()).collect()
}

pub(super) fn taking_gives_the_oldest_first_and_at_most_max(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    bury_all(&scene, &["c", "a", "b"]);
    let items = block_on(scene.store().take(2)).expect("items");
    assert_eq!(ids(&items), ["c", "a"]);
    assert_eq!(scene.counts().outbox, 3);
}

pub(super) fn taking_changes_nothing(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    bury_all(&scene, &["a", "b"]);
    assert_eq!(scene.outbox(), scene.outbox());
    assert_eq!(scene.outbox().len(), 2);
}

pub(super) fn an_acknowledged_item_is_gone_but_its_dead_letter_stays(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    bury_all(&scene, &["a", "b"]);
    let dead = scene.dead(&id("a"));
    scene.acknowledge(vec![scene.outbox()[0].token]);
    assert_eq!(ids(&scene.outbox()), ["b"]);
    assert_eq!(scene.dead(&id("a")), dead);
    let counts = scene.counts();
    assert_eq!((counts.outbox, counts.dead), (1, 2));
}

pub(super) fn acknowledging_again_or_an_unknown_token_is_ignored(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    bury_all(&scene, &["a", "b"]);
    let token = scene.outbox()[0].token;
    scene.acknowledge(vec![token, token]);
    scene.acknowledge(vec![token, u64::MAX - 7]);
    assert_eq!(ids(&scene.outbox()), ["b"]);
}

pub(super) fn a_job_dead_from_the_start_is_a_dead_letter(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let accepted = scene.enqueue_entry(dead_entry(&scene, "a"));
    assert_eq!(accepted, crate::Accepted::New(State::Dead));
    assert!(scene.is_dry(), "it is handed out");
    let dead = scene.dead(&id("a")).expect("a dead letter");
    assert_eq!(dead.result, Some(failed(&scene)));
    assert_eq!(dead.progress.errors, vec![error(&scene)]);
    assert_eq!(dead.job.map(|job| job.accepted_at), Some(scene.now()));
    assert_eq!(scene.lookup(&id("a")), crate::Lookup::Ended(failed(&scene)));
    assert_eq!(ids(&scene.outbox()), ["a"]);
    let again = scene.enqueue_entry(dead_entry(&scene, "a"));
    assert_eq!(again, crate::Accepted::Duplicate(State::Dead));
    assert_eq!(scene.counts().dead, 1);
}
