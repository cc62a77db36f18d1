//! The executor against real sockets.

mod cancelling;
mod checking;
mod connections;
mod limits;
mod outcomes;
mod redirects;
mod requests;
mod server;

use poulpe_core::{
    Attempt, Digest, Executor, Failure, Job, JobId, Kind, Output, Params, Task, Timestamp,
};
use poulpe_exec_http::{HttpConfig, HttpExecutor};
use std::time::Duration;

/// Far more than any test needs, so that only a hang comes near it.
const LONG: Duration = Duration::from_secs(30);

fn executor() -> HttpExecutor {
    HttpExecutor::new(HttpConfig::default())
}

fn get(url: &str, params: &str) -> Task {
    Task {
        params: Params::Text(params.into()),
        ..Task::new(Kind::GET, url)
    }
}

fn post(url: &str, params: &str) -> Task {
    Task {
        params: Params::Text(params.into()),
        ..Task::new(Kind::POST, url)
    }
}

fn with_headers(task: Task, headers: &[(&str, &str)]) -> Task {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Task {
        headers: headers.iter().map(pair).collect(),
        ..task
    }
}

fn job(task: Task) -> Job {
    Job {
        id: task
            .id
            .clone()
            .unwrap_or_else(|| JobId::new("job-1").unwrap()),
        id_chosen: true,
        digest: Digest([0; 16]),
        kind: task.kind,
        name: task.name,
        params: task.params,
        headers: task.headers,
        lanes: task.lanes,
        priority: task.priority,
        timeout: LONG,
        max_retry: 3,
        retry_interval: Duration::from_secs(10),
        door: poulpe_core::Door::Library,
        accepted_at: Timestamp::default(),
        due: Timestamp::default(),
    }
}

fn run(executor: &HttpExecutor, task: Task, time: Duration) -> Result<Output, Failure> {
    let (attempt, _canceller) = Attempt::for_test(time);
    executor.execute(&job(task), &attempt)
}
