//! The known faults of poulpe 0.2, one test each: none comes back.

use poulpe_tests::{Home, Signal, Target, eventually};
use serde_json::{Value, json};

fn get(target: &Target, path: &str, fields: Value) -> Value {
    let mut task = fields;
    task["method"] = json!("GET");
    task["name"] = json!(format!("{}{path}", target.url));
    task
}

#[test]
fn of_fifty_thousand_tasks_due_in_the_same_second_every_one_runs_once() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    let due = daemon.get("/healthz").status; // The daemon is up; the tasks below are due about two seconds from now.
    assert_eq!(due, 200);
    for part in 0..50 {
        let tasks: Vec<Value> = (0..1_000)
            .map(|n| {
                get(
                    &target,
                    &format!("/{}", part * 1_000 + n),
                    json!({"delay": 2}),
                )
            })
            .collect();
        assert_eq!(daemon.submit(&json!(tasks)).status, 200);
    }
    eventually("all have run", || target.distinct() == 50_000);
    assert_eq!(target.most_calls(), 1);
}

#[test]
fn tasks_that_fall_due_while_the_daemon_is_down_run_at_its_start() {
    let (home, target) = (Home::new(), Target::start());
    let mut daemon = home.start(&[]);
    daemon.submit(&get(&target, "/due", json!({"delay": 0.5, "id": "due"})));
    daemon.signal(Signal::TERM);
    daemon.wait();
    let daemon = home.start(&[]);
    assert_eq!(daemon.result("due").text("result"), "OK");
    assert_eq!(target.calls("/due"), 1);
}

#[test]
fn a_missing_command_or_output_that_is_not_text_leaves_every_worker_alive() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&["--exec_allow", "*", "--workers", "2"]);
    for n in 0..4 {
        let missing = json!({"id": format!("m{n}"), "method": "EXEC", "name": "/no/such/command", "max_retry": 0});
        let answer = daemon.submit(&missing);
        if answer.status == 200 {
            assert_eq!(daemon.result(&format!("m{n}")).text("result"), "Fail");
        } else {
            assert!(
                answer.status == 400 && answer.text("reason").contains("/no/such/command"),
                "{answer:?}"
            );
        }
        let binary = json!({"id": format!("b{n}"), "method": "EXEC", "name": "/bin/sh", "params": ["-c", "printf '\\377\\376'"]});
        daemon.submit(&binary);
        assert_eq!(daemon.result(&format!("b{n}")).text("result"), "OK");
    }
    let both = json!([
        get(&target, "/hang1", json!({})),
        get(&target, "/hang2", json!({}))
    ]);
    daemon.submit(&both);
    target.wait_for(2);
    target.open();
}

#[test]
fn a_lane_of_minus_one_is_refused_and_every_restart_works() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    assert_eq!(
        daemon
            .submit(&get(&target, "/x", json!({"cc": "-1"})))
            .status,
        400
    );
    daemon.kill();
    let daemon = home.start(&[]);
    assert_eq!(
        daemon
            .submit(&get(&target, "/y", json!({"wait": 30})))
            .text("result"),
        "OK"
    );
}

#[test]
fn ids_with_spaces_and_slashes_stop_neither_delayed_tasks_nor_retries() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&["--retry_interval", "0.05", "--max_retry", "1"]);
    daemon.submit(&get(
        &target,
        "/fail/odd",
        json!({"id": "odd id/with\\all", "delay": 0.1}),
    ));
    daemon.submit(&get(
        &target,
        "/fail/plain",
        json!({"id": "plain", "delay": 0.2}),
    ));
    assert_eq!(daemon.result("plain").json["attempts"], 2);
    let odd = daemon.result("odd%20id%2Fwith%5Call");
    assert_eq!(
        (odd.text("state"), &odd.json["attempts"]),
        ("dead", &json!(2)),
        "{odd:?}"
    );
}

#[test]
fn waiting_with_the_task_gives_its_result_also_after_a_delay() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    for fields in [json!({"wait": 30}), json!({"wait": 30, "delay": 0.2})] {
        let answer = daemon.submit(&get(&target, "/w", fields));
        assert_eq!(
            (answer.text("result"), answer.text("state")),
            ("OK", "done"),
            "{answer:?}"
        );
    }
}

#[test]
fn a_result_is_asked_for_by_the_id_of_its_task() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    daemon.submit(&get(&target, "/a", json!({"id": "order-17"})));
    assert_eq!(daemon.result("order-17").text("id"), "order-17");
}

#[test]
fn wronging_keys_shows_the_dead_ones_and_no_others() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&["--max_retry", "0"]);
    daemon.submit(&get(&target, "/fail", json!({"id": "wrong", "wait": 30})));
    daemon.submit(&get(
        &target,
        "/later",
        json!({"id": "later", "delay": 3600}),
    ));
    daemon.submit(&get(&target, "/hang", json!({"id": "runs"})));
    target.wait_for(2);
    let info = daemon.get("/sys_info").json;
    assert_eq!(info["wronging_keys"], json!(["wrong"]), "{info}");
    assert_eq!(info["delaying_keys"], json!(["later"]), "{info}");
    assert_eq!(info["working_keys"], json!(["runs"]), "{info}");
    target.open();
}

#[test]
fn ten_tasks_of_one_id_run_once_and_another_task_of_that_id_is_a_conflict() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    for _ in 0..10 {
        let answer = daemon.submit(&get(
            &target,
            "/a",
            json!({"id": "one", "params": "first=1", "wait": 30}),
        ));
        assert_eq!(answer.text("result"), "OK", "{answer:?}");
    }
    assert_eq!(
        daemon
            .submit(&get(
                &target,
                "/a",
                json!({"id": "one", "params": "last=1"})
            ))
            .status,
        409
    );
    assert_eq!((target.calls("/a?first=1"), target.total()), (1, 1));
}

#[test]
fn an_answer_of_201_is_a_success() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    let answer = daemon.submit(&get(&target, "/created", json!({"wait": 30})));
    assert_eq!(
        (answer.text("result"), &answer.json["status"]),
        ("OK", &json!(201)),
        "{answer:?}"
    );
}

#[test]
fn an_idle_worker_starts_at_once() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    let start = std::time::Instant::now();
    // poulpe 0.2 looked once a second: these forty would have taken it twenty seconds, one after the other.
    for n in 0..40 {
        let answer = daemon.submit(&get(&target, &format!("/{n}"), json!({"wait": 30})));
        assert_eq!(answer.text("result"), "OK");
    }
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn mail_with_a_bad_address_is_refused_and_kills_no_worker() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&["--workers", "1", "--smtp_server", "127.0.0.1"]);
    let params = json!({"from_addr": "no address", "to_addr": "nor this", "title": "", "body": ""});
    let mail = json!({"method": "MAIL_TO", "name": "mail", "params": params.to_string()});
    let answer = daemon.submit(&mail);
    assert!(
        answer.status == 400 && answer.text("reason").contains("`params.from_addr`"),
        "{answer:?}"
    );
    let after = daemon.submit(&get(&target, "/after", json!({"wait": 30})));
    assert_eq!(after.text("result"), "OK", "{after:?}");
}
