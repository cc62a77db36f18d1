//! Jobs, lanes and counts as people and tools see them in JSON. Never shows the value of a task's header, which may be
//! a secret. Used by every route that shows something.

use poulpe_core::store::Counts;
use poulpe_core::wire::{Answer, rfc3339};
use poulpe_core::{AttemptError, Job, JobView, LaneState, LaneView, Params, State, Timestamp};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// How much of a name a list shows; it may be a megabyte long.
const LISTED_NAME_CHARS: usize = 200;
/// What stands for a header's value.
const HIDDEN: &str = "***";

fn time<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*at))
}

fn maybe_time<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(rfc3339).serialize(serializer)
}

/// A job in a list.
#[derive(Serialize)]
pub(crate) struct Listed<'a> {
    id: &'a str,
    state: State,
    sequence: u64,
    method: Option<&'a str>,
    name: Option<String>,
    cc: Option<String>,
    priority: Option<u8>,
    #[serde(serialize_with = "maybe_time")]
    accepted_at: Option<Timestamp>,
    #[serde(serialize_with = "maybe_time")]
    due: Option<Timestamp>,
    attempts: u32,
    failures: u32,
    last_error: Option<&'a str>,
}

impl<'a> Listed<'a> {
    pub(crate) fn new(view: &'a JobView) -> Self {
        let job = view.job.as_ref();
        let result = view.result.as_ref();
        Self {
            id: view.id.as_str(),
            state: view.state,
            sequence: view.sequence,
            method: job.map(|job| job.kind.as_str()),
            name: job.map(|job| job.name.chars().take(LISTED_NAME_CHARS).collect()),
            cc: job.map(|job| job.lanes.to_text()),
            priority: job.map(|job| job.priority.rank()),
            accepted_at: job.map(|job| job.accepted_at),
            due: job.map(|job| job.due),
            attempts: result.map_or(view.progress.attempts, |result| result.attempts),
            failures: view.progress.failures,
            last_error: view
                .progress
                .errors
                .last()
                .map(|error| error.reason.as_str()),
        }
    }
}

/// A job with everything that is known of it.
#[derive(Serialize)]
pub(crate) struct Shown<'a> {
    id: &'a str,
    state: State,
    sequence: u64,
    #[serde(flatten)]
    task: Option<Task<'a>>,
    claims: u32,
    attempts: u32,
    failures: u32,
    losses: u32,
    cancel_requested: bool,
    lane: Option<u16>,
    errors: Vec<Error<'a>>,
    result: Option<Answer>,
}

impl<'a> Shown<'a> {
    pub(crate) fn new(view: &'a JobView) -> Self {
        let result = view.result.as_ref();
        Self {
            id: view.id.as_str(),
            state: view.state,
            sequence: view.sequence,
            task: view.job.as_ref().map(Task::new),
            claims: view.progress.claims,
            attempts: result.map_or(view.progress.attempts, |result| result.attempts),
            failures: view.progress.failures,
            losses: view.progress.losses,
            cancel_requested: view.progress.cancel_requested,
            lane: view.lane,
            errors: view.progress.errors.iter().map(Error::new).collect(),
            result: result.map(|result| Answer::ended(&view.id, result)),
        }
    }
}

/// What was asked for.
#[derive(Serialize)]
struct Task<'a> {
    method: &'a str,
    name: &'a str,
    params: Arguments<'a>,
    headers: BTreeMap<&'a str, &'static str>,
    cc: String,
    priority: u8,
    timeout: f64,
    max_retry: u32,
    retry_interval: f64,
    door: &'static str,
    #[serde(serialize_with = "time")]
    accepted_at: Timestamp,
    #[serde(serialize_with = "time")]
    due: Timestamp,
}

/// Params in the form they came in.
#[derive(Serialize)]
#[serde(untagged)]
enum Arguments<'a> {
    Text(&'a str),
    List(&'a [String]),
}

impl<'a> Task<'a> {
    fn new(job: &'a Job) -> Self {
        let names = job.headers.iter().map(|(name, _)| (name.as_str(), HIDDEN));
        Self {
            method: job.kind.as_str(),
            name: &job.name,
            params: match &job.params {
                Params::Text(text) => Arguments::Text(text),
                Params::List(words) => Arguments::List(words),
            },
            headers: names.collect(),
            cc: job.lanes.to_text(),
            priority: job.priority.rank(),
            timeout: job.timeout.as_secs_f64(),
            max_retry: job.max_retry,
            retry_interval: job.retry_interval.as_secs_f64(),
            door: job.door.as_str(),
            accepted_at: job.accepted_at,
            due: job.due,
        }
    }
}

/// What went wrong in an attempt.
#[derive(Serialize)]
struct Error<'a> {
    attempt: u32,
    #[serde(serialize_with = "time")]
    started_at: Timestamp,
    #[serde(serialize_with = "time")]
    finished_at: Timestamp,
    status: Option<i32>,
    reason: &'a str,
}

impl<'a> Error<'a> {
    fn new(error: &'a AttemptError) -> Self {
        Self {
            attempt: error.attempt,
            started_at: error.started_at,
            finished_at: error.finished_at,
            status: error.status,
            reason: &error.reason,
        }
    }
}

/// A lane.
#[derive(Serialize)]
pub(crate) struct Lane<'a> {
    lane: u16,
    state: &'static str,
    job: Option<&'a str>,
    attempt: Option<u32>,
    #[serde(serialize_with = "maybe_time")]
    since: Option<Timestamp>,
    waiting: u64,
}

impl<'a> Lane<'a> {
    pub(crate) fn new(view: &'a LaneView) -> Self {
        let (state, run) = match &view.state {
            LaneState::Idle => ("idle", None),
            LaneState::Running(id, attempt, since) => ("running", Some((id, *attempt, *since))),
            LaneState::Stuck(id, attempt, since) => ("stuck", Some((id, *attempt, *since))),
        };
        Self {
            lane: view.lane,
            state,
            job: run.map(|(id, _, _)| id.as_str()),
            attempt: run.map(|(_, attempt, _)| attempt),
            since: run.map(|(_, _, since)| since),
            waiting: view.waiting,
        }
    }

    /// What waits for it and what it runs.
    pub(crate) fn load(&self) -> u64 {
        self.waiting + u64::from(self.job.is_some())
    }
}

/// How many jobs there are, by state.
#[derive(Serialize)]
pub(crate) struct Numbers {
    delayed: u64,
    ready: u64,
    running: u64,
    retrying: u64,
    dead: u64,
    done: u64,
}

impl Numbers {
    pub(crate) fn new(counts: &Counts) -> Self {
        Self {
            delayed: counts.delayed,
            ready: counts.ready,
            running: counts.running,
            retrying: counts.retrying,
            dead: counts.dead,
            done: counts.done,
        }
    }
}
