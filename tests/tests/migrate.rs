//! `poulpe store migrate`: the real binary, real stores, a real Redis; jobs in every state.

use poulpe_tests::{Daemon, Home, RedisServer, Signal, Target, binary, eventually};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Nobody listens there.
const NOBODY: &str = "http://127.0.0.1:1/";

fn migrate(dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(["store", "migrate"]).args(words);
    command.current_dir(dir);
    command
}

fn run(dir: &Path, words: &[&str]) -> (Option<i32>, String) {
    let output: Output = migrate(dir, words).output().expect("the binary starts");
    let both = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&both).into())
}

fn report(dir: &Path, words: &[&str]) -> Value {
    let output = migrate(dir, words).arg("--json").output();
    let output = output.expect("the binary starts");
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// A state's count and digest at the target of a move.
fn state<'a>(report: &'a Value, name: &str) -> (u64, &'a str) {
    let states = report["states"].as_array().expect("states").iter();
    let of_name = states.into_iter().find(|row| row["state"] == name);
    let to = &of_name.expect("the state")["to"];
    let count = to["count"].as_u64().expect("a count");
    (count, to["digest"].as_str().expect("a digest"))
}

fn accept(daemon: &Daemon, task: &Value) {
    let answer = daemon.submit(task);
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn counts(daemon: &Daemon) -> Value {
    daemon.get("/v1/stats").json["counts"].clone()
}

const STATES: [&str; 8] = [
    "delayed",
    "ready",
    "retrying",
    "dead",
    "outbox",
    "checkpoints",
    "done",
    "guards",
];

#[test]
fn jobs_in_every_state_go_to_redis_and_back_and_run_as_they_should() {
    let (redis, target, home) = (RedisServer::start(), Target::start(), Home::new());
    let cron = home.path().join("cron");
    let line = "ID=report\n0 0 0 1 1 * * http://127.0.0.1:1/report GET\n";
    std::fs::write(&cron, line).expect("it is written");
    let cron = cron.to_str().expect("text");
    let daemon = home.start(&["--workers", "1", "--cron", cron]);
    let call = |id: &str, path: &str| json!({"id": id, "method": "GET", "name": format!("{}{path}", target.url)});
    for n in 0..3 {
        accept(&daemon, &call(&format!("done-{n}"), &format!("/done-{n}")));
        assert_eq!(daemon.result(&format!("done-{n}")).text("result"), "OK");
    }
    accept(
        &daemon,
        &json!({"id": "dead", "method": "GET", "name": NOBODY, "max_retry": 0}),
    );
    assert_eq!(daemon.result("dead").text("result"), "Fail");
    accept(
        &daemon,
        &json!({"id": "retries", "method": "GET", "name": NOBODY, "retry_interval": 3600}),
    );
    eventually("it was tried", || counts(&daemon)["retrying"] == 1);
    assert_eq!(daemon.post("/v1/schedules/report/pause", "").status, 200);
    accept(&daemon, &call("hangs", "/hang"));
    target.wait_for(4);
    for n in 0..5 {
        accept(
            &daemon,
            &call(&format!("waits-{n}"), &format!("/waits-{n}")),
        );
        let mut later = call(&format!("later-{n}"), "/later");
        later["delay"] = 3600.into();
        accept(&daemon, &later);
    }
    eventually("its dead letter is a file", || {
        daemon.get("/v1/stats").json["outbox"] == 0
    });
    let due = daemon.get("/v1/jobs/later-3").json["due"].clone();
    daemon.kill();

    let url = redis.url();
    let there = report(home.path(), &["--from", "poulpe-data", "--to", &url]);
    let moved = STATES.map(|name| state(&there, name).0);
    // What was running waits.
    assert_eq!(moved[..5], [5, 6, 1, 1, 0], "{there}");
    assert!(moved[5] > 0, "{there}");
    assert_eq!(moved[6..], [3, 0], "{there}");
    let (status, said) = home.run(&[]);
    assert_eq!(status.code(), Some(69), "{said}");
    assert!(
        said.contains("were moved to redis://") && said.contains("MOVED"),
        "{said}"
    );
    let (code, said) = run(home.path(), &["--from", "poulpe-data", "--to", &url]);
    assert!(code == Some(69) && said.contains("was left"), "{said}");

    let back = report(home.path(), &["--from", &url, "--to", "back"]);
    for name in STATES {
        assert_eq!(state(&back, name), state(&there, name), "{name}");
    }
    let (status, said) = home.run(&["--redis", &url]);
    assert_eq!(status.code(), Some(69), "{said}");
    assert!(said.contains("were moved to /"), "{said}");

    let daemon = home.start(&["--data", "back", "--cron", cron]);
    target.open();
    assert_eq!(daemon.result("hangs").text("result"), "OK");
    assert_eq!(target.calls("/hang"), 2, "once before the kill, and again");
    for n in 0..5 {
        assert_eq!(daemon.result(&format!("waits-{n}")).text("result"), "OK");
        assert_eq!(target.calls(&format!("/waits-{n}")), 1);
    }
    for n in 0..3 {
        let result = daemon.result(&format!("done-{n}"));
        assert_eq!(
            (result.text("result"), &result.json["attempts"]),
            ("OK", &json!(1))
        );
        accept(&daemon, &call(&format!("done-{n}"), &format!("/done-{n}")));
        assert_eq!(target.calls(&format!("/done-{n}")), 1, "its id is guarded");
    }
    assert_eq!(daemon.get("/v1/jobs/later-3").json["due"], due);
    let retries = daemon.get("/v1/jobs/retries").json;
    assert_eq!(
        (&retries["state"], &retries["failures"]),
        (&json!("retrying"), &json!(1))
    );
    assert_eq!(retries["errors"].as_array().map(Vec::len), Some(1));
    let lost = daemon.get("/v1/jobs/hangs").json;
    assert_eq!(lost["result"]["attempts"], 2, "{lost}");
    assert_eq!(daemon.get("/v1/dead/dead").json["state"], "dead");
    assert_eq!(daemon.get("/v1/schedules/report").json["paused"], true);
    assert_eq!(daemon.post("/v1/dead/dead/revive", "").status, 200);
    assert_eq!(counts(&daemon)["delayed"], 5);
}

#[test]
fn a_move_that_is_killed_goes_on_and_a_difference_is_refused() {
    let (redis, home) = (RedisServer::start(), Home::new());
    let mut daemon = home.start(&[]);
    let many = 20_000;
    for page in 0..many / 2_000 {
        let task = |n: usize| json!({"id": format!("job-{page}-{n}"), "method": "GET", "name": NOBODY, "delay": 3600});
        let tasks: Vec<Value> = (0..2_000).map(task).collect();
        assert_eq!(daemon.submit(&json!(tasks)).status, 200);
    }
    daemon.signal(Signal::TERM);
    daemon.wait();
    let url = redis.url();
    let words = ["--from", "poulpe-data", "--to", &url];
    let mut child = migrate(home.path(), &words)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let first = lines.next().expect("a line").expect("text");
    assert!(first.starts_with("moved "), "{first}");
    child.kill().expect("it runs");
    child.wait().expect("a child");
    let moved: usize = redis
        .command(&["HLEN", "{poulpe}:job"])
        .parse()
        .expect("a number");
    assert!(moved > 0 && moved < many, "{moved} were moved");

    // Neither half may be used.
    for flags in [&["--redis", &url][..], &[]] {
        let (status, said) = home.run(flags);
        assert_eq!(status.code(), Some(69), "{said}");
        assert!(said.contains("run it again"), "{said}");
    }
    // Another target isn't begun beside it.
    let (code, said) = run(home.path(), &["--from", "poulpe-data", "--to", "other"]);
    assert!(code == Some(69) && said.contains("was begun"), "{said}");

    redis.command(&["HSET", "{poulpe}:checkpoint", "cintruder", "1x"]);
    let (code, said) = run(home.path(), &words);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("checkpoints") && said.contains("DIFFERENT"),
        "{said}"
    );
    let (status, _) = home.run(&["--redis", &url]);
    assert_eq!(status.code(), Some(69), "it is still not to be used");
    redis.command(&["HDEL", "{poulpe}:checkpoint", "cintruder"]);
    let done = report(home.path(), &words);
    assert_eq!(state(&done, "delayed").0, many as u64, "{done}");
    assert_eq!(done["same"], true);
    let daemon = home.start(&["--redis", &url]);
    assert_eq!(counts(&daemon)["delayed"], many);
}

#[test]
fn a_store_that_is_used_or_full_is_neither_left_nor_filled() {
    let (redis, homes) = (RedisServer::start(), [Home::new(), Home::new()]);
    let url = redis.url();
    let task = |id: &str| json!({"id": id, "method": "GET", "name": NOBODY, "delay": 3600});
    let embedded = homes[0].start(&[]);
    let shared = homes[1].start(&["--redis", &url]);
    accept(&embedded, &task("a"));
    accept(&shared, &task("b"));
    let dir = homes[0].path();
    for words in [
        ["--from", "poulpe-data", "--to", "new"],
        ["--from", &url, "--to", "new-2"],
    ] {
        let (code, said) = run(dir, &words);
        assert_eq!(code, Some(69), "{said}");
        assert!(
            said.contains("in use") || said.contains("a daemon uses it"),
            "{said}"
        );
    }
    let mut embedded = embedded;
    embedded.signal(Signal::TERM);
    embedded.wait();
    let to_redis = ["--from", "poulpe-data", "--to", &url];
    let (code, said) = run(dir, &to_redis);
    assert!(code == Some(69) && said.contains("not empty"), "{said}");
    let mut shared = shared;
    shared.signal(Signal::TERM);
    shared.wait();
    let (code, said) = run(dir, &to_redis);
    assert!(code == Some(69) && said.contains("not empty"), "{said}");
    // Nothing of all that stays: both go on.
    assert_eq!(redis.command(&["EXISTS", "{poulpe}:moved"]), "0");
    let again = homes[0].start(&[]);
    assert_eq!(counts(&again)["delayed"], 1);
    let other = ["--from", "nowhere", "--to", &url];
    let (code, said) = run(dir, &other);
    assert!(
        code == Some(69) && said.contains("no store in nowhere"),
        "{said}"
    );
    // Another prefix is another store.
    drop(again);
    let moved = report(
        dir,
        &["--from", "poulpe-data", "--to", &url, "--to_prefix", "two"],
    );
    assert_eq!(state(&moved, "delayed").0, 1);
    // From one of a kind to another.
    let on = [
        "--from",
        &url,
        "--from_prefix",
        "two",
        "--to",
        &url,
        "--to_prefix",
        "three",
    ];
    let on = report(dir, &on);
    let out = report(
        dir,
        &["--from", &url, "--from_prefix", "three", "--to", "out"],
    );
    let beside = report(dir, &["--from", "out", "--to", "beside"]);
    for later in [&on, &out, &beside] {
        assert_eq!(state(later, "delayed"), state(&moved, "delayed"));
    }
    let (code, said) = run(dir, &["--from", "beside", "--to", "beside"]);
    assert!(
        code == Some(69) && said.contains("the same directory"),
        "{said}"
    );
    let last = homes[0].start(&["--data", "beside"]);
    assert_eq!(counts(&last)["delayed"], 1);
}

#[test]
fn a_daemon_that_came_up_before_its_moved_redis_does_nothing_with_the_jobs() {
    let (mut redis, target, home) = (RedisServer::start(), Target::start(), Home::new());
    let url = redis.url();
    let mut daemon = home.start(&["--redis", &url]);
    let task =
        json!({"id": "a", "method": "GET", "name": format!("{}/a", target.url), "delay": 15});
    accept(&daemon, &task);
    daemon.signal(Signal::TERM);
    daemon.wait();
    report(home.path(), &["--from", &url, "--to", "new"]);
    redis.kill();
    let late = home.start(&["--redis", &url]);
    redis.restart();
    eventually("it knows that there is nothing to do", || {
        late.get("/readyz")
            .json
            .to_string()
            .contains("were moved by")
    });
    assert_eq!(
        late.submit(&json!({"method": "GET", "name": NOBODY}))
            .status,
        503
    );
    let new = Home::new();
    let data = home.path().join("new");
    let new = new.start(&["--data", data.to_str().expect("text")]);
    assert_eq!(new.result("a").text("result"), "OK");
    assert_eq!(target.calls("/a"), 1);
}

/// Writes a record as poulpe 0.2 did.
fn old(redis: &RedisServer, key: &str, url: &str, retry: u32) {
    let record = json!({"id": key, "tk_tp": "GET", "delay": 0, "name": url, "params": "", "post_time": 1_700_000_000,
        "exec_time": 0, "retry": retry, "cc": [], "error": if retry > 0 { "no luck" } else { "" }, "waiting_resp": 0});
    redis.command(&["SET", key, &record.to_string()]);
}

#[test]
fn what_poulpe_0_2_left_is_taken_over_while_a_daemon_runs() {
    let (redis, target, home) = (RedisServer::start(), Target::start(), Home::new());
    let time = redis.command(&["TIME"]);
    let now: u64 = time
        .lines()
        .next()
        .and_then(|second| second.parse().ok())
        .expect("a time");
    for (key, retry) in [
        ("task-works", 0),
        ("task-later", 0),
        ("task-overdue", 0),
        ("task-again", 1),
        ("task-gives up", 3),
        ("task-lost", 0),
        ("ST:3-1700000000", 0),
    ] {
        let path = key.replace([' ', ':'], "_");
        old(&redis, key, &format!("{}/{path}", target.url), retry);
    }
    for key in [
        "task-works",
        "ST:3-1700000000",
        "task-had-ended",
        "task-bad",
    ] {
        redis.command(&["SADD", "task||working", key]);
    }
    for key in ["task-again", "task-gives up"] {
        redis.command(&["SADD", "task||wrong", key]);
    }
    let later = format!("task-later {}", now + 3600);
    let overdue = format!("task-overdue {}", now - 60);
    for member in [&later, &overdue, "nonsense"] {
        redis.command(&["SADD", "task||delayed", member]);
    }
    redis.command(&["SET", "task-bad", "no JSON"]);
    let url = redis.url();
    let daemon = home.start(&["--redis", &url]);
    let words = [
        "--from",
        &url,
        "--from_version",
        "0.2",
        "--to",
        &url,
        "--json",
    ];
    let output = migrate(home.path(), &words)
        .output()
        .expect("the binary starts");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let taken: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let numbers = ["jobs", "dead", "known", "ended", "left"].map(|name| taken[name].clone());
    assert_eq!(numbers, [5, 2, 0, 1, 2].map(Value::from), "{taken}");
    let problems = taken["problems"].to_string();
    assert!(
        problems.contains("task-bad") && problems.contains("nonsense"),
        "{problems}"
    );

    for id in ["works", "overdue", "again", "ST:3-1700000000"] {
        assert_eq!(daemon.result(id).text("result"), "OK", "{id}");
    }
    for path in [
        "/task-works",
        "/task-overdue",
        "/task-again",
        "/ST_3-1700000000",
    ] {
        assert_eq!(target.calls(path), 1, "{path}");
    }
    assert_eq!(target.total(), 4);
    let job = daemon.get("/v1/jobs/later").json;
    let due = job["due"].as_str().expect("a time");
    let (code, said) = (job["state"].clone(), due);
    assert_eq!(code, "delayed", "{said}");
    let gives_up = daemon.get("/v1/dead/gives%20up").json;
    assert_eq!(gives_up["errors"][0]["reason"], "no luck", "{gives_up}");
    assert_eq!(daemon.get("/v1/dead/lost").json["state"], "dead");

    // What isn't understood is where it was; what was taken is put aside.
    assert_eq!(redis.command(&["GET", "task-bad"]), "no JSON");
    assert_eq!(
        redis.command(&["SISMEMBER", "task||working", "task-bad"]),
        "1"
    );
    assert_eq!(redis.command(&["SMEMBERS", "task||delayed"]), "nonsense");
    assert_eq!(redis.command(&["EXISTS", "task-works", "task-later"]), "0");
    assert_eq!(
        redis.command(&["EXISTS", "taken||task-works", "taken||task-later"]),
        "2"
    );

    // Again, as after a crash before it was put aside: nothing runs twice.
    redis.command(&["RENAME", "taken||task-works", "task-works"]);
    redis.command(&["SADD", "task||working", "task-works"]);
    redis.command(&["DEL", "task-bad"]);
    redis.command(&["SREM", "task||delayed", "nonsense"]);
    let (code, said) = run(home.path(), &words[..6]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1 were there already"), "{said}");
    assert_eq!(daemon.result("works").text("result"), "OK");
    assert_eq!(target.total(), 4);
}
