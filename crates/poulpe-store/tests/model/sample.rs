//! Jobs, verdicts and results as the store gets them.

use super::pair::{id, wait_of};
use super::reference::{ModelJob, RETRY_INTERVAL};
use poulpe_job::{
    AttemptError, Digest, Door, Job, JobResult, Kind, LaneSet, Outcome, Params, Priority,
    ReleaseReason, State, Timestamp, Verdict,
};
use std::time::Duration;

pub(crate) fn job(model: &ModelJob) -> Job {
    Job {
        id: id(model.id),
        id_chosen: true,
        digest: Digest([model.digest; 16]),
        kind: Kind::GET,
        name: "http://localhost/".into(),
        params: Params::default(),
        headers: vec![],
        lanes: LaneSet::new(model.lanes.clone()),
        priority: Priority::new(model.rank).expect("a valid rank"),
        timeout: Duration::from_secs(60),
        max_retry: 3,
        retry_interval: Duration::from_millis(RETRY_INTERVAL.unsigned_abs()),
        door: Door::Library,
        accepted_at: Timestamp::default(),
        due: Timestamp::default(),
    }
}

/// The verdicts by number.
pub(crate) fn verdict(number: u8, wait: i64, now: i64) -> Verdict {
    let due = wait_of(wait);
    match number {
        0 => Verdict::Complete(result("done", State::Done, now)),
        1 => Verdict::Bury {
            result: result("dead", State::Dead, now),
            error: error(now),
        },
        2 => Verdict::Retry {
            due,
            error: error(now),
        },
        3 => Verdict::Release {
            due,
            reason: ReleaseReason::Interrupted,
        },
        _ => Verdict::Release {
            due,
            reason: ReleaseReason::NotStarted,
        },
    }
}

pub(crate) fn result(reason: &str, state: State, now: i64) -> JobResult {
    JobResult {
        outcome: Outcome::Fail,
        reason: reason.into(),
        state,
        output: String::new(),
        status: None,
        attempts: 1,
        started_at: None,
        finished_at: Timestamp::from_millis(now),
    }
}

pub(crate) fn error(now: i64) -> AttemptError {
    AttemptError {
        attempt: 1,
        started_at: Timestamp::from_millis(now),
        finished_at: Timestamp::from_millis(now),
        status: None,
        reason: "it broke".into(),
    }
}
