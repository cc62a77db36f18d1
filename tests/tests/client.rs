//! The commands that ask a running daemon: what people and scripts see of them.

use poulpe_tests::{Daemon, Home, Target, binary, eventually};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Runs a command against a daemon: exit code, standard output, standard error.
fn poulpe(url: &str, words: &[&str], input: &str) -> (i32, String, String) {
    let mut command = Command::new(binary());
    command
        .args(words)
        .env("POULPE_URL", url)
        .env_remove("POULPE_TOKEN");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (
        status.code().expect("an exit code"),
        text(stdout),
        text(stderr),
    )
}

fn json_of(daemon: &Daemon, words: &[&str]) -> Value {
    let (code, out, err) = poulpe(&daemon.url, words, "");
    assert_eq!(code, 0, "{words:?}: {err}");
    serde_json::from_str(&out).expect("JSON")
}

#[test]
fn a_task_is_submitted_waited_for_and_told_by_the_exit_code() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&["--max_retry", "0"]);
    let (good, bad) = (format!("{}/x", target.url), format!("{}/fail", target.url));
    let (code, out, _) = poulpe(
        &daemon.url,
        &[
            "submit", "GET", &good, "--id", "a b", "--wait", "30", "--params", "n=1",
        ],
        "",
    );
    assert!(
        code == 0 && out.starts_with("a b  done  status 200  attempts 1"),
        "{out}"
    );
    assert_eq!(target.calls("/x?n=1"), 1);
    let (code, _, err) = poulpe(
        &daemon.url,
        &["submit", "GET", &bad, "--id", "bad", "--wait", "30"],
        "",
    );
    assert!(code == 1 && err.is_empty(), "{err}");
    let (code, _, err) = poulpe(&daemon.url, &["submit", "NOPE", "x"], "");
    assert!(code == 1 && err.contains("`method`"), "{err}");
    let (code, _, err) = poulpe(&daemon.url, &["submit", "GET"], "");
    assert!(code == 1 && err.contains("give the URL"), "{err}");
    let (code, _, err) = poulpe("http://127.0.0.1:1", &["submit", "GET", "x"], "");
    assert!(code == 69 && err.contains("--url"), "{err}");
    let answer = json_of(&daemon, &["submit", "GET", &good, "--wait", "30", "--json"]);
    assert_eq!(answer["state"], "done");
}

#[test]
fn many_tasks_come_from_standard_input_and_a_bad_one_stops_no_other() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    let task = |id: u32| {
        json!({"id": id.to_string(), "method": "GET", "name": format!("{}/{id}", target.url)})
            .to_string()
    };
    let mut input = format!(
        "[{},{}]\n\n{{nonsense\n{{\"id\":\"x\"}}\n",
        task(1),
        task(2)
    );
    for id in 3..=2_500 {
        input += &(task(id) + "\n");
    }
    let (code, _, err) = poulpe(&daemon.url, &["submit", "-"], &input);
    assert_eq!(code, 1);
    assert!(
        err.contains("line 3: no JSON") && err.contains("line 4: `method`"),
        "{err}"
    );
    assert!(err.ends_with("2500 accepted, 2 refused\n"), "{err}");
    eventually("all run", || target.runs().len() == 2_500);
}

#[test]
fn jobs_are_listed_shown_cancelled_and_followed() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    for id in ["one", "two", "th/ree"] {
        daemon.submit(&json!({"id": id, "method": "GET", "name": target.url, "delay": 3600}));
    }
    let (code, out, _) = poulpe(
        &daemon.url,
        &["job", "ls", "--state", "delayed", "-n", "2"],
        "",
    );
    assert!(
        code == 0 && out.contains("one") && out.contains("two") && !out.contains("th/ree"),
        "{out}"
    );
    assert!(
        out.contains("(in 59 min") || out.contains("(in 1 h)"),
        "{out}"
    );
    assert_eq!(
        json_of(&daemon, &["job", "ls", "--json"])
            .as_array()
            .map(Vec::len),
        Some(3)
    );
    let (code, out, _) = poulpe(&daemon.url, &["job", "show", "th/ree"], "");
    assert!(
        code == 0 && out.contains("delayed") && out.contains(&target.url),
        "{out}"
    );
    let (code, out, err) = poulpe(&daemon.url, &["job", "cancel", "one", "nope", "th/ree"], "");
    assert!(
        code == 1 && out.contains("one  done") && out.contains("th/ree  done"),
        "{out}{err}"
    );
    assert!(err.contains("nope: no job has this id"), "{err}");
    let (code, out, _) = poulpe(&daemon.url, &["job", "watch", "one"], "");
    assert!(code == 1 && out.contains("cancelled"), "{out}");
    let (code, _, err) = poulpe(&daemon.url, &["job", "ls", "--state", "gone"], "");
    assert!(code == 1 && err.contains("retrying"), "{err}");
}

#[test]
fn dead_letters_are_revived_and_purged_by_filter_but_not_unasked() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&["--max_retry", "0", "--exec_allow", "*"]);
    for n in 0..3 {
        daemon.submit(&json!({"id": format!("get-{n}"), "method": "GET", "name": format!("{}/fail", target.url), "wait": 30}));
    }
    daemon.submit(&json!({"id": "exec", "method": "EXEC", "name": "false", "wait": 30}));
    let dead = || daemon.get("/v1/stats").json["counts"]["dead"].as_u64();
    assert_eq!(dead(), Some(4));
    let (code, out, _) = poulpe(&daemon.url, &["dead", "ls", "--method", "get"], "");
    assert!(
        code == 0 && out.contains("get-2") && !out.contains("exec"),
        "{out}"
    );
    let (code, _, err) = poulpe(&daemon.url, &["dead", "purge"], "");
    assert!(code == 1 && err.contains("--all"), "{err}");
    let (code, _, err) = poulpe(&daemon.url, &["dead", "purge", "--all"], "");
    assert!(
        code == 1 && err.contains("--yes") && err.contains('4'),
        "{err}"
    );
    let (code, _, err) = poulpe(
        &daemon.url,
        &["dead", "purge", "--all", "--older", "1h", "--yes"],
        "",
    );
    assert!(
        code == 0 && err.contains("no dead letter is meant"),
        "{err}"
    );
    assert_eq!(dead(), Some(4));
    let (code, _, err) = poulpe(
        &daemon.url,
        &["dead", "purge", "--error", "exit", "--yes"],
        "",
    );
    assert!(code == 0 && err.contains("purged 1 of 1"), "{err}");
    target.mend();
    let (code, _, err) = poulpe(
        &daemon.url,
        &["dead", "revive", "--name", "/fail", "--yes"],
        "",
    );
    assert!(code == 0 && err.contains("revived 3 of 3"), "{err}");
    eventually("they succeed", || {
        daemon.get("/task_resp/get-2").text("result") == "OK"
    });
    let (code, _, err) = poulpe(&daemon.url, &["job", "retry", "get-0"], "");
    assert!(code == 1 && err.contains("no dead letter"), "{err}");
}

#[test]
fn schedules_are_listed_run_paused_and_resumed() {
    let (home, target) = (Home::new(), Target::start());
    let cron = home.path().join("cron");
    std::fs::write(
        &cron,
        format!(
            "ID=yearly\n0 0 0 1 1 ? * {}/yearly GET\n0 0 bad\n",
            target.url
        ),
    )
    .expect("a file");
    let daemon = home.start(&["--cron", cron.to_str().expect("UTF-8")]);
    let (code, out, err) = poulpe(&daemon.url, &["cron", "ls"], "");
    assert!(
        code == 0 && out.contains("yearly") && out.contains("January"),
        "{out}"
    );
    assert!(err.contains("cron:3:"), "{err}");
    let (code, out, _) = poulpe(&daemon.url, &["cron", "run", "yearly"], "");
    assert!(code == 0 && out.contains("yearly@now"), "{out}");
    eventually("it runs", || target.calls("/yearly") == 1);
    let (code, out, _) = poulpe(&daemon.url, &["cron", "pause", "yearly"], "");
    assert!(code == 0 && out == "yearly: paused\n", "{out}");
    assert_eq!(
        json_of(&daemon, &["cron", "ls", "--json"])["schedules"][0]["paused"],
        true
    );
    assert_eq!(poulpe(&daemon.url, &["cron", "resume", "yearly"], "").0, 0);
    assert_eq!(poulpe(&daemon.url, &["cron", "resume", "nope"], "").0, 1);
}

#[test]
fn status_and_health_tell_how_a_daemon_does() {
    let home = Home::new();
    let mut daemon = home.start(&["--token", "hush"]);
    let (code, _, err) = poulpe(&daemon.url, &["status"], "");
    assert!(code == 1 && err.contains("token"), "{err}");
    let (code, out, _) = poulpe(&daemon.url, &["status", "--token", "hush"], "");
    assert!(
        code == 0 && out.contains("store embedded") && out.contains("LANE"),
        "{out}"
    );
    assert_eq!(
        json_of(&daemon, &["status", "--token", "hush", "--json"])["ready"]["ready"],
        true
    );
    assert_eq!(poulpe(&daemon.url, &["health"], "").0, 0);
    assert_eq!(
        poulpe(&daemon.url, &["health", "--ready", "--token", "hush"], "").0,
        0
    );
    daemon.signal(poulpe_tests::Signal::TERM);
    daemon.wait();
    assert_eq!(poulpe(&daemon.url, &["health"], "").0, 69);
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, _) = poulpe("", &["completions", shell], "");
        assert!(code == 0 && out.contains("poulpe"), "{shell}");
    }
}
