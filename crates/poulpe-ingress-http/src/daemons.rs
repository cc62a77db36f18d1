//! `GET /v1/daemons`: every daemon that shares the store. Never asks the others; each tells the store by itself. For people
//! and their tools.

use crate::app::App;
use crate::respond::{self, Answered};
use hyper::StatusCode;
use poulpe_core::store::MemberRun;
use poulpe_core::wire::rfc3339;
use poulpe_core::{DaemonView, Overview};
use serde::Serialize;

/// A daemon.
#[derive(Serialize)]
pub(crate) struct Daemon<'a> {
    /// As text: a number of JavaScript isn't wide enough.
    id: String,
    this: bool,
    gone: bool,
    stopping: bool,
    host: &'a str,
    pid: u32,
    address: &'a str,
    version: &'a str,
    started_at: String,
    heartbeat: String,
    silent: f64,
    workers: u16,
    busy: u16,
    runs: Vec<Run<'a>>,
}

/// What one of its lanes runs.
#[derive(Serialize)]
struct Run<'a> {
    lane: u16,
    job: &'a str,
    attempt: u32,
    since: String,
}

impl<'a> Daemon<'a> {
    pub(crate) fn all(overview: &'a Overview) -> Vec<Self> {
        overview.daemons.iter().map(Self::new).collect()
    }

    fn new(view: &'a DaemonView) -> Self {
        let member = &view.member;
        Self {
            id: member.incarnation.0.to_string(),
            this: view.is_this,
            gone: view.is_gone,
            stopping: member.stopping,
            host: &member.host,
            pid: member.pid,
            address: &member.address,
            version: &member.version,
            started_at: rfc3339(member.started_at),
            heartbeat: rfc3339(view.beat_at),
            silent: view.silent.as_secs_f64(),
            workers: member.workers,
            busy: member.busy,
            runs: member.runs.iter().map(Run::new).collect(),
        }
    }
}

impl<'a> Run<'a> {
    fn new(run: &'a MemberRun) -> Self {
        Self {
            lane: run.lane,
            job: run.job.as_str(),
            attempt: run.attempt,
            since: rfc3339(run.since),
        }
    }
}

#[derive(Serialize)]
struct Daemons<'a> {
    daemons: Vec<Daemon<'a>>,
}

/// All of them.
pub(crate) async fn get(app: &App) -> Answered {
    match app.operate.overview().await {
        Ok(overview) => {
            let daemons = Daemon::all(&overview);
            respond::json(StatusCode::OK, &Daemons { daemons })
        }
        Err(error) => respond::unavailable(&error),
    }
}
