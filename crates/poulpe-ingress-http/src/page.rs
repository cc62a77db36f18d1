//! The web page: `GET /` and its files under `/page/`. Never shows anything of the system's state itself; its script asks
//! the routes that do. Served from memory, made by nobody: the files are those in `web/`.

use crate::respond::{self, Answered};
use hyper::StatusCode;
use hyper::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH,
};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

/// A file of the page.
struct File {
    name: &'static str,
    kind: HeaderValue,
    bytes: &'static [u8],
}

const fn file(name: &'static str, kind: &'static str, bytes: &'static [u8]) -> File {
    File {
        name,
        kind: HeaderValue::from_static(kind),
        bytes,
    }
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

static HOME: File = file(
    "index.html",
    "text/html; charset=utf-8",
    include_bytes!("../web/index.html"),
);

static FILES: [File; 8] = [
    file(
        "page.css",
        "text/css; charset=utf-8",
        include_bytes!("../web/page.css"),
    ),
    file(
        "icon.svg",
        "image/svg+xml",
        include_bytes!("../web/icon.svg"),
    ),
    file("words.js", SCRIPT, include_bytes!("../web/words.js")),
    file("api.js", SCRIPT, include_bytes!("../web/api.js")),
    file("dom.js", SCRIPT, include_bytes!("../web/dom.js")),
    file("chart.js", SCRIPT, include_bytes!("../web/chart.js")),
    file("views.js", SCRIPT, include_bytes!("../web/views.js")),
    file("page.js", SCRIPT, include_bytes!("../web/page.js")),
];

/// Nothing but poulpe's own files, and nobody may frame them.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
);

/// A browser keeps a file and asks each time whether it is still the one.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// One for all files: they change together, with the executable.
static VERSION: LazyLock<HeaderValue> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    HOME.bytes.hash(&mut hasher);
    for file in &FILES {
        file.bytes.hash(&mut hasher);
    }
    let text = format!("\"{:016x}\"", hasher.finish());
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("\"page\""))
});

/// `GET /`: the page for a browser, a list of routes for whoever didn't ask for HTML.
pub(crate) fn home(headers: &HeaderMap) -> Answered {
    let accepts = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    if accepts.is_some_and(|accept| accept.contains("text/html")) {
        return answer(&HOME, headers);
    }
    respond::text(ROUTES)
}

/// `GET /page/{name}`: a file of the page.
pub(crate) fn file_of(name: &str, headers: &HeaderMap) -> Answered {
    match FILES.iter().find(|file| file.name == name) {
        Some(file) => answer(file, headers),
        None => respond::refuse(StatusCode::NOT_FOUND, "the page has no such file"),
    }
}

fn answer(file: &'static File, headers: &HeaderMap) -> Answered {
    let is_known = headers.get(IF_NONE_MATCH) == Some(&*VERSION);
    let mut answered = if is_known {
        respond::not_modified()
    } else {
        respond::file(file.kind.clone(), file.bytes)
    };
    let answer = answered.headers_mut();
    answer.insert(CONTENT_SECURITY_POLICY, POLICY);
    answer.insert(CACHE_CONTROL, ASK_AGAIN);
    answer.insert(ETAG, VERSION.clone());
    answered
}

/// What curl is shown.
const ROUTES: &str = "\
poulpe takes tasks and runs them: now or later, with retries.

POST   /task_in_queue         a task as JSON, or an array of them
GET    /task_resp/{id}        waits for the result; ?timeout= seconds
GET    /sys_info              everything at a glance; ?limit=
GET    /v1/jobs               jobs; ?state= &after= &limit=
GET    /v1/jobs/{id}          one job
DELETE /v1/jobs/{id}          cancels it
GET    /v1/dead               dead letters; ?after= &limit=
GET    /v1/dead/{id}          one dead letter
POST   /v1/dead/{id}/revive   puts it back
DELETE /v1/dead/{id}          removes it for good
GET    /v1/schedules          schedules and their cron files; ?limit=
GET    /v1/schedules/{id}     one schedule
POST   /v1/schedules/{id}/run runs it now; also /pause, /resume, /reset
GET    /v1/stats              every figure; /metrics has them for Prometheus
GET    /healthz /readyz       for supervisors and load balancers

curl -d '{\"method\":\"GET\",\"name\":\"http://127.0.0.1:9000/\",\"wait\":5}' http://127.0.0.1:8000/task_in_queue
";
