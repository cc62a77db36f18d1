//! `poulpe job`: lists, shows, cancels, retries and follows jobs of a running daemon.

use super::table::text;
use super::{ClientFlags, Link, Stop, id_in_path, moment, print_json, reason, refusal, table};
use crate::client::submit::print_answer;
use clap::{Args, Subcommand};
use poulpe_core::Timestamp;
use poulpe_core::store::{SystemTimeSource, TimeSource};
use serde_json::Value;
use std::time::Duration;

/// How long one question for a result waits.
const LOOK: Duration = Duration::from_secs(30);

/// What can be done with jobs.
#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// List jobs in order of acceptance.
    Ls(LsFlags),
    /// Show all that is known of a job.
    Show(OneFlags),
    /// Cancel jobs: at once those that don't run, the others are asked to stop.
    Cancel(IdFlags),
    /// Put dead jobs back, due at once, with fresh retries.
    Retry(IdFlags),
    /// Follow a job until it ends; the exit code is 0 if it succeeded, 1 if not.
    Watch(OneFlags),
}

/// The flags of `ls`.
#[derive(Debug, Args)]
pub(crate) struct LsFlags {
    /// Only jobs of this state: delayed, ready, running, retrying, dead or done.
    #[arg(long)]
    state: Option<String>,

    /// At most so many.
    #[arg(long, short = 'n', default_value_t = 100)]
    limit: usize,

    #[command(flatten)]
    client: ClientFlags,
}

/// The flags of what concerns one job.
#[derive(Debug, Args)]
pub(crate) struct OneFlags {
    /// The job's id.
    id: String,

    #[command(flatten)]
    client: ClientFlags,
}

/// The flags of what concerns jobs.
#[derive(Debug, Args)]
pub(crate) struct IdFlags {
    /// Ids of jobs.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,

    #[command(flatten)]
    client: ClientFlags,
}

/// Does it.
pub(crate) fn run(command: &JobCommand) -> Result<(), Stop> {
    match command {
        JobCommand::Ls(flags) => {
            let link = Link::new(&flags.client);
            let state = flags.state.as_ref();
            let filter = state.map(|state| format!("&state={}", id_in_path(state)));
            let path = format!("/v1/jobs?{}", filter.unwrap_or_default());
            let jobs = pages(&link, &path, flags.limit)?;
            print_jobs(&jobs, flags.client.json);
            Ok(())
        }
        JobCommand::Show(flags) => show(flags),
        JobCommand::Cancel(flags) => each(flags, |link, id| {
            link.ask("DELETE", &format!("/v1/jobs/{id}"), None, Duration::ZERO)
        }),
        JobCommand::Retry(flags) => each(flags, |link, id| {
            let path = format!("/v1/dead/{id}/revive");
            link.ask("POST", &path, None, Duration::ZERO)
        }),
        JobCommand::Watch(flags) => watch(flags),
    }
}

/// The jobs of a list, page after page, at most so many.
pub(crate) fn pages(link: &Link, path: &str, limit: usize) -> Result<Vec<Value>, Stop> {
    let mut jobs = Vec::new();
    let mut after = String::new();
    while jobs.len() < limit {
        let size = (limit - jobs.len()).min(1_000);
        let page = link.value(&format!("{path}&limit={size}{after}"))?;
        jobs.extend(page["jobs"].as_array().cloned().unwrap_or_default());
        let Some(next) = page["next"].as_u64() else {
            break;
        };
        after = format!("&after={next}");
    }
    Ok(jobs)
}

/// A table of jobs, or their JSON.
pub(crate) fn print_jobs(jobs: &[Value], is_json: bool) {
    if is_json {
        print_json(&Value::from(jobs.to_vec()));
        return;
    }
    let now = now();
    let heads = [
        "id",
        "state",
        "method",
        "name",
        "due",
        "attempts",
        "last error",
    ];
    let row = |job: &Value| {
        [
            text(&job["id"]),
            text(&job["state"]),
            text(&job["method"]),
            text(&job["name"]),
            moment(&job["due"], now),
            text(&job["attempts"]),
            text(&job["last_error"]),
        ]
    };
    table(heads, jobs.iter().map(row));
}

pub(crate) fn now() -> Timestamp {
    SystemTimeSource::new().wall().floor()
}

fn show(flags: &OneFlags) -> Result<(), Stop> {
    let link = Link::new(&flags.client);
    let job = link.value(&format!("/v1/jobs/{}", id_in_path(&flags.id)))?;
    print_job(&job, flags.client.json);
    Ok(())
}

/// Everything of one job.
pub(crate) fn print_job(job: &Value, is_json: bool) {
    if is_json {
        print_json(job);
        return;
    }
    let now = now();
    let mut rows = Vec::new();
    for (name, value) in job.as_object().into_iter().flatten() {
        let shown = match name.as_str() {
            "errors" | "result" => continue,
            "due" | "accepted_at" => moment(value, now),
            _ => text(value),
        };
        let is_told = !shown.is_empty() && shown != "{}";
        if is_told {
            rows.push([name.clone(), shown]);
        }
    }
    for error in job["errors"].as_array().into_iter().flatten() {
        let failed = format!(
            "{}: {}",
            moment(&error["finished_at"], now),
            text(&error["reason"])
        );
        rows.push([format!("attempt {}", text(&error["attempt"])), failed]);
    }
    for name in [
        "result",
        "reason",
        "status",
        "started_at",
        "finished_at",
        "output",
    ] {
        let value = &job["result"][name];
        if !text(value).is_empty() {
            rows.push([name.to_string(), text(value)]);
        }
    }
    table(["field", "value"], rows);
}

/// Does one thing to each; all are tried, the first refusal is what is told at the end.
fn each(
    flags: &IdFlags,
    act: impl Fn(&Link, &str) -> Result<(u16, Value), Stop>,
) -> Result<(), Stop> {
    let link = Link::new(&flags.client);
    let mut refused = false;
    for id in &flags.ids {
        let (status, answer) = act(&link, &id_in_path(id))?;
        if flags.client.json {
            super::table::print(&format!("{answer}\n"));
        }
        let is_done = matches!(status, 200 | 202);
        if !is_done {
            refused = true;
            eprintln!("{id}: {}", reason(status, &answer));
        } else if !flags.client.json {
            print_answer(&answer);
        }
    }
    match refused {
        false => Ok(()),
        true => Err(Stop::Refused(String::new())),
    }
}

fn watch(flags: &OneFlags) -> Result<(), Stop> {
    let link = Link::new(&flags.client);
    let path = format!(
        "/task_resp/{}?timeout={}",
        id_in_path(&flags.id),
        LOOK.as_secs()
    );
    let mut told = String::new();
    loop {
        let (status, answer) = link.ask("GET", &path, None, LOOK)?;
        if status != 200 {
            return Err(refusal(status, &answer));
        }
        if answer["result"] == "Timeout" {
            let line = format!("{}  {}", text(&answer["state"]), text(&answer["reason"]));
            if line != told {
                eprintln!("{line}");
                told = line;
            }
            continue;
        }
        match flags.client.json {
            true => print_json(&answer),
            false => print_answer(&answer),
        }
        return match answer["result"].as_str() {
            Some("OK") => Ok(()),
            _ => Err(Stop::Refused(String::new())),
        };
    }
}
