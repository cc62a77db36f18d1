//! `/v1/dead`: lists, shows, revives and purges dead letters. Never touches their files; the scheduler does. For people
//! and their tools.

use crate::app::App;
use crate::jobs::{page, unknown};
use crate::param;
use crate::respond::{self, Answered};
use crate::view::Shown;
use hyper::StatusCode;
use poulpe_core::wire::Answer;
use poulpe_core::{Revived, State};

const NONE: &str = "no dead letter has this id";

/// `GET /v1/dead`: a page of dead letters.
pub(crate) async fn list(app: &App, query: Option<&str>) -> Answered {
    page(app, query, &[State::Dead]).await
}

/// `GET /v1/dead/{id}`: the newest dead letter of this id.
pub(crate) async fn show(app: &App, rest: &str) -> Answered {
    let id = match param::id(rest) {
        Ok(id) => id,
        Err(reason) => return respond::refuse(StatusCode::BAD_REQUEST, reason),
    };
    match app.operate.dead(&id).await {
        Ok(Some(view)) => respond::json(StatusCode::OK, &Shown::new(&view)),
        Ok(None) => unknown(&id, NONE),
        Err(error) => respond::unavailable(&error),
    }
}

/// `POST /v1/dead/{id}/revive`: puts a dead letter back.
pub(crate) async fn revive(app: &App, rest: &str) -> Answered {
    let Some(rest) = rest.strip_suffix("/revive") else {
        let reason = "nothing to do here by POST but /v1/dead/{id}/revive";
        return respond::refuse(StatusCode::NOT_FOUND, reason);
    };
    let id = match param::id(rest) {
        Ok(id) => id,
        Err(reason) => return respond::refuse(StatusCode::BAD_REQUEST, reason),
    };
    match app.operate.revive(&id).await {
        Ok(Revived::Done) => respond::answer(StatusCode::OK, &Answer::accepted(&id, State::Ready)),
        Ok(Revived::Taken) => {
            let reason = "a living job has this id now; revive it when that one has ended";
            respond::answer(StatusCode::CONFLICT, &Answer::refused(Some(&id), reason))
        }
        Ok(Revived::Unknown) => unknown(&id, NONE),
        Err(error) => respond::unavailable(&error),
    }
}

/// `DELETE /v1/dead/{id}`: removes a dead letter for good.
pub(crate) async fn purge(app: &App, rest: &str) -> Answered {
    let id = match param::id(rest) {
        Ok(id) => id,
        Err(reason) => return respond::refuse(StatusCode::BAD_REQUEST, reason),
    };
    match app.operate.purge(&id).await {
        Ok(true) => {
            let answer = Answer {
                state: None,
                ..Answer::accepted(&id, State::Dead)
            };
            respond::answer(StatusCode::OK, &answer)
        }
        Ok(false) => unknown(&id, NONE),
        Err(error) => respond::unavailable(&error),
    }
}
