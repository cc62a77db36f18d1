//! `GET /task_resp/{id}`: waits for the result of a job. Never keeps anything of it: a client that goes away takes its
//! wait along. Any number may wait for one job.

use crate::app::{App, NOT_YET};
use crate::param;
use crate::respond::{self, Answered};
use hyper::StatusCode;
use poulpe_core::Waited;
use poulpe_core::wire::Answer;
use std::time::Duration;

/// The wait of a client that doesn't say how long; poulpe 0.2's.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Long poll.
pub(crate) async fn get(app: &App, rest: &str, query: Option<&str>) -> Answered {
    let asked =
        param::id(rest).and_then(|id| Ok((id, param::seconds(query, "timeout", DEFAULT_TIMEOUT)?)));
    let (id, limit) = match asked {
        Ok(asked) => asked,
        Err(reason) => return respond::refuse(StatusCode::BAD_REQUEST, reason),
    };
    let (status, answer) = match app.wait(&id, limit).await {
        Waited::Ended(result) => (StatusCode::OK, Answer::ended(&id, &result)),
        Waited::TimedOut(state, error) => (
            StatusCode::OK,
            Answer::timeout(&id, state, error.unwrap_or_else(|| NOT_YET.into())),
        ),
        Waited::Expired => (
            StatusCode::NOT_FOUND,
            Answer::refused(Some(&id), "the job ended, but its result has expired"),
        ),
        Waited::Unknown => (
            StatusCode::NOT_FOUND,
            Answer::refused(
                Some(&id),
                "no job has this id; it never had, or it ended long ago",
            ),
        ),
        Waited::Unavailable(why) => (
            StatusCode::SERVICE_UNAVAILABLE,
            Answer::refused(Some(&id), why),
        ),
    };
    respond::answer(status, &answer)
}
