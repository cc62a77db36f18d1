//! Answers requests: asks the guard, finds the route, calls it. Never does a route's work itself. Shared by all
//! connections of a door.

use crate::auth::Guard;
use crate::config::HttpConfig;
use crate::pace::Pace;
use crate::requests::Requests;
use crate::respond::{self, Answered};
use crate::role::Need;
use crate::router::{Route, Routes};
use crate::ws::{self, Sockets, Upgrade};
use crate::{
    dead, health, jobs, metrics, page, schedules, shield, stats, sys_info, task_in_queue, task_resp,
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
    pub(crate) sockets: Sockets,
    pub(crate) requests: Requests,
    pub(crate) guard: Guard,
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
            requests: Requests::default(),
            sockets: Sockets::default(),
            guard,
            routes: Routes::new(),
        }
    }

    /// Answers a request.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        pace: &Pace,
        upgrade: &Upgrade,
    ) -> Answered {
        pace.request(!request.body().is_end_stream());
        let cors = self.guard.cors(request.headers());
        let mut answered = match self.guard.preflight(&request) {
            Some(answered) => answered,
            None => self.route(request, pace, upgrade).await,
        };
        shield::add_to(answered.headers_mut());
        cors.add_to(answered.headers_mut());
        let goes_on = answered.status() == StatusCode::SWITCHING_PROTOCOLS;
        // Reading on to reach the next request would cost more than a new connection.
        if !goes_on && (pace.body_unread() || self.draining()) {
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

    async fn route(&self, request: Request<Incoming>, pace: &Pace, upgrade: &Upgrade) -> Answered {
        let found = self.routes.find(request.uri().path());
        let route = found.map(|(route, _)| route);
        let answered = 'answer: {
            // Browsers can't send it the header that the guard wants.
            if route == Some(Route::WsTask) {
                break 'answer ws::open(self, request, upgrade);
            }
            // Where nothing is, only those who may come in at all are told so.
            let need = route.map_or(Need::Any, |route| route.need(request.method()));
            if let Err(refusal) = self.guard.check(&request, need) {
                break 'answer *refusal;
            }
            let Some((route, rest)) = found else {
                let reason = format!("no such route; there are {}", Routes::known());
                break 'answer respond::refuse(StatusCode::NOT_FOUND, reason);
            };
            let is_legacy = route.is_legacy() && self.config.legacy_status;
            let mut answered = if route == Route::TaskInQueue && request.method() == Method::POST {
                task_in_queue::post(self, request.into_body(), pace).await
            } else {
                self.ask(route, rest, &request).await
            };
            if is_legacy {
                *answered.status_mut() = StatusCode::OK;
            }
            answered
        };
        self.requests.note(route, answered.status());
        answered
    }

    /// Every route without a body. HEAD is GET; hyper leaves the body of the answer out.
    async fn ask(&self, route: Route, rest: &str, request: &Request<Incoming>) -> Answered {
        let (method, headers) = (request.method(), request.headers());
        let query = request.uri().query();
        let method = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        match (route, method) {
            (Route::Home, &Method::GET) => page::home(headers),
            (Route::Page, &Method::GET) => page::file_of(rest, headers),
            (Route::Metrics, &Method::GET) => metrics::get(self).await,
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
            (Route::Health, &Method::GET) => health::live(self),
            (Route::Ready, &Method::GET) => health::ready(self),
            _ => respond::wrong_method(route.allowed()),
        }
    }
}
