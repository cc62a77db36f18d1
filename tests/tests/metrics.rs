//! What Prometheus and its alerts see of the real binary, judged by Prometheus' own tool.

use poulpe_tests::{Home, Target};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

fn rules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/prometheus-rules.yml")
}

/// Whatever the names of metrics are, Prometheus' own tool must have nothing against them.
#[test]
fn prometheus_reads_the_metrics_without_a_complaint() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&["--max_retry", "0"]);
    for path in ["/x", "/fail"] {
        daemon.submit(&json!({"id": path, "method": "GET", "name": format!("{}{path}", target.url), "wait": 30}));
    }
    let metrics = daemon.text("/metrics");
    for line in [
        "poulpe_jobs{state=\"dead\"} 1",
        "poulpe_jobs_accepted_total{kind=\"GET\",door=\"http\"} 2",
        "poulpe_attempts_total{kind=\"GET\",outcome=\"succeeded\"} 1",
        "poulpe_attempts_total{kind=\"GET\",outcome=\"buried\"} 1",
        "poulpe_start_lag_seconds_count 2",
        "poulpe_run_seconds_count{kind=\"GET\"} 2",
        "poulpe_http_requests_total{route=\"task_in_queue\",status=\"2xx\"} 2",
    ] {
        assert!(
            metrics.lines().any(|seen| seen == line),
            "{line} is not in\n{metrics}"
        );
    }
    assert!(!metrics.contains(&target.url), "a URL is in the metrics");
    let file = home.path().join("metrics");
    std::fs::write(&file, &metrics).expect("a file");
    let checked = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::fs::File::open(&file).expect("the file"))
        .output()
        .expect("promtool, of Debian's package prometheus, which scripts/test installs");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(
        checked.status.success() && said.is_empty(),
        "{said}\n{metrics}"
    );
}

/// An alert on a metric that isn't there never rings.
#[test]
fn the_alerts_are_well_formed_and_ask_for_what_there_is() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&["--max_retry", "0"]);
    daemon.submit(&json!({"method": "GET", "name": format!("{}/x", target.url), "wait": 30}));
    let checked = Command::new("promtool")
        .args(["check", "rules"])
        .arg(rules())
        .output();
    let checked =
        checked.expect("promtool, of Debian's package prometheus, which scripts/test installs");
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    let text = std::fs::read_to_string(rules()).expect("the rules");
    let metrics = daemon.text("/metrics");
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let exprs = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("expr: "));
    let names = exprs.flat_map(|expr| expr.split(|c| !is_part(c)));
    let names: Vec<&str> = names.filter(|name| name.starts_with("poulpe_")).collect();
    assert!(names.len() >= 6, "{names:?}");
    // It is there once a fire time was given up.
    let seldom = "poulpe_fire_times_given_up_total";
    for name in names.into_iter().filter(|name| *name != seldom) {
        assert!(
            metrics.lines().any(|line| line.starts_with(name)),
            "{name} is no metric"
        );
    }
}
