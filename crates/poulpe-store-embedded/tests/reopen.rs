//! What a store knew is known again when it is opened anew.

mod common;
use common::*;

use poulpe_job::{Due, State};
use poulpe_store::{
    Accepted, Cancelled, Checkpoint, Checkpoints, Inspect, JobStore, Lookup, Outbox, Revived,
    Started,
};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Has something done to a store, and gives the same store opened anew, as after a `kill -9`: from a copy of the
/// directory taken while the first still ran.
fn reopened(
    act: impl FnOnce(&dyn JobStore),
) -> (tempfile::TempDir, poulpe_store_embedded::EmbeddedStore) {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    act(&store);
    let crashed = copy(dir.path());
    let store = open(crashed.path());
    (crashed, store)
}

#[test]
fn jobs_are_there_in_their_order() {
    let (_dir, store) = reopened(|store| {
        for name in ["a", "b", "c"] {
            enqueue(store, name, Due::NOW);
        }
        enqueue(store, "later", Due::In(Duration::from_secs(60)));
    });
    assert_eq!(counts(&store).delayed, 1);
    assert_eq!(claim_all(&store), ["a", "b", "c"]);
}

#[test]
fn a_clean_end_keeps_as_much_as_a_crash() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    enqueue(&store, "a", Due::NOW);
    drop(store);
    assert_eq!(claim_all(&open(dir.path())), ["a"]);
}

#[test]
fn a_job_is_the_same_in_every_field() {
    let mut before = None;
    let (_dir, store) = reopened(|store| {
        enqueue(store, "a", Due::In(Duration::from_secs(1)));
        before = wait(store.job(&id("a"))).expect("it answers");
    });
    assert!(before.is_some());
    assert_eq!(wait(store.job(&id("a"))), Ok(before));
}

#[test]
fn results_and_guarded_ids_are_kept() {
    let (_dir, store) = reopened(|store| {
        enqueue(store, "a", Due::NOW);
        let claimed = claim_max(store, 1, 1);
        settle(store, &claimed[0].lease, complete("output"));
    });
    assert_eq!(
        lookup(&store, "a"),
        Lookup::Ended(result("output", State::Done))
    );
    assert_eq!(
        enqueue(&store, "a", Due::NOW),
        Accepted::Duplicate(State::Done)
    );
}

#[test]
fn dead_letters_are_kept_and_can_be_revived() {
    let (_dir, store) = reopened(|store| {
        enqueue(store, "a", Due::NOW);
        let claimed = claim_max(store, 1, 1);
        start(store, &claimed[0].lease);
        settle(store, &claimed[0].lease, bury(1));
    });
    assert_eq!(counts(&store).dead, 1);
    assert_eq!(
        wait(store.take(poulpe_store::OutboxKind::DeadLetter, 10))
            .expect("it answers")
            .len(),
        1
    );
    assert_eq!(wait(store.revive(&id("a"))), Ok(Revived::Done));
    assert_eq!(claim_all(&store), ["a"]);
}

#[test]
fn an_acknowledged_dead_letter_is_not_copied_again() {
    let (_dir, store) = reopened(|store| {
        enqueue(store, "a", Due::NOW);
        let claimed = claim_max(store, 1, 1);
        settle(store, &claimed[0].lease, bury(0));
        let items = wait(store.take(poulpe_store::OutboxKind::DeadLetter, 10)).expect("it answers");
        wait(store.acknowledge(poulpe_store::OutboxKind::DeadLetter, vec![items[0].token]))
            .expect("it acknowledges");
    });
    assert_eq!(counts(&store).dead, 1);
    assert_eq!(
        wait(store.take(poulpe_store::OutboxKind::DeadLetter, 10)),
        Ok(vec![])
    );
}

#[test]
fn purged_and_cancelled_jobs_stay_gone() {
    let (_dir, store) = reopened(|store| {
        enqueue(store, "purged", Due::NOW);
        let claimed = claim_max(store, 1, 1);
        settle(store, &claimed[0].lease, bury(0));
        assert_eq!(wait(store.purge(&id("purged"))), Ok(true));
        enqueue(store, "cancelled", Due::NOW);
        assert_eq!(wait(store.cancel(&id("cancelled"))), Ok(Cancelled::Done));
    });
    assert_eq!(counts(&store).dead, 0);
    assert_eq!(lookup(&store, "purged"), Lookup::Unknown);
    assert_eq!(claim_all(&store), Vec::<String>::new());
}

#[test]
fn checkpoints_are_kept() {
    let (_dir, store) = reopened(|store| {
        for (expected, next) in [(None, "1"), (Some("1"), "2")] {
            let checkpoint = Checkpoint {
                name: "offsets".into(),
                expected: expected.map(|text: &str| text.as_bytes().to_vec()),
                next: next.into(),
            };
            assert_eq!(wait(store.compare_and_set(checkpoint)), Ok(true));
        }
    });
    assert_eq!(wait(store.load("offsets")), Ok(Some(b"2".to_vec())));
}

#[test]
fn a_retried_job_keeps_its_errors_and_its_due_time() {
    let (_dir, store) = reopened(|store| {
        enqueue(store, "a", Due::NOW);
        let claimed = claim_max(store, 1, 1);
        start(store, &claimed[0].lease);
        let due = Due::In(Duration::from_secs(10));
        settle(store, &claimed[0].lease, retry(1, due));
    });
    let view = wait(store.job(&id("a")))
        .expect("it answers")
        .expect("it is there");
    assert_eq!(view.state, State::Retrying);
    assert_eq!(view.progress.errors, [error(1)]);
    assert_eq!(view.progress.failures, 1);
    assert_eq!(
        view.job.expect("it has a record").due.as_millis(),
        START + 10_000
    );
}

#[test]
fn a_job_that_ran_counts_as_lost_and_its_attempts_go_on() {
    let (_dir, store) = reopened(|store| {
        enqueue(store, "a", Due::NOW);
        let claimed = claim_max(store, 1, 1);
        assert_eq!(start(store, &claimed[0].lease), Started::Go(1));
    });
    let claimed = claim_max(&store, 2, 1);
    assert_eq!(claimed[0].progress.losses, 1);
    assert_eq!(start(&store, &claimed[0].lease), Started::Go(2));
}

#[test]
fn a_job_that_was_only_handed_out_is_not_lost() {
    let (_dir, store) = reopened(|store| {
        enqueue(store, "a", Due::NOW);
        claim_max(store, 1, 1);
    });
    let claimed = claim_max(&store, 2, 1);
    assert_eq!(claimed[0].progress.losses, 0);
}

#[test]
fn leases_of_the_previous_process_are_lost() {
    let mut lease = None;
    let (_dir, store) = reopened(|store| {
        enqueue(store, "a", Due::NOW);
        lease = Some(claim_max(store, 1, 1).remove(0).lease);
    });
    let lease = lease.expect("a lease");
    assert_eq!(start(&store, &lease), Started::Lost);
    assert_eq!(
        settle(&store, &lease, complete("")),
        poulpe_store::Hold::Lost
    );
}

#[test]
fn many_jobs_that_ran_are_all_due_again() {
    // More than one write of ended leases, and more than a segment of them.
    let (_dir, store) = reopened(|store| {
        for number in 0..1_500 {
            enqueue(store, &format!("{number}"), Due::NOW);
        }
        for claimed in claim_max(store, 1, 1_500) {
            start(store, &claimed.lease);
        }
    });
    assert_eq!(counts(&store).ready, 1_500);
}

#[test]
fn jobs_overdue_at_opening_are_ready() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = time();
    let store = open_at(dir.path(), &clock);
    enqueue(&store, "a", Due::In(Duration::from_secs(60)));
    drop(store);
    clock.advance(Duration::from_secs(61));
    assert_eq!(claim_all(&open_at(dir.path(), &clock)), ["a"]);
}

#[test]
fn sequences_go_on_when_nothing_is_left_of_earlier_jobs() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = time();
    let mut last = 0;
    for round in 0..5 {
        let store = open_at(dir.path(), &clock);
        let name = format!("{round}");
        enqueue(&store, &name, Due::NOW);
        let view = wait(store.job(&id(&name))).expect("it answers");
        let sequence = view.expect("it is there").sequence;
        assert!(sequence > last, "{sequence} after {last}");
        last = sequence;
        let claimed = claim_max(&store, 1, 1);
        settle(&store, &claimed[0].lease, complete(""));
        drop(store);
        clock.advance(Duration::from_secs(3_600));
        // The first opening writes the unproven end again, which may hold the last job. At the second all goes but the
        // segment in use.
        drop(open_at(dir.path(), &clock));
        let store = open_at(dir.path(), &clock);
        let deadline = Instant::now() + Duration::from_secs(20);
        while figure(&store, "segments") > 1 {
            assert!(Instant::now() < deadline, "dead segments stay");
            std::thread::yield_now();
        }
    }
}

#[test]
fn another_segment_size_changes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    for (round, segment_bytes) in [SMALL, 1 << 20, SMALL * 2].into_iter().enumerate() {
        let store = with_segment_bytes(dir.path(), segment_bytes);
        for number in 0..100 {
            enqueue(&store, &format!("{round}-{number}"), Due::NOW);
        }
        assert_eq!(counts(&store).ready, 100 * (round as u64 + 1));
    }
}

fn with_segment_bytes(dir: &Path, segment_bytes: u64) -> impl JobStore {
    let options = poulpe_store_embedded::Options {
        segment_bytes,
        ..options()
    };
    poulpe_store_embedded::EmbeddedStore::open(dir, options, time()).expect("it opens")
}

#[test]
fn a_body_larger_than_a_segment_is_kept() {
    let (_dir, store) = reopened(|store| {
        enqueue(store, "before", Due::NOW);
        let mut huge = job("huge");
        huge.params = poulpe_job::Params::Text("x".repeat(10 * SMALL as usize));
        let group = poulpe_store::Group::job(huge, Due::NOW);
        wait(store.enqueue(vec![group])).expect("it enqueues");
        enqueue(store, "after", Due::NOW);
    });
    let claimed = claim_max(&store, 1, 10);
    assert_eq!(claimed.len(), 3);
    let body = poulpe_job::Params::Text("x".repeat(10 * SMALL as usize));
    assert_eq!(claimed[1].job.params, body);
}

#[test]
fn a_store_is_shared_as_a_trait_object() {
    let dir = tempfile::tempdir().expect("a directory");
    let store: Arc<dyn JobStore> = Arc::new(open(dir.path()));
    let others: Vec<_> = (0..8)
        .map(|thread| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || {
                for number in 0..50 {
                    enqueue(&*store, &format!("{thread}-{number}"), Due::NOW);
                }
            })
        })
        .collect();
    for other in others {
        other.join().expect("it enqueues");
    }
    assert_eq!(counts(&*store).ready, 400);
}
