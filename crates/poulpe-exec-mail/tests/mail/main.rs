//! The executor against a real mail server.

mod cancelling;
mod certificates;
mod checking;
mod connections;
mod faults;
mod login;
mod mails;
mod throughput;

use poulpe_core::{
    Attempt, Digest, Door, Executor, Failure, Job, JobId, Kind, Output, Params, Priority, Task,
    Timestamp,
};
use poulpe_exec_mail::{MailConfig, MailExecutor, MailServer, Security};
use poulpe_tests::MailServer as Server;
use serde_json::{Value, json};
use std::time::Duration;

/// Far more than any test needs, so that only a hang comes near it.
const LONG: Duration = Duration::from_secs(30);
/// Enough for what a server on this machine says at once, short enough to wait for.
const SHORT: Duration = Duration::from_millis(700);

/// How to reach a server without encryption.
fn plain(port: u16) -> MailServer {
    MailServer {
        host: "127.0.0.1".into(),
        port,
        security: Security::None,
        login: None,
        ca: None,
    }
}

fn executor_for(server: MailServer) -> MailExecutor {
    let config = MailConfig {
        server: Some(server),
        ..MailConfig::default()
    };
    MailExecutor::new(config).expect("a good configuration")
}

fn executor(server: &Server) -> MailExecutor {
    executor_for(plain(server.port))
}

/// The params of a small mail, with these fields in place of its own.
fn params(fields: Value) -> Value {
    let mut params = json!({"from_addr": "from@poulpe.test", "to_addr": "to@poulpe.test", "title": "t", "body": "b"});
    let Value::Object(fields) = fields else {
        panic!("{fields} is no object")
    };
    params.as_object_mut().expect("an object").extend(fields);
    params
}

fn task(fields: Value) -> Task {
    Task {
        params: Params::Text(params(fields).to_string()),
        ..Task::new(Kind::MAIL_TO, "mail")
    }
}

fn job(task: Task) -> Job {
    Job {
        id: task
            .id
            .clone()
            .unwrap_or_else(|| JobId::new("job-1").expect("an id")),
        id_chosen: true,
        digest: Digest([0; 16]),
        kind: task.kind,
        name: task.name,
        params: task.params,
        headers: task.headers,
        lanes: task.lanes,
        priority: Priority::default(),
        timeout: LONG,
        max_retry: 3,
        retry_interval: Duration::from_secs(10),
        door: Door::Http,
        accepted_at: Timestamp::from_millis(1_800_000_000_000),
        due: Timestamp::from_millis(1_800_000_000_000),
    }
}

fn run(executor: &MailExecutor, task: Task, time: Duration) -> Result<Output, Failure> {
    let (attempt, _canceller) = Attempt::for_test(time);
    executor.execute(&job(task), &attempt)
}

/// Sends a small mail.
fn send(executor: &MailExecutor) -> Result<Output, Failure> {
    run(executor, task(json!({})), LONG)
}
