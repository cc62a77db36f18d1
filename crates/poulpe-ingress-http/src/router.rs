//! Which route a path is. Never looks at methods or queries. Built once per door.

use matchit::Router;

/// A route of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Home,
    TaskInQueue,
    TaskResp,
    SysInfo,
    Jobs,
    Job,
    DeadLetters,
    DeadLetter,
    Schedules,
    Schedule,
    Stats,
    Daemons,
    Health,
    Ready,
}

/// Every route with its path. Ids take the rest of the path, so that a slash in one needn't be encoded.
const ROUTES: [(&str, Route); 14] = [
    ("/", Route::Home),
    (TASK_IN_QUEUE, Route::TaskInQueue),
    ("/task_resp/{*id}", Route::TaskResp),
    ("/sys_info", Route::SysInfo),
    ("/v1/jobs", Route::Jobs),
    ("/v1/jobs/{*id}", Route::Job),
    ("/v1/dead", Route::DeadLetters),
    ("/v1/dead/{*id}", Route::DeadLetter),
    ("/v1/schedules", Route::Schedules),
    ("/v1/schedules/{*id}", Route::Schedule),
    ("/v1/stats", Route::Stats),
    ("/v1/daemons", Route::Daemons),
    ("/healthz", Route::Health),
    ("/readyz", Route::Ready),
];

const TASK_IN_QUEUE: &str = "/task_in_queue";

impl Route {
    /// The methods it takes, as `Allow` lists them.
    pub(crate) fn allowed(self) -> &'static str {
        match self {
            Route::TaskInQueue => "POST",
            Route::Job => "GET, HEAD, DELETE",
            Route::DeadLetter => "GET, HEAD, POST, DELETE",
            Route::Schedule => "GET, HEAD, POST",
            _ => "GET, HEAD",
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
