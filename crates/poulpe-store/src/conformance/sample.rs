//! Jobs, verdicts and results for the cases: the dullest ones that are valid. Pure data.

use super::scene::Scene;
use crate::{Checkpoint, Claimed, Entry, Group};
use poulpe_job::{
    AttemptError, Digest, Door, Due, Job, JobId, JobResult, Kind, Lane, LaneSet, Outcome, Params,
    Priority, ReleaseReason, State, Timestamp, Verdict,
};
use std::time::Duration;

/// The wait between the attempts of a sample job.
pub(super) const RETRY_INTERVAL: Duration = Duration::from_secs(10);

pub(super) fn id(text: &str) -> JobId {
    JobId::new(text).expect("a valid id")
}

/// A job whose id the client chose.
pub(super) fn job(name: &str) -> Job {
    Job {
        id: id(name),
        id_chosen: true,
        digest: Digest([1; 16]),
        kind: Kind::GET,
        name: format!("http://localhost/{name}"),
        params: Params::default(),
        headers: vec![("x-sample".into(), name.into())],
        lanes: LaneSet::any(),
        priority: Priority::default(),
        timeout: Duration::from_secs(60),
        max_retry: 3,
        retry_interval: RETRY_INTERVAL,
        door: Door::Library,
        accepted_at: Timestamp::default(),
        due: Timestamp::default(),
    }
}

/// Another task under the same id.
pub(super) fn other_task(name: &str) -> Job {
    Job {
        digest: Digest([2; 16]),
        ..job(name)
    }
}

/// A job whose id was generated.
pub(super) fn generated(name: &str) -> Job {
    Job {
        id_chosen: false,
        ..job(name)
    }
}

/// A job confined to lanes.
pub(super) fn confined(name: &str, lanes: impl IntoIterator<Item = Lane>) -> Job {
    Job {
        lanes: LaneSet::new(lanes),
        ..job(name)
    }
}

pub(super) fn ranked(name: &str, rank: u8) -> Job {
    Job {
        priority: Priority::new(rank).expect("a valid rank"),
        ..job(name)
    }
}

pub(super) fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

pub(super) fn in_millis(count: u64) -> Due {
    Due::In(millis(count))
}

pub(super) fn ok(scene: &Scene) -> JobResult {
    JobResult {
        outcome: Outcome::Ok,
        reason: String::new(),
        state: State::Done,
        output: "an output".into(),
        status: Some(200),
        attempts: 1,
        started_at: Some(scene.now()),
        finished_at: scene.now(),
    }
}

pub(super) fn failed(scene: &Scene) -> JobResult {
    JobResult {
        outcome: Outcome::Fail,
        reason: "it broke".into(),
        state: State::Dead,
        output: String::new(),
        status: Some(500),
        ..ok(scene)
    }
}

pub(super) fn error(scene: &Scene) -> AttemptError {
    AttemptError {
        attempt: 1,
        started_at: scene.now(),
        finished_at: scene.now(),
        status: Some(500),
        reason: "it broke".into(),
    }
}

pub(super) fn complete(scene: &Scene) -> Verdict {
    Verdict::Complete(ok(scene))
}

pub(super) fn retry(scene: &Scene, due: Due) -> Verdict {
    Verdict::Retry {
        due,
        error: error(scene),
    }
}

pub(super) fn bury(scene: &Scene) -> Verdict {
    Verdict::Bury {
        result: failed(scene),
        error: error(scene),
    }
}

pub(super) fn not_started(due: Due) -> Verdict {
    Verdict::Release {
        due,
        reason: ReleaseReason::NotStarted,
    }
}

pub(super) fn interrupted(due: Due) -> Verdict {
    Verdict::Release {
        due,
        reason: ReleaseReason::Interrupted,
    }
}

pub(super) fn group(jobs: impl IntoIterator<Item = Job>) -> Group {
    let due_now = |job| Entry::new(job, Due::NOW);
    Group {
        entries: jobs.into_iter().map(due_now).collect(),
        checkpoint: None,
    }
}

pub(super) fn dead_entry(scene: &Scene, name: &str) -> Entry {
    Entry::Dead {
        job: Box::new(job(name)),
        result: failed(scene),
        error: error(scene),
    }
}

/// The move of the checkpoint "cursor".
pub(super) fn moves(from: Option<&str>, to: &str) -> Checkpoint {
    Checkpoint {
        name: "cursor".into(),
        expected: from.map(Into::into),
        next: to.into(),
    }
}

/// The ids of what was claimed, in order.
pub(super) fn names(claimed: &Claimed) -> Vec<&str> {
    let jobs = claimed.jobs.iter();
    jobs.map(|claimed| claimed.job.id.as_str()).collect()
}
