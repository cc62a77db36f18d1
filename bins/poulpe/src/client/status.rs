//! `poulpe status`: a daemon on one screen. `poulpe health`: whether it lives, for a container's health check.

use super::job::now;
use super::table::{print, span, text};
use super::{ClientFlags, Link, Stop, moment, print_json, refusal, table};
use clap::Args;
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::time::Duration;

/// The flags of `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusFlags {
    /// Show it again every so many seconds, until Ctrl-C.
    #[arg(long, short, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2")]
    watch: Option<f64>,

    #[command(flatten)]
    client: ClientFlags,
}

/// The flags of `health`.
#[derive(Debug, Args)]
pub(crate) struct HealthFlags {
    /// Whether it should be given work, not only whether it lives.
    #[arg(long)]
    ready: bool,

    #[command(flatten)]
    client: ClientFlags,
}

/// Shows a daemon.
pub(crate) fn run(flags: &StatusFlags) -> Result<(), Stop> {
    let link = Link::new(&flags.client);
    let Some(seconds) = flags.watch else {
        return show(&link, flags.client.json);
    };
    let pause = Duration::try_from_secs_f64(seconds.max(0.1)).map_err(Stop::refused)?;
    loop {
        if std::io::stdout().is_terminal() {
            // Clears the screen, and starts at its top.
            print("\u{1b}[2J\u{1b}[H");
        }
        show(&link, flags.client.json)?;
        // Waking early by chance shows it once more.
        std::thread::park_timeout(pause);
    }
}

fn show(link: &Link, is_json: bool) -> Result<(), Stop> {
    let stats = link.value("/v1/stats")?;
    let (_, ready) = link.get("/readyz")?;
    if is_json {
        print_json(&json!({"stats": stats, "ready": ready}));
        return Ok(());
    }
    let store = &stats["store"];
    print(&format!(
        "poulpe {}  up {}  store {} ({})\n",
        text(&stats["version"]),
        span(stats["uptime"].as_f64().unwrap_or_default() as i64),
        text(&store["name"]),
        text(&store["place"]),
    ));
    for check in ready["checks"].as_array().into_iter().flatten() {
        let reason = text(&check["reason"]);
        if check["ok"] == false {
            print(&format!("NOT READY  {}: {reason}\n", text(&check["name"])));
        } else if !reason.is_empty() {
            print(&format!("warning  {}: {reason}\n", text(&check["name"])));
        }
    }
    let counts = &stats["counts"];
    let states = ["delayed", "ready", "running", "retrying", "dead", "done"];
    print("\n");
    table(states, [states.map(|state| text(&counts[state]))]);
    print(&format!(
        "\nsince its start: {} succeeded, {} given up, {} cancelled, {} retried, {} leases lost; started {}\n\n",
        stats["ended"]["succeeded"],
        stats["ended"]["buried"],
        stats["ended"]["cancelled"],
        stats["retried"],
        stats["lost"],
        lateness(&stats["start_lag_micros"]),
    ));
    let now = now();
    let row = |lane: &Value| {
        ["lane", "state", "job", "attempt"]
            .map(|field| text(&lane[field]))
            .into_iter()
            .chain([moment(&lane["since"], now), text(&lane["waiting"])])
            .collect::<Vec<_>>()
            .try_into()
            .unwrap_or_default()
    };
    let lanes = stats["lanes"].as_array().into_iter().flatten().map(row);
    table::<6>(
        ["lane", "state", "job", "attempt", "since", "waiting"],
        lanes,
    );
    Ok(())
}

/// How late starts were, as bounds that shares of them stay within.
fn lateness(histogram: &Value) -> String {
    let numbers = |name: &str| -> Vec<u64> {
        let list = histogram[name].as_array().into_iter().flatten();
        list.filter_map(Value::as_u64).collect()
    };
    let (bounds, counts) = (numbers("bounds"), numbers("counts"));
    let total: u64 = counts.iter().sum();
    if total == 0 {
        return "nothing yet".into();
    }
    let within = |share: f64| {
        let mut seen = 0;
        let step = counts.iter().position(|count| {
            seen += count;
            seen as f64 >= total as f64 * share
        });
        match step.and_then(|step| bounds.get(step)) {
            Some(micros) => format!("at most {} ms", *micros as f64 / 1_000.0),
            None => "more than an hour".into(),
        }
    };
    format!("{} late (p50), {} (p99)", within(0.5), within(0.99))
}

/// Whether the daemon lives, or is ready.
pub(crate) fn health(flags: &HealthFlags) -> Result<(), Stop> {
    let link = Link::new(&flags.client);
    let path = match flags.ready {
        true => "/readyz",
        false => "/healthz",
    };
    let (status, answer) = link.get(path)?;
    if flags.client.json {
        print_json(&answer);
    }
    if status == 200 {
        return Ok(());
    }
    let checks = answer["checks"].as_array().into_iter().flatten();
    let wrong: Vec<String> = checks
        .filter(|check| check["ok"] == false)
        .map(|check| format!("{}: {}", text(&check["name"]), text(&check["reason"])))
        .collect();
    match wrong.is_empty() {
        true => Err(refusal(status, &answer)),
        false => Err(Stop::Refused(wrong.join("; "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_tells_the_bounds_that_hold() {
        let lag = json!({"bounds": [500, 1000], "counts": [98, 1, 1], "sum": 0});
        assert_eq!(
            lateness(&lag),
            "at most 0.5 ms late (p50), at most 1 ms (p99)"
        );
        let none = json!({"bounds": [500], "counts": [0, 0], "sum": 0});
        assert_eq!(lateness(&none), "nothing yet");
    }
}
