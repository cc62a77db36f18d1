//! `POST /task_in_queue`: takes one task or an array, and waits for results where that was asked. Never answers before
//! the scheduler has said that the tasks are durable.

use crate::app::{App, NOT_YET};
use crate::body;
use crate::pace::Pace;
use crate::respond::{self, Answered};
use futures_util::future::join_all;
use hyper::StatusCode;
use hyper::body::Incoming;
use poulpe_core::wire::{Answer, parse_batch};
use poulpe_core::{Door, JobId, State, Submitted, Waited};
use std::time::Duration;

/// What a client with a new task is told during a shutdown.
pub(crate) const DRAINING: &str =
    "poulpe is shutting down and takes no new tasks; retry, or ask another one";

/// What a client whose `id` isn't free is told.
pub(crate) const TAKEN_BY_ANOTHER: &str =
    "another task has this `id`; choose a new one, or send exactly the same task to repeat it";

/// What one task is answered.
struct Reply {
    status: StatusCode,
    answer: Answer,
}

/// A task whose client wants to wait: its place among the replies, its job and its state when it was taken.
struct Wait {
    place: usize,
    id: JobId,
    state: State,
    limit: Duration,
}

/// Takes tasks.
pub(crate) async fn post(app: &App, body: Incoming, pace: &Pace) -> Answered {
    if app.draining() {
        return respond::refuse(StatusCode::SERVICE_UNAVAILABLE, DRAINING);
    }
    let body = match body::read(body, pace).await {
        Ok(body) => body,
        Err(bad) => return bad.answer(),
    };
    let (parsed, is_array) = match parse_batch(&body) {
        Ok(parsed) => parsed,
        Err(bad) => return respond::refuse(StatusCode::BAD_REQUEST, bad.to_string()),
    };
    // Up to 16 MiB, and some clients wait for an hour.
    drop(body);

    let mut wishes = Vec::with_capacity(parsed.len());
    let mut tasks = Vec::with_capacity(parsed.len());
    for task in parsed {
        wishes.push(task.map(|task| {
            let limit = task.wait;
            tasks.push(task);
            limit
        }));
    }
    let submitted = if tasks.is_empty() {
        Vec::new()
    } else {
        app.submit.submit(tasks, Door::Http).await
    };
    let mut submitted = submitted.into_iter();

    let mut replies = Vec::with_capacity(wishes.len());
    let mut waits = Vec::new();
    for wish in wishes {
        let limit = match wish {
            Ok(limit) => limit,
            Err(bad) => {
                replies.push(refused(StatusCode::BAD_REQUEST, None, bad.to_string()));
                continue;
            }
        };
        let taken = submitted
            .next()
            .unwrap_or_else(|| Submitted::Busy(None, "the scheduler gave no answer".into()));
        if let Submitted::Accepted(id, state) | Submitted::Duplicate(id, state) = &taken
            && limit > Duration::ZERO
        {
            waits.push(Wait {
                place: replies.len(),
                id: id.clone(),
                state: *state,
                limit,
            });
        }
        replies.push(reply(taken));
    }
    let ended = waits.into_iter().map(|wait| async move {
        let answer = outcome(app, &wait).await;
        (wait.place, answer)
    });
    for (place, answer) in join_all(ended).await {
        replies[place].answer = answer;
    }
    if is_array {
        return all(&replies);
    }
    match replies.pop() {
        Some(reply) => respond::answer(reply.status, &reply.answer),
        None => respond::refuse(StatusCode::BAD_REQUEST, "there is no task in the body"),
    }
}

/// Answers one task that nobody waits for.
pub(crate) fn answer(submitted: Submitted) -> Answered {
    let reply = reply(submitted);
    respond::answer(reply.status, &reply.answer)
}

fn refused(status: StatusCode, id: Option<&JobId>, reason: impl Into<String>) -> Reply {
    let answer = Answer::refused(id, reason);
    Reply { status, answer }
}

fn reply(submitted: Submitted) -> Reply {
    match submitted {
        Submitted::Accepted(id, state) | Submitted::Duplicate(id, state) => Reply {
            status: StatusCode::OK,
            answer: Answer::accepted(&id, state),
        },
        Submitted::Conflict(id) => refused(StatusCode::CONFLICT, Some(&id), TAKEN_BY_ANOTHER),
        Submitted::Refused(id, bad) => {
            refused(StatusCode::BAD_REQUEST, id.as_ref(), bad.to_string())
        }
        Submitted::Busy(id, reason) => {
            refused(StatusCode::SERVICE_UNAVAILABLE, id.as_ref(), reason)
        }
    }
}

/// How a job ended, or that it was accepted and its end isn't known: then a client must not take it for refused and
/// send it again.
async fn outcome(app: &App, wait: &Wait) -> Answer {
    let (state, reason) = match app.wait(&wait.id, wait.limit).await {
        Waited::Ended(result) => return Answer::ended(&wait.id, &result),
        Waited::TimedOut(state, error) => (state, error.unwrap_or_else(|| NOT_YET.into())),
        Waited::Expired => (None, "it ended, but its result has expired".into()),
        Waited::Unknown => (None, "it was accepted, but is no longer known".into()),
        Waited::Unavailable(why) => (
            None,
            format!("it was accepted, but can't be waited for: {why}"),
        ),
    };
    Answer::timeout(&wait.id, state.or(Some(wait.state)), reason)
}

/// An array was understood, whatever became of its tasks; unless there was no room for any.
fn all(replies: &[Reply]) -> Answered {
    let is_busy = |reply: &Reply| reply.status == StatusCode::SERVICE_UNAVAILABLE;
    let none_had_room = !replies.is_empty() && replies.iter().all(is_busy);
    let status = if none_had_room {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    let answers: Vec<&Answer> = replies.iter().map(|reply| &reply.answer).collect();
    respond::json(status, &answers)
}
