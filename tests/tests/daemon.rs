//! The daemon as a new user tries it: what the README promises, on the real binary.

use poulpe_tests::{Daemon, Home, Signal, Target, eventually};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::process::Command;

fn get(target: &Target, path: &str) -> Value {
    json!({"method": "GET", "name": format!("{}{path}", target.url)})
}

/// The task with more fields.
fn with(mut task: Value, fields: &Value) -> Value {
    for (name, value) in fields.as_object().expect("an object") {
        task[name] = value.clone();
    }
    task
}

fn count(daemon: &Daemon, state: &str) -> u64 {
    daemon.get("/sys_info").json["counts"][state]
        .as_u64()
        .expect("a count")
}

/// The dead letters' files.
fn dead_files(home: &Home) -> Vec<String> {
    let days = std::fs::read_dir(home.path().join("poulpe-data/dead"))
        .into_iter()
        .flatten()
        .flatten();
    let files = days.flat_map(|day| {
        std::fs::read_dir(day.path())
            .into_iter()
            .flatten()
            .flatten()
    });
    files
        .map(|file| file.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.ends_with(".tmp"))
        .collect()
}

#[test]
fn it_greets_with_a_command_that_works_when_pasted() {
    let home = Home::new();
    let daemon = home.start(&[]);
    assert!(
        daemon.greeting.contains("embedded") && daemon.greeting.contains("workers  4"),
        "{}",
        daemon.greeting
    );
    let line = daemon
        .greeting
        .lines()
        .find_map(|line| line.trim().strip_prefix("try      "))
        .expect("a command");
    let output = Command::new("sh")
        .args(["-c", line])
        .output()
        .expect("sh and curl");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (&answer["result"], &answer["status"]),
        (&json!("OK"), &json!(200)),
        "{answer}"
    );
}

#[test]
fn get_and_post_tasks_call_their_targets() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    let answer = daemon.submit(&with(
        get(&target, "/a"),
        &json!({"params": "x=1&y=2", "wait": 30}),
    ));
    assert_eq!(
        (answer.text("result"), target.calls("/a?x=1&y=2")),
        ("OK", 1),
        "{answer:?}"
    );
    let body = r#"{"quoted": "\"é\""}"#;
    let post =
        json!({"method": "post", "name": format!("{}/b", target.url), "params": body, "wait": 30});
    assert_eq!(daemon.submit(&post).text("result"), "OK");
    assert_eq!(target.body("/b"), body);
}

#[test]
fn commands_run_when_they_are_allowed_and_are_refused_with_the_way_out_when_not() {
    let home = Home::new();
    let echo = json!({"method": "EXEC", "name": "/bin/echo", "params": ["two  words"], "wait": 30});
    let refused = home.start(&[]).submit(&echo);
    assert_eq!(refused.status, 400);
    assert!(
        refused.text("reason").contains("--exec_allow"),
        "{refused:?}"
    );
    let answer = home.start(&["--exec_allow", "/bin/echo"]).submit(&echo);
    assert_eq!(
        (answer.text("output"), &answer.json["status"]),
        ("two  words\n", &json!(0)),
        "{answer:?}"
    );
}

#[test]
fn delays_are_whole_fractional_or_a_point_in_time() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    let at = daemon.submit(&with(
        get(&target, "/at"),
        &json!({"at": "2020-01-01T00:00:00Z", "wait": 30}),
    ));
    assert_eq!(at.text("result"), "OK");
    let delayed = daemon.submit(&with(get(&target, "/delayed"), &json!({"delay": 3600})));
    assert_eq!(delayed.text("state"), "delayed");
    let start = std::time::Instant::now();
    let fraction = daemon.submit(&with(
        get(&target, "/soon"),
        &json!({"delay": 0.25, "wait": 30}),
    ));
    assert_eq!(fraction.text("result"), "OK");
    assert!(
        start.elapsed().as_millis() >= 250,
        "early: {:?}",
        start.elapsed()
    );
    assert_eq!(
        (target.calls("/delayed"), count(&daemon, "delayed")),
        (0, 1)
    );
}

#[test]
fn an_array_is_answered_in_order_each_task_with_its_own_answer() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    let tasks = json!([with(get(&target, "/1"), &json!({"id": "one"})), {"method": "GET"}, with(get(&target, "/3"), &json!({"id": "three"}))]);
    let answer = daemon.submit(&tasks);
    let results: Vec<&str> = answer
        .json
        .as_array()
        .expect("an array")
        .iter()
        .map(|a| a["result"].as_str().unwrap_or(""))
        .collect();
    assert_eq!(results, ["OK", "Fail", "OK"], "{answer:?}");
    assert!(
        answer.json[1]["reason"]
            .as_str()
            .expect("a reason")
            .contains("name")
    );
    for id in ["one", "three"] {
        assert_eq!(daemon.result(id).text("result"), "OK");
    }
}

#[test]
fn a_result_can_be_waited_for_by_many_before_and_after_the_end() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    daemon.submit(&with(get(&target, "/hang"), &json!({"id": "a"})));
    target.wait_for(1);
    assert_eq!(
        daemon.get("/task_resp/a?timeout=0").text("result"),
        "Timeout"
    );
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..5)
            .map(|_| scope.spawn(|| daemon.result("a").text("result").to_string()))
            .collect();
        target.open();
        for one in waiting {
            assert_eq!(one.join().expect("no panic"), "OK");
        }
    });
    assert_eq!(daemon.result("a").text("result"), "OK");
    assert_eq!(daemon.get("/task_resp/nobody").status, 404);
}

#[test]
fn a_kill_in_the_middle_of_ten_thousand_tasks_loses_none() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    let task = |n: usize| {
        with(
            get(&target, &format!("/{n}")),
            &json!({"id": format!("{n}")}),
        )
    };
    // Delayed ones that fall due while nobody runs.
    let delayed: Vec<Value> = (0..100)
        .map(|n| with(get(&target, &format!("/d{n}")), &json!({"delay": 1})))
        .collect();
    assert_eq!(daemon.submit(&json!(delayed)).status, 200);
    let mut accepted = Vec::new();
    std::thread::scope(|scope| {
        let submitters: Vec<_> = (0..4)
            .map(|part| {
                let (daemon, task) = (&daemon, &task);
                scope.spawn(move || {
                    let mine = (0..2_500).map(|n| n * 4 + part);
                    mine.take_while(|n| daemon.try_submit(&task(*n)))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        // Killed while it accepts and runs.
        target.wait_for(1_500);
        daemon.signal(Signal::KILL);
        for submitter in submitters {
            accepted.extend(submitter.join().expect("no panic"));
        }
    });
    drop(daemon);
    assert!(
        accepted.len() >= 1_400,
        "too few to say anything: {}",
        accepted.len()
    );
    let daemon = home.start(&[]);
    let accepted: HashSet<usize> = accepted.into_iter().collect();
    let rest: Vec<Value> = (0..10_000)
        .filter(|n| !accepted.contains(n))
        .map(task)
        .collect();
    for some in rest.chunks(1_000) {
        assert_eq!(daemon.submit(&json!(some)).status, 200);
    }
    eventually("every task has run", || target.distinct() == 10_100);
    eventually("every task has ended", || {
        ["ready", "running", "delayed", "retrying", "dead"]
            .iter()
            .all(|state| count(&daemon, state) == 0)
    });
}

#[test]
fn failing_tasks_are_retried_then_dead_then_revived() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&["--retry_interval", "0.05", "--max_retry", "2"]);
    let own = with(
        get(&target, "/fail/own"),
        &json!({"id": "own/é 🐙", "max_retry": 0, "wait": 30}),
    );
    let answer = daemon.submit(&own);
    assert_eq!(
        (
            answer.text("result"),
            answer.text("state"),
            target.calls("/fail/own")
        ),
        ("Fail", "dead", 1),
        "{answer:?}"
    );
    daemon.submit(&with(get(&target, "/fail/all"), &json!({"id": "all"})));
    assert_eq!(daemon.result("all").json["attempts"], 3);
    assert_eq!(target.calls("/fail/all"), 3);
    eventually("the files are there", || dead_files(&home).len() == 2);
    let listed = daemon.get("/v1/dead");
    assert!(listed.json.to_string().contains("own/é 🐙"), "{listed:?}");
    let shown = daemon.get("/v1/jobs/all").json.to_string();
    assert!(shown.contains("dead") && shown.contains("500"), "{shown}");
    target.mend();
    assert_eq!(
        daemon
            .post("/v1/dead/own%2F%C3%A9%20%F0%9F%90%99/revive", "")
            .status,
        200
    );
    assert_eq!(
        daemon.result("own%2F%C3%A9%20%F0%9F%90%99").text("result"),
        "OK"
    );
    eventually("its file is gone", || dead_files(&home) == ["all.3.json"]);
    assert_eq!(daemon.post("/v1/dead/nobody/revive", "").status, 404);
}

#[test]
fn cancelling_a_command_ends_it_with_all_its_children() {
    let home = Home::new();
    let daemon = home.start(&["--exec_allow", "/bin/sh"]);
    let script = format!(
        "sleep 3600 & echo $! > {}/child; wait",
        home.path().display()
    );
    daemon
        .submit(&json!({"id": "a", "method": "EXEC", "name": "/bin/sh", "params": ["-c", script]}));
    let file = home.path().join("child");
    eventually("the child runs", || {
        std::fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n'))
    });
    let child = std::fs::read_to_string(&file)
        .expect("a number")
        .trim()
        .to_string();
    assert_eq!(daemon.delete("/v1/jobs/a").status, 202);
    let result = daemon.result("a");
    assert_eq!(
        (result.text("result"), result.text("reason")),
        ("Fail", "cancelled"),
        "{result:?}"
    );
    // A zombie that nobody has waited for yet is as dead as one that is gone.
    eventually("the child is dead", || {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    });
    assert_eq!(daemon.get("/v1/dead/a").status, 404);
    daemon.submit(&json!({"id": "later", "method": "EXEC", "name": "/bin/sh", "delay": 3600}));
    assert_eq!(daemon.delete("/v1/jobs/later").status, 200);
    assert_eq!(daemon.delete("/v1/jobs/later").status, 409);
}

#[test]
fn a_signal_drains_and_whoever_waits_is_answered() {
    let (home, target) = (Home::new(), Target::start());
    let mut daemon = home.start(&[]);
    daemon.submit(&with(get(&target, "/hang"), &json!({"id": "a"})));
    target.wait_for(1);
    let status = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| daemon.result("a").text("result").to_string());
        daemon.signal(Signal::TERM);
        eventually("it takes no more tasks", || {
            daemon.submit(&get(&target, "/late")).status == 503
        });
        assert_eq!(daemon.get("/readyz").status, 503);
        target.open();
        waiting.join().expect("no panic")
    });
    assert_eq!((status.as_str(), daemon.wait().code()), ("OK", Some(0)));
}

#[test]
fn what_a_drain_interrupts_runs_again_after_the_next_start() {
    let (home, target) = (Home::new(), Target::start());
    let mut daemon = home.start(&["--drain", "0.1"]);
    daemon.submit(&with(get(&target, "/hang"), &json!({"id": "a"})));
    target.wait_for(1);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", home.log());
    target.open();
    let daemon = home.start(&[]);
    let result = daemon.result("a");
    assert_eq!(
        (result.text("result"), &result.json["attempts"]),
        ("OK", &json!(2)),
        "{result:?}"
    );
}

#[test]
fn a_second_signal_stops_at_once_and_loses_nothing() {
    let (home, target) = (Home::new(), Target::start());
    let mut daemon = home.start(&["--drain", "3600"]);
    daemon.submit(&with(get(&target, "/hang"), &json!({"id": "a"})));
    target.wait_for(1);
    daemon.signal(Signal::INT);
    eventually("it drains", || daemon.get("/readyz").status == 503);
    daemon.signal(Signal::INT);
    assert_eq!(daemon.wait().code(), Some(1));
    target.open();
    assert_eq!(home.start(&[]).result("a").text("result"), "OK");
}

#[test]
fn with_a_token_every_door_but_healthz_wants_it() {
    let home = Home::new();
    std::fs::write(home.path().join("token"), "s3cret\n").expect("a file");
    let daemon = home.start(&["--token_file", "token"]);
    assert_eq!(daemon.get("/sys_info").status, 401);
    assert_eq!(daemon.get("/healthz").status, 200);
    let request =
        ureq::get(format!("{}/sys_info", daemon.url)).header("authorization", "Bearer s3cret");
    assert_eq!(request.call().expect("an answer").status(), 200);
    assert!(!home.log().contains("s3cret"));
}

#[test]
fn bad_tasks_get_a_reason_and_harm_nothing() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&["--exec_allow", "/bin/sh"]);
    let url = &target.url;
    let long = "x".repeat(10_000);
    for (field, body) in [
        ("JSON", "{".to_string()),
        ("JSON", "nonsense".to_string()),
        ("method", json!({"name": url}).to_string()),
        ("method", json!({"method": "FLY", "name": url}).to_string()),
        ("method", json!({"method": 7, "name": url}).to_string()),
        ("name", json!({"method": "GET"}).to_string()),
        (
            "name",
            json!({"method": "GET", "name": "http://"}).to_string(),
        ),
        (
            "name",
            json!({"method": "GET", "name": "ftp://x/"}).to_string(),
        ),
        (
            "name",
            json!({"method": "GET", "name": "not a url"}).to_string(),
        ),
        (
            "name",
            json!({"method": "EXEC", "name": "/bin/echo"}).to_string(),
        ),
        (
            "id",
            json!({"method": "GET", "name": url, "id": "a\nb"}).to_string(),
        ),
        (
            "id",
            json!({"method": "GET", "name": url, "id": long}).to_string(),
        ),
        (
            "cc",
            json!({"method": "GET", "name": url, "cc": "9"}).to_string(),
        ),
        (
            "cc",
            json!({"method": "GET", "name": url, "cc": "-1"}).to_string(),
        ),
        (
            "cc",
            json!({"method": "GET", "name": url, "cc": "x"}).to_string(),
        ),
        (
            "delay",
            json!({"method": "GET", "name": url, "delay": -1}).to_string(),
        ),
        (
            "delay",
            json!({"method": "GET", "name": url, "delay": 1e300}).to_string(),
        ),
        (
            "JSON",
            format!(r#"{{"method":"GET","name":"{url}","delay":NaN}}"#),
        ),
    ] {
        let answer = daemon.post("/task_in_queue", &body);
        assert_eq!(
            (answer.status, answer.text("result")),
            (400, "Fail"),
            "{body}: {answer:?}"
        );
        assert!(answer.text("reason").contains(field), "{body}: {answer:?}");
    }
    assert_eq!(
        daemon
            .post(
                "/task_in_queue",
                &json!({"method": "GET", "name": url, "params": "x".repeat(2 << 20)}).to_string()
            )
            .status,
        413
    );
    assert_eq!(
        daemon
            .submit(&with(get(&target, "/ok"), &json!({"wait": 30})))
            .text("result"),
        "OK"
    );
}

#[test]
fn a_data_directory_that_can_not_be_used_is_refused_with_the_reason() {
    let home = Home::new();
    let daemon = home.start(&[]);
    let (status, said) = home.run(&[]);
    assert_eq!(status.code(), Some(69), "{said}");
    assert!(said.contains("in use"), "{said}");
    drop(daemon);
    std::fs::write(home.path().join("file"), "").expect("a file");
    let (status, said) = home.run(&["--data", "file"]);
    assert_eq!(status.code(), Some(69), "{said}");
}

#[test]
fn a_port_in_use_is_refused_with_the_way_out() {
    let (home, other) = (Home::new(), Home::new());
    let daemon = home.start(&[]);
    let port = daemon.url.rsplit(':').next().expect("a port");
    let mut command = Command::new(poulpe_tests::binary());
    let output = command
        .current_dir(other.path())
        .args(["--port", port])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(port) && said.contains("--port"), "{said}");
}

#[test]
fn a_job_that_kills_its_daemon_again_and_again_is_buried_after_the_fifth_time() {
    let home = Home::new();
    let flags = ["--exec_allow", "/bin/sh", "--retry_interval", "0.01"];
    let mut daemon = home.start(&flags);
    let killer = json!({"id": "killer", "method": "EXEC", "name": "/bin/sh", "params": ["-c", "kill -9 $PPID"]});
    // The answer may or may not arrive before the daemon dies.
    daemon.try_submit(&killer);
    for _ in 0..4 {
        daemon.wait();
        daemon = home.start(&flags);
    }
    daemon.wait();
    let daemon = home.start(&flags);
    let result = daemon.result("killer");
    assert_eq!(
        (result.text("state"), &result.json["attempts"]),
        ("dead", &json!(5)),
        "{result:?}"
    );
    assert!(result.text("reason").contains("vanished"), "{result:?}");
    eventually("its file is there", || dead_files(&home).len() == 1);
}

#[test]
fn a_data_directory_of_a_newer_version_or_without_permission_is_refused() {
    let home = Home::new();
    home.start(&[]).kill();
    let data = home.path().join("poulpe-data");
    std::fs::write(data.join("FORMAT"), "poulpe store 99\n").expect("a file");
    let (status, said) = home.run(&[]);
    assert_eq!(status.code(), Some(69), "{said}");
    assert!(said.contains("newer"), "{said}");
    let (status, said) = home.run(&["--data", "/proc/poulpe"]);
    assert_eq!(status.code(), Some(69), "{said}");
}

#[test]
fn a_second_signal_takes_running_commands_along() {
    let home = Home::new();
    let mut daemon = home.start(&["--exec_allow", "/bin/sh", "--drain", "3600"]);
    let script = format!(
        "trap '' TERM; echo $$ > {}/leader; while :; do sleep 1; done",
        home.path().display()
    );
    daemon.submit(&json!({"method": "EXEC", "name": "/bin/sh", "params": ["-c", script]}));
    let file = home.path().join("leader");
    eventually("it runs", || {
        std::fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n'))
    });
    let leader = std::fs::read_to_string(&file)
        .expect("a number")
        .trim()
        .to_string();
    daemon.signal(Signal::INT);
    eventually("it drains", || daemon.get("/readyz").status == 503);
    daemon.signal(Signal::INT);
    assert_eq!(daemon.wait().code(), Some(1));
    assert!(
        !std::path::Path::new(&format!("/proc/{leader}")).exists(),
        "{leader} lives on"
    );
}
