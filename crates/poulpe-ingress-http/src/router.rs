//! Which route a path is. Never looks at methods or queries. Built once per door.

use crate::role::Need;
use hyper::Method;
use matchit::Router;

/// A route of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Route {
    Home,
    Page,
    Metrics,
    TaskInQueue,
    TaskResp,
    SysInfo,
    WsTask,
    Jobs,
    Job,
    DeadLetters,
    DeadLetter,
    Schedules,
    Schedule,
    Stats,
    Health,
    Ready,
}

/// Every route with its path. Ids take the rest of the path, so that a slash in one needn't be encoded.
pub(crate) const ROUTES: [(&str, Route); 16] = [
    ("/", Route::Home),
    ("/page/{*id}", Route::Page),
    ("/metrics", Route::Metrics),
    (TASK_IN_QUEUE, Route::TaskInQueue),
    ("/task_resp/{*id}", Route::TaskResp),
    ("/sys_info", Route::SysInfo),
    ("/ws_task", Route::WsTask),
    ("/v1/jobs", Route::Jobs),
    ("/v1/jobs/{*id}", Route::Job),
    ("/v1/dead", Route::DeadLetters),
    ("/v1/dead/{*id}", Route::DeadLetter),
    ("/v1/schedules", Route::Schedules),
    ("/v1/schedules/{*id}", Route::Schedule),
    ("/v1/stats", Route::Stats),
    ("/healthz", Route::Health),
    ("/readyz", Route::Ready),
];

const TASK_IN_QUEUE: &str = "/task_in_queue";

impl Route {
    /// The methods it takes, as `Allow` lists them.
    pub(crate) fn allowed(self) -> &'static str {
        match self {
            Route::TaskInQueue => "POST",
            Route::WsTask => "GET",
            Route::Job => "GET, HEAD, DELETE",
            Route::DeadLetter => "GET, HEAD, POST, DELETE",
            Route::Schedule => "GET, HEAD, POST",
            _ => "GET, HEAD",
        }
    }

    /// Its name in metrics: no part of a path that a client makes up.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Route::Home | Route::Page => "page",
            Route::Metrics => "metrics",
            Route::TaskInQueue => "task_in_queue",
            Route::TaskResp => "task_resp",
            Route::WsTask => "ws_task",
            Route::SysInfo => "sys_info",
            Route::Jobs => "jobs",
            Route::Job => "job",
            Route::DeadLetters => "dead_letters",
            Route::DeadLetter => "dead_letter",
            Route::Schedules => "schedules",
            Route::Schedule => "schedule",
            Route::Stats => "stats",
            Route::Health => "healthz",
            Route::Ready => "readyz",
        }
    }

    /// What a token needs here. This is the one place that says so; docs/protocol.md has it as a table.
    pub(crate) fn need(self, method: &Method) -> Need {
        let looks = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        match self {
            // Whoever watches the process needn't know a secret, and the page's own files tell nothing: the page asks its
            // reader for the token.
            Route::Health | Route::Home | Route::Page => Need::Nothing,
            Route::Ready => Need::Any,
            Route::TaskInQueue | Route::WsTask => Need::Submit,
            Route::TaskResp => Need::Result,
            Route::SysInfo
            | Route::Metrics
            | Route::Jobs
            | Route::Job
            | Route::DeadLetters
            | Route::DeadLetter
            | Route::Schedules
            | Route::Schedule
            | Route::Stats => {
                if looks {
                    Need::Read
                } else {
                    Need::Admin
                }
            }
        }
    }

    /// Whether poulpe 0.2 had it.
    pub(crate) fn is_legacy(self) -> bool {
        matches!(self, Route::TaskInQueue | Route::TaskResp | Route::SysInfo)
    }
}

/// Finds routes.
pub(crate) struct Routes(Router<Route>);

impl Routes {
    pub(crate) fn new() -> Self {
        let mut router = Router::new();
        for (path, route) in ROUTES {
            router
                .insert(path, route)
                .expect("the paths of ROUTES are distinct and well-formed");
        }
        Self(router)
    }

    /// The route of a path, and the id in it, still encoded; empty where the route has none.
    pub(crate) fn find<'p>(&self, path: &'p str) -> Option<(Route, &'p str)> {
        // Nearly every request is this one.
        if path == TASK_IN_QUEUE {
            return Some((Route::TaskInQueue, ""));
        }
        let found = self.0.at(path).ok()?;
        Some((*found.value, found.params.get("id").unwrap_or_default()))
    }

    /// What a client on a wrong path is told.
    pub(crate) fn known() -> String {
        ROUTES
            .map(|(path, _)| path.replace("{*id}", "{id}"))
            .join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_their_routes() {
        let routes = Routes::new();
        for (path, found) in [
            ("/", Some((Route::Home, ""))),
            ("/task_in_queue", Some((Route::TaskInQueue, ""))),
            ("/task_resp/a%20b", Some((Route::TaskResp, "a%20b"))),
            ("/task_resp/a/b", Some((Route::TaskResp, "a/b"))),
            ("/ws_task", Some((Route::WsTask, ""))),
            ("/v1/jobs/x/", Some((Route::Job, "x/"))),
            ("/v1/dead/x/revive", Some((Route::DeadLetter, "x/revive"))),
            ("/v1/dead", Some((Route::DeadLetters, ""))),
            ("/v1/schedules", Some((Route::Schedules, ""))),
            ("/v1/schedules/a/run", Some((Route::Schedule, "a/run"))),
            ("/task_resp/", None),
            ("/task_resp", None),
            ("/nope", None),
            ("*", None),
        ] {
            assert_eq!(routes.find(path), found, "{path}");
        }
    }
}
