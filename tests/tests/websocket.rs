//! `GET /ws_task` of the real binary: every job's end reaches the socket that asked for it, whoever runs the job.

use poulpe_tests::{Daemon, Home, RedisServer, Signal, Socket, Target, eventually, say};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

fn get(id: &str, url: &str) -> Value {
    json!({"id": id, "method": "GET", "name": url})
}

/// The acknowledgement of a task.
fn accepted(socket: &mut Socket, id: &str) -> Value {
    let told = socket.json();
    assert_eq!(
        (
            &told["result"],
            &told["reason"],
            &told["id"],
            &told["request_id"]
        ),
        (&json!("OK"), &json!("accepted"), &json!(id), &json!(id)),
        "{told}"
    );
    told
}

/// The result of a job.
fn ended(socket: &mut Socket, id: &str, state: &str) -> Value {
    let told = socket.json();
    assert_eq!(
        (&told["id"], &told["request_id"], &told["state"]),
        (&json!(id), &json!(id), &json!(state)),
        "{told}"
    );
    assert!(told["finished_at"].is_string(), "{told}");
    told
}

#[test]
fn jobs_that_are_delayed_retried_buried_or_cancelled_are_told_to_their_socket() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&["--retry_interval", "0.1", "--max_retry", "1"]);
    let mut socket = daemon.socket();
    let url = |path: &str| format!("{}{path}", target.url);

    let mut delayed = get("delayed", &url("/delayed"));
    delayed["delay"] = json!(0.3);
    let asked = Instant::now();
    socket.send(&delayed);
    assert_eq!(accepted(&mut socket, "delayed")["state"], "delayed");
    let result = ended(&mut socket, "delayed", "done");
    assert_eq!(
        (&result["result"], &result["output"]),
        (&json!("OK"), &json!("ok"))
    );
    assert!(asked.elapsed() >= Duration::from_millis(300));

    socket.send(&get("dead", &url("/fail/dead")));
    accepted(&mut socket, "dead");
    let result = ended(&mut socket, "dead", "dead");
    assert_eq!(
        (&result["result"], &result["attempts"], &result["status"]),
        (&json!("Fail"), &json!(2), &json!(500))
    );

    let mut retried = get("retried", &url("/fail/retried"));
    retried["max_retry"] = json!(1_000);
    socket.send(&retried);
    accepted(&mut socket, "retried");
    eventually("it was tried twice", || target.calls("/fail/retried") >= 2);
    target.mend();
    let result = ended(&mut socket, "retried", "done");
    assert!(result["attempts"].as_u64() > Some(2), "{result}");

    let mut later = get("cancelled", &url("/never"));
    later["delay"] = json!(3_600);
    socket.send(&later);
    accepted(&mut socket, "cancelled");
    assert_eq!(daemon.delete("/v1/jobs/cancelled").status, 200);
    let result = ended(&mut socket, "cancelled", "done");
    assert_eq!(result["reason"], "cancelled");
    assert_eq!(target.calls("/never"), 0);
    assert!(
        socket.is_silent(Duration::from_millis(100)),
        "each end is told once"
    );
}

#[test]
fn a_task_of_another_door_is_watched_before_and_after_its_end() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    let url = format!("{}/hang", target.url);
    assert_eq!(daemon.submit(&get("a", &url)).status, 200);
    target.wait_for(1);
    let mut sockets = [daemon.socket(), daemon.socket()];
    for socket in &mut sockets {
        socket.send(&json!({"watch": "a"}));
        let watching = socket.json();
        assert_eq!(
            (&watching["reason"], &watching["state"]),
            (&json!("watching"), &json!("running"))
        );
    }
    target.open();
    for socket in &mut sockets {
        ended(socket, "a", "done");
    }
    let mut late = daemon.socket();
    late.send(&json!({"watch": "a"}));
    assert_eq!(late.json()["reason"], "watching");
    ended(&mut late, "a", "done");
    late.send(&json!({"watch": "nobody"}));
    let unknown = late.json();
    assert_eq!(
        (&unknown["result"], &unknown["request_id"]),
        (&json!("Fail"), &json!("nobody"))
    );
}

#[test]
fn what_cannot_be_taken_is_refused_in_its_place_among_thousands() {
    const MANY: usize = 3_000;
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    let mut socket = daemon.socket();
    let url = format!("{}/x", target.url);
    let message = |n: usize| match n % 10 {
        3 => json!({"id": n.to_string(), "method": "NOPE", "name": "x"}),
        5 => json!({"id": n.to_string(), "method": "EXEC", "name": "true"}),
        7 => json!([get(&n.to_string(), &url)]),
        _ => get(&n.to_string(), &url),
    };
    for n in 0..MANY {
        socket.queue(&message(n));
    }
    socket.flush();
    let (mut next, mut results) = (0, 0);
    while next < MANY || results < MANY / 10 * 8 {
        let told = socket.json();
        if told["finished_at"].is_string() {
            assert_eq!(told["result"], "OK", "{told}");
            results += 1;
            continue;
        }
        let (one, result) = match next % 10 {
            3 | 5 => (&told, "Fail"),
            7 => (&told[0], "OK"),
            _ => (&told, "OK"),
        };
        assert_eq!(
            (&one["id"], &one["result"]),
            (&json!(next.to_string()), &json!(result)),
            "{told}"
        );
        next += 1;
    }
    let calls = usize::try_from(target.calls("/x")).expect("a count");
    assert_eq!(calls, MANY / 10 * 8);
}

#[test]
fn a_client_that_is_killed_loses_nothing_but_its_answers() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    let mut socket = daemon.socket();
    let url = format!("{}/hang", target.url);
    socket.send(&get("a", &url));
    accepted(&mut socket, "a");
    drop(socket);
    target.open();
    assert_eq!(daemon.result("a").text("state"), "done");
    let mut again = daemon.socket();
    again.send(&get("a", &url));
    assert_eq!(accepted(&mut again, "a")["state"], "done");
    ended(&mut again, "a", "done");
    assert_eq!(target.calls("/hang"), 1);
}

#[test]
fn at_a_shutdown_what_ends_in_time_is_told_and_the_rest_is_kept() {
    let (home, target) = (Home::new(), Target::start());
    let mut daemon = home.start(&["--drain", "20"]);
    let mut socket = daemon.socket();
    let mut later = get("later", &format!("{}/later", target.url));
    later["delay"] = json!(3_600);
    for task in [&get("runs", &format!("{}/hang", target.url)), &later] {
        socket.send(task);
        accepted(&mut socket, task["id"].as_str().expect("an id"));
    }
    target.wait_for(1);
    daemon.signal(Signal::TERM);
    eventually("new work is refused", || {
        daemon.get("/readyz").status == 503
    });
    socket.send(&get("new", &target.url));
    let refused = socket.json();
    assert_eq!(
        (&refused["result"], &refused["id"]),
        (&json!("Fail"), &json!("new"))
    );
    target.open();
    ended(&mut socket, "runs", "done");
    let (code, reason) = socket.ended();
    assert!(
        code == 1001 && reason.contains("shutting down"),
        "{code} {reason}"
    );
    assert!(daemon.wait().success());
    let daemon = home.start(&[]);
    assert_eq!(daemon.get("/v1/jobs/later").text("state"), "delayed");
    assert_eq!(daemon.get("/v1/jobs/new").status, 404);
}

fn join(home: &Home, redis: &RedisServer) -> Daemon {
    home.start(&["--redis", &redis.url(), "--workers", "1"])
}

#[test]
fn a_result_reaches_its_socket_whichever_daemon_runs_the_job() {
    let (redis, target) = (RedisServer::start(), Target::start());
    let homes = [(); 2].map(|()| Home::new());
    let a = join(&homes[0], &redis);
    let url = |path: &str| format!("{}{path}", target.url);
    let mut socket = a.socket();
    socket.send(&get("long", &url("/hang")));
    accepted(&mut socket, "long");
    target.wait_for(1);
    // The only worker of A is busy: B has to run these.
    for n in 0..20 {
        socket.queue(&get(&format!("short-{n}"), &url("/short")));
    }
    socket.flush();
    for n in 0..20 {
        accepted(&mut socket, &format!("short-{n}"));
    }
    let b = join(&homes[1], &redis);
    let mut told: Vec<String> = (0..20)
        .map(|_| socket.json()["id"].as_str().expect("an id").to_string())
        .collect();
    told.sort();
    let mut all: Vec<String> = (0..20).map(|n| format!("short-{n}")).collect();
    all.sort();
    assert_eq!(told, all);
    assert_eq!(b.get("/v1/stats").json["ended"]["succeeded"], 20);
    // And what A runs is told on B.
    let mut watches = b.socket();
    watches.send(&json!({"watch": "long"}));
    assert_eq!(watches.json()["state"], "running");
    target.open();
    ended(&mut watches, "long", "done");
    ended(&mut socket, "long", "done");
}

#[test]
fn who_may_open_a_socket() {
    let home = Home::new();
    let daemon = home.start(&["--cors_origin", "https://app.example"]);
    let open = |headers: &str| Socket::open(&daemon.url, "/ws_task", headers).err();
    assert_eq!(open("origin: https://app.example\r\n"), None);
    assert_eq!(open("origin: https://evil.example\r\n"), Some(403));
    assert_eq!(open(&format!("origin: {}\r\n", daemon.url)), None);
    let home = Home::new();
    let daemon = home.start(&["--token", "s3cret"]);
    assert_eq!(Socket::open(&daemon.url, "/ws_task", "").err(), Some(401));
    assert_eq!(
        Socket::open(&daemon.url, "/ws_task?token=s3cret", "").err(),
        None
    );
    assert!(!home.log().contains("s3cret"));
}

#[test]
fn a_client_made_with_another_library_is_served() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&["--token", "s3cret?"]);
    let task = json!({"method": "GET", "name": format!("{}/py", target.url)});
    let url = daemon.url.replace("http://", "ws://") + "/ws_task";
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ws_client.py");
    // Debian's Python finds Debian's package.
    let client = Command::new("/usr/bin/python3")
        .arg(script)
        .args([&url, "s3cret?", "500", &task.to_string()])
        .output()
        .expect("python3 is installed");
    assert!(
        client.status.success(),
        "{}",
        String::from_utf8_lossy(&client.stderr)
    );
    assert_eq!(target.calls("/py"), 500);
}

/// What a daemon holds of memory, in KiB.
fn resident(daemon: &Daemon) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid()));
    let status = status.expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

#[test]
fn ten_thousand_idle_sockets_take_less_than_200_mb() {
    const MANY: usize = 10_000;
    // The daemon inherits the limit.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let most = limit.maximum.and_then(|most| usize::try_from(most).ok());
    let count = most.map_or(MANY, |most| MANY.min(most.saturating_sub(500)));
    let raised = rustix::process::Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised)
        .expect("up to the maximum");
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    let before = resident(&daemon);
    // Each has done something.
    let mut sockets: Vec<Socket> = (0..count).map(|_| daemon.socket()).collect();
    for (n, socket) in sockets.iter_mut().enumerate() {
        socket.send(&get(&n.to_string(), &format!("{}/x", target.url)));
    }
    for (n, socket) in sockets.iter_mut().enumerate() {
        accepted(socket, &n.to_string());
        ended(socket, &n.to_string(), "done");
    }
    let after = resident(&daemon);
    say(&format!(
        "{count} idle sockets: {} KiB each, {after} KiB in all, {before} KiB without",
        (after - before) / count
    ));
    assert!(
        after < 200_000 * count / MANY + before,
        "{after} KiB for {count} sockets"
    );
    // And they live.
    let last = sockets.last_mut().expect("a socket");
    last.send(&json!({"watch": "0"}));
    assert_eq!(last.json()["reason"], "watching");
}
