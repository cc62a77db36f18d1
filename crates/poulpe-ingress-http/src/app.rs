//! Answers requests: asks the guard, finds the route, calls it. Never does a route's work itself. Shared by all
//! connections of a door.

use crate::auth::Guard;
use crate::config::HttpConfig;
use crate::pace::Pace;
use crate::respond::{self, Answered};
use crate::router::{Route, Routes};
use crate::{
    daemons, dead, health, home, jobs, schedules, stats, sys_info, task_in_queue, task_resp,
};
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Method, Request, StatusCode};
use poulpe_core::{JobId, Operate, Phase, Stop, Submit, Waited};
use std::sync::Arc;
use std::time::Duration;

/// What a client whose wait is over is told when nothing went wrong so far.
pub(crate) const NOT_YET: &str = "the job has not ended yet";

/// What the routes work with.
pub(crate) struct App {
    pub(crate) config: HttpConfig,
    pub(crate) submit: Arc<dyn Submit>,
    pub(crate) operate: Arc<dyn Operate>,
    pub(crate) stop: Stop,
    guard: Guard,
    routes: Routes,
}

impl App {
    pub(crate) fn new(
        config: HttpConfig,
        guard: Guard,
        submit: Arc<dyn Submit>,
        operate: Arc<dyn Operate>,
        stop: Stop,
    ) -> Self {
        Self {
            config,
            submit,
            operate,
            stop,
            guard,
            routes: Routes::new(),
        }
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, request: Request<Incoming>, pace: &Pace) -> Answered {
        pace.request(!request.body().is_end_stream());
        let mut answered = self.route(request, pace).await;
        // Reading on to reach the next request would cost more than a new connection.
        if pace.body_unread() || self.draining() {
            answered
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        pace.answered();
        answered
    }

    /// Whether new work is refused.
    pub(crate) fn draining(&self) -> bool {
        self.stop.phase() >= Phase::Draining
    }

    /// Waits for a job's end, but not beyond the end of the shutdown, when nothing could tell it any more.
    pub(crate) async fn wait(&self, id: &JobId, limit: Duration) -> Waited {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            waited = self.submit.wait(id, limit) => waited,
            () = stop.reached(Phase::Stopped) => {
                Waited::TimedOut(None, Some("poulpe is shutting down; the job is kept".into()))
            }
        }
    }

    async fn route(&self, request: Request<Incoming>, pace: &Pace) -> Answered {
        let found = self.routes.find(request.uri().path());
        // Whoever watches the process needn't know the secret.
        let is_open = matches!(found, Some((Route::Health, _)));
        if !is_open && let Err(refusal) = self.guard.check(request.method(), request.headers()) {
            return *refusal;
        }
        let Some((route, rest)) = found else {
            let reason = format!("no such route; there are {}", Routes::known());
            return respond::refuse(StatusCode::NOT_FOUND, reason);
        };
        let is_legacy = route.is_legacy() && self.config.legacy_status;
        let mut answered = if route == Route::TaskInQueue && request.method() == Method::POST {
            task_in_queue::post(self, request.into_body(), pace).await
        } else {
            self.ask(route, request.method(), rest, request.uri().query())
                .await
        };
        if is_legacy {
            *answered.status_mut() = StatusCode::OK;
        }
        answered
    }

    /// Every route without a body. HEAD is GET; hyper leaves the body of the answer out.
    async fn ask(
        &self,
        route: Route,
        method: &Method,
        rest: &str,
        query: Option<&str>,
    ) -> Answered {
        let method = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        match (route, method) {
            (Route::Home, &Method::GET) => home::get(),
            (Route::TaskResp, &Method::GET) => task_resp::get(self, rest, query).await,
            (Route::SysInfo, &Method::GET) => sys_info::get(self, query).await,
            (Route::Jobs, &Method::GET) => jobs::list(self, query).await,
            (Route::Job, &Method::GET) => jobs::show(self, rest).await,
            (Route::Job, &Method::DELETE) => jobs::cancel(self, rest).await,
            (Route::DeadLetters, &Method::GET) => dead::list(self, query).await,
            (Route::DeadLetter, &Method::GET) => dead::show(self, rest).await,
            (Route::DeadLetter, &Method::POST) => dead::revive(self, rest).await,
            (Route::DeadLetter, &Method::DELETE) => dead::purge(self, rest).await,
            (Route::Schedules, &Method::GET) => schedules::list(self, query).await,
            (Route::Schedule, &Method::GET) => schedules::show(self, rest).await,
            (Route::Schedule, &Method::POST) => schedules::change(self, rest).await,
            (Route::Stats, &Method::GET) => stats::get(self).await,
            (Route::Daemons, &Method::GET) => daemons::get(self).await,
            (Route::Health, &Method::GET) => health::live(self),
            (Route::Ready, &Method::GET) => health::ready(self),
            _ => respond::wrong_method(route.allowed()),
        }
    }
}
