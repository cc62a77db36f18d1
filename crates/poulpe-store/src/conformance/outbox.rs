//! The outbox: dead letters stay in it until they are acknowledged, and so do results of jobs whose door replies.

use super::sample::*;
use super::{Backend, block_on::block_on, scene::Scene};
use crate::{Accepted, Cancelled, Entry, Limits, Lookup, OutboxItem, OutboxKind, Revived};
use poulpe_job::{Door, Due, Job, State};

fn bury_all(scene: &Scene, names: &[&str]) {
    for name in names {
        scene.enqueue(job(name));
        scene.settle(&scene.run_one().lease, bury(scene));
    }
}

fn ids(items: &[OutboxItem]) -> Vec<&str> {
    items.iter().map(|item| item.job.id.as_str()).collect()
}

pub(super) fn taking_gives_the_oldest_first_and_at_most_max(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    bury_all(&scene, &["c", "a", "b"]);
    let items = block_on(scene.store().take(OutboxKind::DeadLetter, 2)).expect("items");
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
    assert_eq!(accepted, Accepted::New(State::Dead));
    assert!(scene.is_dry(), "it is handed out");
    let dead = scene.dead(&id("a")).expect("a dead letter");
    assert_eq!(dead.result, Some(failed(&scene)));
    assert_eq!(dead.progress.errors, vec![error(&scene)]);
    assert_eq!(dead.job.map(|job| job.accepted_at), Some(scene.now()));
    assert_eq!(scene.lookup(&id("a")), Lookup::Ended(failed(&scene)));
    assert_eq!(ids(&scene.outbox()), ["a"]);
    let again = scene.enqueue_entry(dead_entry(&scene, "a"));
    assert_eq!(again, Accepted::Duplicate(State::Dead));
    assert_eq!(scene.counts().dead, 1);
}

/// One whose result is to be sent.
fn replying(name: &str) -> Job {
    Job {
        door: Door::KafkaReply,
        ..job(name)
    }
}

fn unsent(scene: &Scene) -> Vec<OutboxItem> {
    block_on(scene.store().take(OutboxKind::Result, 100)).expect("items")
}

fn sent(scene: &Scene, tokens: Vec<u64>) {
    block_on(scene.store().acknowledge(OutboxKind::Result, tokens)).expect("it acknowledges");
}

pub(super) fn a_result_is_kept_for_sending_only_if_its_door_replies(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(job("a"));
    scene.settle(&scene.run_one().lease, complete(&scene));
    scene.enqueue(replying("b"));
    assert_eq!(unsent(&scene), [], "before its end");
    scene.settle(&scene.run_one().lease, complete(&scene));
    let items = unsent(&scene);
    assert_eq!(ids(&items), ["b"]);
    assert_eq!(items[0].job.result, Some(ok(&scene)));
    assert_eq!(
        items[0].job.job.as_ref().map(|job| job.door),
        Some(Door::KafkaReply)
    );
    assert_eq!(scene.lookup(&id("b")), Lookup::Ended(ok(&scene)));
    let counts = scene.counts();
    assert_eq!((counts.unsent, counts.outbox, counts.done), (1, 0, 2));
}

pub(super) fn a_sent_result_is_gone_from_the_outbox_but_known_to_waiters(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    for name in ["a", "b"] {
        scene.enqueue(replying(name));
        scene.settle(&scene.run_one().lease, complete(&scene));
    }
    let token = unsent(&scene)[0].token;
    scene.acknowledge(vec![token]);
    assert_eq!(ids(&unsent(&scene)), ["a", "b"], "acknowledged as a letter");
    sent(&scene, vec![token, token, u64::MAX - 7]);
    assert_eq!(ids(&unsent(&scene)), ["b"]);
    sent(&scene, vec![token]);
    assert_eq!(ids(&unsent(&scene)), ["b"]);
    assert_eq!(scene.lookup(&id("a")), Lookup::Ended(ok(&scene)));
    assert_eq!(
        scene.enqueue(replying("a")),
        Accepted::Duplicate(State::Done)
    );
    assert_eq!((scene.counts().unsent, scene.counts().done), (1, 2));
}

pub(super) fn an_unsent_result_outlives_what_waiters_are_kept(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(replying("a"));
    scene.settle(&scene.run_one().lease, complete(&scene));
    let items = unsent(&scene);
    scene.pass(Limits::default().result_ttl * 2);
    assert_eq!(scene.lookup(&id("a")), Lookup::Unknown);
    assert_eq!(unsent(&scene), items);
    sent(&scene, vec![items[0].token]);
    assert_eq!(unsent(&scene), []);
    assert_eq!(scene.lookup(&id("a")), Lookup::Unknown, "it came back");
}

pub(super) fn every_end_of_a_replying_job_is_to_be_sent(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(replying("buried"));
    scene.settle(&scene.run_one().lease, bury(&scene));
    scene.enqueue(replying("cancelled"));
    assert_eq!(scene.cancel(&id("cancelled")), Cancelled::Done);
    let Entry::Dead {
        mut job,
        result,
        error,
    } = dead_entry(&scene, "poison")
    else {
        panic!("a dead letter");
    };
    job.door = Door::KafkaReply;
    scene.enqueue_entry(Entry::Dead { job, result, error });
    let items = unsent(&scene);
    assert_eq!(ids(&items), ["buried", "cancelled", "poison"]);
    assert!(items.iter().all(|item| item.job.result.is_some()));
    assert_eq!(ids(&scene.outbox()), ["buried", "poison"]);
    sent(&scene, items.iter().map(|item| item.token).collect());
    assert_eq!(unsent(&scene), []);
    assert_eq!(ids(&scene.outbox()), ["buried", "poison"]);
    assert_eq!(scene.counts().dead, 2);
}

pub(super) fn a_removed_dead_letter_still_sends_its_result(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(replying("a"));
    scene.settle(&scene.run_one().lease, bury(&scene));
    assert!(scene.purge(&id("a")));
    assert_eq!(scene.lookup(&id("a")), Lookup::Unknown);
    assert_eq!((scene.counts().dead, scene.counts().outbox), (0, 0));
    let items = unsent(&scene);
    assert_eq!(ids(&items), ["a"]);
    sent(&scene, vec![items[0].token]);
    assert_eq!(unsent(&scene), []);
    assert_eq!(scene.lookup(&id("a")), Lookup::Unknown);
}

pub(super) fn a_revived_dead_letter_sends_its_next_end(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    scene.enqueue(replying("a"));
    scene.settle(&scene.run_one().lease, bury(&scene));
    assert_eq!(scene.revive(&id("a")), Revived::Done);
    assert_eq!(unsent(&scene), []);
    scene.settle(&scene.run_one().lease, complete(&scene));
    let items = unsent(&scene);
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].job.result, Some(ok(&scene)));
}

pub(super) fn unsent_results_are_there_after_a_restart(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    for name in ["a", "b", "purged", "dead"] {
        scene.enqueue(replying(name));
        let verdict = match name.len() {
            1 => complete(&scene),
            _ => bury(&scene),
        };
        scene.settle(&scene.run_one().lease, verdict);
    }
    assert!(scene.purge(&id("purged")));
    let items = unsent(&scene);
    sent(&scene, vec![items[0].token]);
    scene.reopen();
    assert_eq!(ids(&unsent(&scene)), ["b", "purged", "dead"]);
    assert_eq!(scene.lookup(&id("a")), Lookup::Ended(ok(&scene)));
    assert_eq!(scene.lookup(&id("b")), Lookup::Ended(ok(&scene)));
    assert_eq!(scene.lookup(&id("purged")), Lookup::Unknown);
    sent(
        &scene,
        unsent(&scene).iter().map(|item| item.token).collect(),
    );
    scene.reopen();
    assert_eq!(unsent(&scene), []);
    assert_eq!(scene.lookup(&id("b")), Lookup::Ended(ok(&scene)));
    assert_eq!(scene.lookup(&id("purged")), Lookup::Unknown);
    assert_eq!(scene.counts().dead, 1);
}

/// A task of this id, else a dead letter of that one.
fn job_or_dead(scene: &Scene, name: &str, dead: &str) -> Entry {
    Entry::JobOr {
        job: Box::new(replying(name)),
        due: Due::NOW,
        otherwise: Box::new(dead_entry(scene, dead)),
    }
}

pub(super) fn a_conflict_leaves_the_dead_letter_meant_for_it(backend: &dyn Backend) {
    let scene = Scene::new(backend);
    let accepted = scene.enqueue_entry(job_or_dead(&scene, "a", "x"));
    assert_eq!(accepted, Accepted::New(State::Ready));
    assert_eq!(scene.counts().dead, 0, "without a conflict");
    let Entry::JobOr {
        mut job,
        due,
        otherwise,
    } = job_or_dead(&scene, "a", "y")
    else {
        panic!("a job");
    };
    job.digest.0[0] ^= 1;
    let conflicting = Entry::JobOr {
        job,
        due,
        otherwise,
    };
    assert_eq!(scene.enqueue_entry(conflicting.clone()), Accepted::Conflict);
    assert_eq!(
        scene.dead(&id("y")).map(|dead| dead.state),
        Some(State::Dead)
    );
    assert_eq!(scene.enqueue_entry(conflicting), Accepted::Conflict);
    assert_eq!((scene.counts().dead, scene.counts().ready), (1, 1));
}
