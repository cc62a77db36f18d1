//! `/v1/schedules`: lists and shows schedules, has them run, pause, resume or be reset. Never reads a cron file or decides
//! a fire time; the scheduler does. For people and their tools.

use crate::app::App;
use crate::jobs::unknown;
use crate::param;
use crate::respond::{self, Answered};
use crate::task_in_queue;
use hyper::StatusCode;
use poulpe_core::wire::{Answer, rfc3339};
use poulpe_core::{
    JobId, LastFire, ScheduleAction, ScheduleChanged, ScheduleFileView, ScheduleView, State,
};
use serde::Serialize;

/// Schedules in the list, unless told otherwise: about half a megabyte.
const DEFAULT_LIMIT: usize = 1_000;
/// Schedules in the list at most: some megabytes. Others are shown by their ids.
const MAX_LIMIT: usize = 10_000;
/// How much of a line the list shows; it may be 64 KiB long.
const LISTED_TEXT_CHARS: usize = 200;
const NONE: &str = "no schedule has this id; see /v1/schedules for those there are";
/// What can be done, as the last part of a path.
const ACTIONS: [(&str, ScheduleAction); 4] = [
    ("/run", ScheduleAction::Run),
    ("/pause", ScheduleAction::Pause),
    ("/resume", ScheduleAction::Resume),
    ("/reset", ScheduleAction::Reset),
];

#[derive(Serialize)]
struct List<'a> {
    files: Vec<File<'a>>,
    schedules: Vec<Schedule<'a>>,
    count: usize,
}

/// A cron file.
#[derive(Serialize)]
struct File<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<&'a str>,
    problems: Vec<Problem<'a>>,
}

/// What is wrong with a line. Line and column count from 1; both are 0 when the file as a whole is to blame.
#[derive(Serialize)]
struct Problem<'a> {
    line: usize,
    column: usize,
    message: &'a str,
}

impl<'a> File<'a> {
    fn new(view: &'a ScheduleFileView) -> Self {
        let problems = view.problems.iter().map(|problem| Problem {
            line: problem.line,
            column: problem.column,
            message: &problem.message,
        });
        Self {
            name: &view.name,
            missing: view.missing.as_deref(),
            problems: problems.collect(),
        }
    }
}

#[derive(Serialize)]
struct Schedule<'a> {
    id: &'a str,
    file: &'a str,
    line: usize,
    text: String,
    zone: &'a str,
    words: &'a str,
    next: Vec<String>,
    paused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    driven_to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Last<'a>>,
    missed: u64,
    skipped: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_skip: Option<Skip<'a>>,
}

/// The last fire time that gave a job.
#[derive(Serialize)]
struct Last<'a> {
    at: String,
    job: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Answer>,
}

/// The last fire time that gave none.
#[derive(Serialize)]
struct Skip<'a> {
    at: String,
    reason: &'a str,
}

impl<'a> Schedule<'a> {
    /// Everything.
    fn shown(view: &'a ScheduleView) -> Self {
        Self {
            id: &view.id,
            file: &view.file,
            line: view.line,
            text: view.text.clone(),
            zone: &view.zone,
            words: &view.words,
            next: view.next.iter().copied().map(rfc3339).collect(),
            paused: view.is_paused,
            trouble: view.trouble.as_deref(),
            driven_to: view.driven_to.map(rfc3339),
            last: view.last.as_ref().map(Last::new),
            missed: view.missed,
            skipped: view.skipped,
            last_skip: view.last_skip.as_ref().map(|(at, reason)| Skip {
                at: rfc3339(*at),
                reason,
            }),
        }
    }

    /// What may be long is cut or left out: a list of thousands holds thousands of it.
    fn listed(view: &'a ScheduleView) -> Self {
        let mut listed = Self::shown(view);
        if let Some((end, _)) = view.text.char_indices().nth(LISTED_TEXT_CHARS) {
            listed.text.truncate(end);
        }
        if let Some(result) = listed.last.as_mut().and_then(|last| last.result.as_mut()) {
            result.output = None;
        }
        listed
    }
}

impl<'a> Last<'a> {
    fn new(last: &'a LastFire) -> Self {
        let result = last.result.as_ref();
        Self {
            at: rfc3339(last.at),
            job: last.job.as_str(),
            state: last.state,
            result: result.map(|result| Answer::ended(&last.job, result)),
        }
    }
}

/// `GET /v1/schedules`: all files, and schedules in order of files and lines.
pub(crate) async fn list(app: &App, query: Option<&str>) -> Answered {
    let limit = match param::limit(query, DEFAULT_LIMIT, MAX_LIMIT) {
        Ok(limit) => limit,
        Err(reason) => return respond::refuse(StatusCode::BAD_REQUEST, reason),
    };
    let view = match app.operate.schedules(limit).await {
        Ok(view) => view,
        Err(error) => return respond::unavailable(&error),
    };
    let list = List {
        files: view.files.iter().map(File::new).collect(),
        schedules: view.schedules.iter().map(Schedule::listed).collect(),
        count: view.count,
    };
    respond::json(StatusCode::OK, &list)
}

/// `GET /v1/schedules/{id}`: one of them.
pub(crate) async fn show(app: &App, rest: &str) -> Answered {
    let id = match param::id(rest) {
        Ok(id) => id,
        Err(reason) => return respond::refuse(StatusCode::BAD_REQUEST, reason),
    };
    let schedule = match app.operate.schedule(id.as_str()).await {
        Ok(schedule) => schedule,
        Err(error) => return respond::unavailable(&error),
    };
    if let Some(schedule) = schedule {
        return respond::json(StatusCode::OK, &Schedule::shown(&schedule));
    }
    // An id may end like an action, so it was looked for first.
    if action(rest).is_some() {
        return respond::wrong_method("POST");
    }
    unknown(&id, NONE)
}

/// `POST /v1/schedules/{id}/run` and the others of [`ACTIONS`].
pub(crate) async fn change(app: &App, rest: &str) -> Answered {
    let Some((rest, action)) = action(rest) else {
        let reason =
            "nothing to do here by POST but /v1/schedules/{id}/run, /pause, /resume and /reset";
        return respond::refuse(StatusCode::NOT_FOUND, reason);
    };
    let id = match param::id(rest) {
        Ok(id) => id,
        Err(reason) => return respond::refuse(StatusCode::BAD_REQUEST, reason),
    };
    if action == ScheduleAction::Run && app.draining() {
        return respond::refuse(StatusCode::SERVICE_UNAVAILABLE, task_in_queue::DRAINING);
    }
    match app.operate.change_schedule(id.as_str(), action).await {
        Ok(ScheduleChanged::Done) => respond::answer(StatusCode::OK, &done(&id)),
        Ok(ScheduleChanged::Ran(submitted)) => task_in_queue::answer(submitted),
        Ok(ScheduleChanged::Refused(reason)) => respond::refuse(StatusCode::CONFLICT, reason),
        Ok(ScheduleChanged::Unknown) => unknown(&id, NONE),
        Err(error) => respond::unavailable(&error),
    }
}

fn done(schedule: &JobId) -> Answer {
    Answer {
        state: None,
        ..Answer::accepted(schedule, State::Done)
    }
}

/// The id and what to do with it.
fn action(rest: &str) -> Option<(&str, ScheduleAction)> {
    let mut found = ACTIONS.iter().filter_map(|(suffix, action)| {
        let id = rest.strip_suffix(suffix)?;
        Some((id, *action))
    });
    found.next()
}
