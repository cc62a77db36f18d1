//! `/v1/jobs`: lists, shows and cancels jobs. Never changes one in another way. For people and their tools.

use crate::app::App;
use crate::param;
use crate::respond::{self, Answered};
use crate::view::{Listed, Shown};
use hyper::StatusCode;
use poulpe_core::wire::Answer;
use poulpe_core::{Cancelled, JobId, JobView, PageRequest, State, StoreError};
use serde::Serialize;

/// Jobs on a page, unless told otherwise: a screenful.
const DEFAULT_LIMIT: usize = 100;
/// Jobs on a page at most: some hundred kilobytes.
const MAX_LIMIT: usize = 1_000;

#[derive(Serialize)]
struct List<'a> {
    jobs: Vec<Listed<'a>>,
    next: Option<u64>,
}

/// `GET /v1/jobs`: a page of jobs, of one state or of all.
pub(crate) async fn list(app: &App, query: Option<&str>) -> Answered {
    match param::state(query) {
        Ok(Some(state)) => page(app, query, &[state]).await,
        Ok(None) => page(app, query, &State::ALL).await,
        Err(reason) => respond::refuse(StatusCode::BAD_REQUEST, reason),
    }
}

/// A page of the jobs of these states, in order of acceptance.
pub(crate) async fn page(app: &App, query: Option<&str>, states: &[State]) -> Answered {
    let asked = param::after(query)
        .and_then(|after| Ok((after, param::limit(query, DEFAULT_LIMIT, MAX_LIMIT)?)));
    let (after, limit) = match asked {
        Ok((_, 0)) => {
            let reason = "`limit`: a page holds at least 1 job";
            return respond::refuse(StatusCode::BAD_REQUEST, reason);
        }
        Ok(asked) => asked,
        Err(reason) => return respond::refuse(StatusCode::BAD_REQUEST, reason),
    };
    match collect(app, states, after, limit).await {
        Ok((jobs, next)) => {
            let jobs = jobs.iter().map(Listed::new).collect();
            respond::json(StatusCode::OK, &List { jobs, next })
        }
        Err(error) => respond::unavailable(&error),
    }
}

/// The states' lists merged. Each is asked for a whole page, so nothing before the last job shown is missed; a job
/// that moves on meanwhile may be seen twice and is shown once.
async fn collect(
    app: &App,
    states: &[State],
    after: Option<u64>,
    limit: usize,
) -> Result<(Vec<JobView>, Option<u64>), StoreError> {
    let mut jobs = Vec::new();
    let mut more = false;
    for state in states {
        let request = PageRequest {
            state: *state,
            after,
            limit,
        };
        let page = app.operate.list(request).await?;
        more |= page.next.is_some();
        jobs.extend(page.jobs);
    }
    jobs.sort_by_key(|view| view.sequence);
    jobs.dedup_by_key(|view| view.sequence);
    more |= jobs.len() > limit;
    jobs.truncate(limit);
    let next = jobs
        .last()
        .filter(|_| more)
        .map(|view: &JobView| view.sequence);
    Ok((jobs, next))
}

/// `GET /v1/jobs/{id}`: everything that is known of a job.
pub(crate) async fn show(app: &App, rest: &str) -> Answered {
    let id = match param::id(rest) {
        Ok(id) => id,
        Err(reason) => return respond::refuse(StatusCode::BAD_REQUEST, reason),
    };
    match app.operate.job(&id).await {
        Ok(Some(view)) => respond::json(StatusCode::OK, &Shown::new(&view)),
        Ok(None) => unknown(
            &id,
            "no job has this id; it never had, or it ended long ago",
        ),
        Err(error) => respond::unavailable(&error),
    }
}

/// `DELETE /v1/jobs/{id}`: cancels a job.
pub(crate) async fn cancel(app: &App, rest: &str) -> Answered {
    let id = match param::id(rest) {
        Ok(id) => id,
        Err(reason) => return respond::refuse(StatusCode::BAD_REQUEST, reason),
    };
    let cancelled = match app.submit.cancel(&id).await {
        Ok(cancelled) => cancelled,
        Err(error) => return respond::unavailable(&error),
    };
    match cancelled {
        Cancelled::Done => respond::answer(StatusCode::OK, &Answer::accepted(&id, State::Done)),
        Cancelled::Requested => {
            let answer = Answer {
                reason: "it runs; its worker was asked to stop".into(),
                ..Answer::accepted(&id, State::Running)
            };
            respond::answer(StatusCode::ACCEPTED, &answer)
        }
        Cancelled::Ended(state) => {
            let answer = Answer {
                state: Some(state),
                ..Answer::refused(Some(&id), "too late: the job has ended")
            };
            respond::answer(StatusCode::CONFLICT, &answer)
        }
        Cancelled::Unknown => unknown(
            &id,
            "no job has this id; it never had, or it ended long ago",
        ),
    }
}

/// There is nothing of this id.
pub(crate) fn unknown(id: &JobId, reason: &str) -> Answered {
    respond::answer(StatusCode::NOT_FOUND, &Answer::refused(Some(id), reason))
}
