//! Starts that a claim marks: the worker needn't ask, and what was marked and never started costs a job one loss in its life.

mod common;

use common::{Server, job, wait};
use poulpe_job::{Due, ReleaseReason, Verdict};
use poulpe_store::{
    Cancelled, Claim, Claimed, Group, Hold, Incarnation, Inspect, ManualTime, Settlement, Started,
    Store, StoreExt,
};
use poulpe_store_redis::{Options, RedisStore};
use std::sync::Arc;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(15);

struct Place {
    server: Server,
    time: Arc<ManualTime>,
    store: RedisStore,
}

fn place() -> Place {
    let server = Server::start();
    let time = Arc::new(ManualTime::new(1_700_000_000_000));
    let mut options = Options::new(server.url());
    options.time = Some(time.clone());
    let store = RedisStore::open(options).expect("it opens");
    let accepted = wait(store.enqueue_one(Group::job(job("a"), Due::NOW)));
    assert!(accepted.is_ok());
    Place {
        server,
        time,
        store,
    }
}

impl Place {
    fn claim(&self, request: u64) -> Claimed {
        let claim = Claim {
            incarnation: Incarnation(1),
            request,
            idle: vec![0],
            prefetch: 0,
            lease: LEASE,
        };
        wait(self.store.claim(claim)).expect("it claims")
    }
}

#[test]
fn a_marked_start_asks_nobody() {
    let mut place = place();
    let claimed = place.claim(1);
    assert_eq!(claimed.jobs[0].progress.attempts, 0);
    place.server.kill();
    let started = wait(place.store.start(&claimed.jobs[0].lease));
    assert_eq!(started, Ok(Started::Go(1)));
}

#[test]
fn a_start_that_is_repeated_has_the_same_number() {
    let place = place();
    let lease = place.claim(1).jobs.remove(0).lease;
    for _ in 0..3 {
        assert_eq!(wait(place.store.start(&lease)), Ok(Started::Go(1)));
    }
}

#[test]
fn given_back_unstarted_a_marked_job_has_no_attempt() {
    let place = place();
    let lease = place.claim(1).jobs.remove(0).lease;
    let verdict = Verdict::Release {
        due: Due::NOW,
        reason: ReleaseReason::NotStarted,
    };
    let settled = wait(place.store.settle(vec![Settlement { lease, verdict }]));
    assert_eq!(settled, Ok(vec![Hold::Held]));
    let again = place.claim(2).jobs.remove(0);
    assert_eq!((again.progress.attempts, again.progress.losses), (0, 0));
    assert_eq!(wait(place.store.start(&again.lease)), Ok(Started::Go(1)));
}

#[test]
fn what_was_marked_and_never_started_is_one_loss_and_no_more() {
    let place = place();
    let mut losses = Vec::new();
    for request in 1..5 {
        losses.push(place.claim(request).jobs[0].progress.losses);
        place.time.advance(LEASE + Duration::from_secs(1));
    }
    assert_eq!(losses, [0, 1, 1, 1]);
}

#[test]
fn a_marked_job_that_was_cancelled_does_not_start() {
    let place = place();
    let lease = place.claim(1).jobs.remove(0).lease;
    let cancelled = wait(place.store.cancel(&lease.job));
    assert_eq!(cancelled, Ok(Cancelled::Requested));
    assert_eq!(wait(place.store.start(&lease)), Ok(Started::Cancelled));
}
