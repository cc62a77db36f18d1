//! Jobs as a store takes them, and how they end.

use crate::{NOOP, Noop};
use poulpe_core::store::{Group, Hold, LeaseId, Settlement};
use poulpe_core::{
    Digest, Door, Due, Job, JobId, JobResult, JobStore, Kind, LaneSet, Outcome, Params, Priority,
    State, Timestamp, Verdict,
};
use std::time::Duration;

/// A job whose record in the log of the embedded store has about `len` bytes.
pub fn job(number: usize, len: usize) -> Job {
    /// What a record has besides the params: its head, the id, the digest and the other fields.
    const OTHER_FIELDS: usize = 90;
    Job {
        id: JobId::new(&format!("{number:020}")).expect("a good id"),
        id_chosen: false,
        digest: Digest([7; 16]),
        kind: Kind::new(NOOP),
        name: "x".into(),
        params: Params::Text("p".repeat(len.saturating_sub(OTHER_FIELDS))),
        headers: Vec::new(),
        lanes: LaneSet::any(),
        priority: Priority::default(),
        timeout: Duration::from_secs(60),
        max_retry: 3,
        retry_interval: Duration::from_secs(10),
        door: Door::Library,
        accepted_at: Timestamp::from_millis(0),
        due: Timestamp::from_millis(0),
    }
}

/// Has a store accept jobs, each on its own.
pub async fn enqueue(store: &dyn JobStore, jobs: impl IntoIterator<Item = Job>, due: Due) {
    let groups = jobs.into_iter().map(|job| Group::job(job, due)).collect();
    store.enqueue(groups).await.expect("it enqueues");
}

/// Ends leases with success.
pub async fn complete(store: &dyn JobStore, leases: impl IntoIterator<Item = LeaseId>) {
    // Not an old time: the store would forget such a result at once.
    let now = Timestamp::from_millis((Noop::now() / 1_000_000) as i64);
    let result = JobResult {
        outcome: Outcome::Ok,
        reason: String::new(),
        state: State::Done,
        output: String::new(),
        status: Some(200),
        attempts: 1,
        started_at: Some(now),
        finished_at: now,
    };
    let settlements = leases.into_iter().map(|lease| Settlement {
        lease,
        verdict: Verdict::Complete(result.clone()),
    });
    let held = store.settle(settlements.collect()).await;
    let held = held.expect("it settles");
    assert!(held.iter().all(|hold| *hold == Hold::Held), "{held:?}");
}
