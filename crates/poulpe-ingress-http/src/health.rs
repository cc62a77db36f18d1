//! `/healthz` and `/readyz`: whether the process works, and whether it should be given work. Never asks the store
//! itself; the scheduler knows. For supervisors and load balancers.

use crate::app::App;
use crate::respond::{self, Answered};
use hyper::StatusCode;
use poulpe_core::wire::{Answer, AnswerKind};
use serde::Serialize;

#[derive(Serialize)]
struct Ready<'a> {
    ready: bool,
    checks: Vec<Check<'a>>,
}

#[derive(Serialize)]
struct Check<'a> {
    name: &'static str,
    ok: bool,
    reason: &'a str,
}

/// `GET /healthz`: red means that only a restart helps.
pub(crate) fn live(app: &App) -> Answered {
    match app.operate.health() {
        Ok(()) => {
            let well = Answer {
                result: AnswerKind::Ok,
                ..Answer::refused(None, "")
            };
            respond::answer(StatusCode::OK, &well)
        }
        Err(reason) => respond::refuse(StatusCode::INTERNAL_SERVER_ERROR, reason),
    }
}

/// `GET /readyz`: red means that work should go elsewhere.
pub(crate) fn ready(app: &App) -> Answered {
    let readiness = app.operate.readiness();
    let draining = app.draining();
    let mut checks = vec![Check {
        name: "http",
        ok: !draining,
        reason: if draining {
            "poulpe is shutting down"
        } else {
            ""
        },
    }];
    checks.extend(readiness.iter().map(|check| Check {
        name: check.name,
        ok: check.ok,
        reason: &check.reason,
    }));
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    respond::json(status, &Ready { ready, checks })
}
