//! The parts of `poulpe cron` that ask a running daemon: `ls`, `run`, `pause`, `resume`, `reset`.

use super::job::now;
use super::table::text;
use super::{ClientFlags, Link, Stop, id_in_path, moment, print_json, refusal, table};
use crate::client::submit::print_answer;
use clap::Args;
use serde_json::Value;
use std::time::Duration;

/// The flags of `ls`.
#[derive(Debug, Args)]
pub(crate) struct LsFlags {
    /// At most so many.
    #[arg(long, short = 'n', default_value_t = 1_000)]
    limit: usize,

    #[command(flatten)]
    client: ClientFlags,
}

/// The flags of what is done to a schedule.
#[derive(Debug, Args)]
pub(crate) struct ScheduleFlags {
    /// The schedule's id, as `poulpe cron ls` tells it.
    pub(crate) id: String,

    #[command(flatten)]
    pub(crate) client: ClientFlags,
}

/// Lists schedules, and what is wrong with their files.
pub(crate) fn list(flags: &LsFlags) -> Result<(), Stop> {
    let list = Link::new(&flags.client).value(&format!("/v1/schedules?limit={}", flags.limit))?;
    if flags.client.json {
        print_json(&list);
        return Ok(());
    }
    let now = now();
    let rows = list["schedules"].as_array().into_iter().flatten();
    let rows = rows.map(|one| {
        let next = match one["paused"].as_bool() {
            Some(true) => "paused".to_string(),
            _ => moment(&one["next"][0], now),
        };
        [
            text(&one["id"]),
            next,
            moment(&one["last"]["at"], now),
            text(&one["last"]["state"]),
            text(&one["words"]),
            text(&one["text"]),
            text(&one["trouble"]),
        ]
    });
    table(
        ["id", "next", "last", "ended", "in words", "line", "trouble"],
        rows,
    );
    for file in list["files"].as_array().into_iter().flatten() {
        for problem in file["problems"].as_array().into_iter().flatten() {
            eprintln!(
                "{}:{}:{}: {}",
                text(&file["name"]),
                problem["line"],
                problem["column"],
                text(&problem["message"])
            );
        }
        if !file["missing"].is_null() {
            eprintln!("{}: {}", text(&file["name"]), text(&file["missing"]));
        }
    }
    Ok(())
}

/// Has a schedule do something: run, pause, resume or reset.
pub(crate) fn change(flags: &ScheduleFlags, action: &str, done: &str) -> Result<(), Stop> {
    let path = format!("/v1/schedules/{}/{action}", id_in_path(&flags.id));
    let (status, answer) = Link::new(&flags.client).ask("POST", &path, None, Duration::ZERO)?;
    if flags.client.json {
        print_json(&answer);
    }
    if status != 200 {
        return Err(refusal(status, &answer));
    }
    match answer["state"] {
        _ if flags.client.json => {}
        Value::Null => super::table::print(&format!("{}: {done}\n", flags.id)),
        _ => print_answer(&answer),
    }
    Ok(())
}
