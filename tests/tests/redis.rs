//! Daemons that share a store in Redis: the real binary, a real server.

use poulpe_tests::{Daemon, Home, RedisServer, Signal, Target, eventually};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long a lease lasts.
const LEASE: Duration = Duration::from_secs(15);

fn join(home: &Home, redis: &RedisServer, more: &[&str]) -> Daemon {
    let url = redis.url();
    let mut flags = vec!["--redis", &url];
    flags.extend(more);
    home.start(&flags)
}

fn get(id: &str, url: &str) -> Value {
    json!({"id": id, "method": "GET", "name": url})
}

fn accept(daemon: &Daemon, task: &Value) {
    let answer = daemon.submit(task);
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Whether this daemon runs something on a lane.
fn is_busy(daemon: &Daemon) -> bool {
    daemon.get("/sys_info").json["channel_sizes"] != Value::Null
        && daemon.get("/v1/stats").json["lanes"]
            .as_array()
            .is_some_and(|lanes| lanes.iter().any(|lane| lane["state"] != "idle"))
}

#[test]
fn a_job_submitted_to_one_runs_on_another_and_is_awaited_on_a_third() {
    let (redis, target) = (RedisServer::start(), Target::start());
    let homes = [(); 3].map(|()| Home::new());
    let one_lane = ["--workers", "1"];
    let a = join(&homes[0], &redis, &one_lane);
    let c = join(&homes[2], &redis, &one_lane);
    // Neither of these two has a worker left.
    for id in ["long-1", "long-2"] {
        accept(&a, &get(id, &format!("{}/hang", target.url)));
    }
    eventually("both have something to do", || is_busy(&a) && is_busy(&c));
    accept(&a, &get("short", &format!("{}/short", target.url)));
    let b = join(&homes[1], &redis, &one_lane);
    let result = c.result("short");
    assert_eq!((result.status, result.text("result")), (200, "OK"));
    assert_eq!(target.calls("/short"), 1);
    assert_eq!(target.calls("/hang"), 2, "they hang still");
    assert_eq!(b.get("/v1/stats").json["ended"]["succeeded"], 1);
    target.open();
}

#[test]
fn a_result_is_told_to_a_daemon_that_did_not_run_the_job() {
    let (redis, target) = (RedisServer::start(), Target::start());
    let homes = [(); 2].map(|()| Home::new());
    let daemons = [0, 1].map(|n| join(&homes[n], &redis, &[]));
    for n in 0..20 {
        let id = format!("job-{n}");
        accept(&daemons[n % 2], &get(&id, &format!("{}/{n}", target.url)));
        assert_eq!(daemons[1 - n % 2].result(&id).text("result"), "OK");
    }
    assert_eq!((target.total(), target.most_calls()), (20, 1));
}

#[test]
fn jobs_of_a_killed_daemon_run_elsewhere_within_twice_the_lease() {
    let (redis, target) = (RedisServer::start(), Target::start());
    let homes = [(); 2].map(|()| Home::new());
    let a = join(&homes[0], &redis, &["--workers", "2"]);
    for n in 0..2 {
        let task = get(&format!("job-{n}"), &format!("{}/hang/{n}", target.url));
        accept(&a, &task);
    }
    target.wait_for(2);
    accept(&a, &get("waits", &format!("{}/waits", target.url)));
    let b = join(&homes[1], &redis, &["--workers", "2"]);
    let begin = Instant::now();
    a.kill();
    target.open();
    for id in ["job-0", "job-1", "waits"] {
        assert_eq!(b.result(id).text("result"), "OK", "{id}");
    }
    let took = begin.elapsed();
    assert!(took < 2 * LEASE, "only after {took:?}");
    let runs = target.runs();
    for n in 0..2 {
        let id = format!("job-{n}");
        let attempts = runs.iter().filter(|(of, _)| *of == id);
        assert_eq!(
            attempts.count(),
            2,
            "once before the kill and once after: {runs:?}"
        );
    }
}

#[test]
fn a_daemon_that_slept_past_its_lease_is_refused_and_goes_on() {
    let (redis, target) = (RedisServer::start(), Target::start());
    let homes = [(); 2].map(|()| Home::new());
    let a = join(&homes[0], &redis, &["--workers", "1"]);
    accept(&a, &get("long", &format!("{}/hang", target.url)));
    target.wait_for(1);
    a.signal(Signal::STOP);
    let b = join(&homes[1], &redis, &["--workers", "1"]);
    // Its lease ends, and the job is handed to the other one.
    target.wait_for(2);
    a.signal(Signal::CONT);
    // The first attempt is told that it has lost its lease while both still hang.
    eventually("the lost lease is noticed", || {
        a.get("/v1/stats").json["lost"] == 1
    });
    target.open();
    assert_eq!(b.result("long").text("result"), "OK");
    assert_eq!(b.result("long").json["attempts"], 2);
    let ended = |daemon: &Daemon| daemon.get("/v1/stats").json["ended"]["succeeded"].clone();
    assert_eq!(ended(&b), 1);
    assert_eq!(ended(&a), 0, "its completion counts for nothing");
    // It works again.
    b.kill();
    accept(&a, &get("next", &format!("{}/next", target.url)));
    assert_eq!(a.result("next").text("result"), "OK");
}

#[test]
fn lanes_hold_across_daemons() {
    let (redis, target) = (RedisServer::start(), Target::start());
    let homes = [(); 3].map(|()| Home::new());
    let daemons = [0, 1, 2].map(|n| join(&homes[n], &redis, &[]));
    let on_lane_1 = |id: &str, path: &str| json!({"id": id, "method": "GET", "name": format!("{}{path}", target.url), "cc": "1"});
    accept(&daemons[0], &on_lane_1("first", "/hang/first"));
    target.wait_for(1);
    for n in 0..6 {
        let (id, path) = (format!("next-{n}"), format!("/next/{n}"));
        accept(&daemons[n % 3], &on_lane_1(&id, &path));
    }
    // All daemons run what may run anywhere meanwhile, so each has looked at what is ready.
    for (n, daemon) in daemons.iter().enumerate() {
        let id = format!("free-{n}");
        accept(daemon, &get(&id, &format!("{}/free/{n}", target.url)));
        assert_eq!(daemon.result(&id).text("result"), "OK");
    }
    assert_eq!(target.total(), 4, "somebody else runs on lane 1");
    target.open();
    for n in 0..6 {
        assert_eq!(daemons[0].result(&format!("next-{n}")).text("result"), "OK");
    }
    assert_eq!(target.most_calls(), 1);
}

#[test]
fn while_redis_is_gone_submits_are_refused_and_work_goes_on_by_itself() {
    let (mut redis, target) = (RedisServer::start(), Target::start());
    let home = Home::new();
    let daemon = join(&home, &redis, &[]);
    accept(&daemon, &get("before", &format!("{}/before", target.url)));
    assert_eq!(daemon.result("before").text("result"), "OK");
    let delayed = json!({"id": "later", "method": "GET", "name": format!("{}/later", target.url), "delay": 2});
    accept(&daemon, &delayed);
    assert_eq!(daemon.get("/readyz").status, 200);
    redis.kill();
    let begin = Instant::now();
    let refused = daemon.submit(&get("refused", &format!("{}/refused", target.url)));
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.retry_after.is_some(), "{refused:?}");
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "{:?}",
        begin.elapsed()
    );
    eventually("it isn't ready", || daemon.get("/readyz").status == 503);
    let checks = daemon.get("/readyz").json["checks"].clone();
    let of_store = checks
        .as_array()
        .expect("checks")
        .iter()
        .find(|check| check["name"] == "store");
    let reason = of_store
        .and_then(|check| check["reason"].as_str())
        .unwrap_or_default();
    assert!(reason.contains("Redis"), "{checks}");
    assert_eq!(daemon.get("/healthz").status, 200, "no restart helps");
    redis.restart();
    eventually("it is ready again", || daemon.get("/readyz").status == 200);
    assert_eq!(daemon.result("later").text("result"), "OK");
    accept(&daemon, &get("after", &format!("{}/after", target.url)));
    assert_eq!(daemon.result("after").text("result"), "OK");
    assert_eq!(
        daemon.result("before").text("result"),
        "OK",
        "its result was kept"
    );
    assert_eq!((target.calls("/later"), target.calls("/refused")), (1, 0));
}

#[test]
fn a_server_that_is_not_there_yet_is_waited_for() {
    let (mut redis, target) = (RedisServer::start(), Target::start());
    redis.kill();
    let home = Home::new();
    let daemon = join(&home, &redis, &[]);
    let task = get("early", &format!("{}/early", target.url));
    let refused = daemon.submit(&task);
    assert_eq!((refused.status, refused.retry_after.is_some()), (503, true));
    redis.restart();
    eventually("it is ready", || daemon.get("/readyz").status == 200);
    accept(&daemon, &task);
    assert_eq!(daemon.result("early").text("result"), "OK");
}

#[test]
fn a_server_that_hangs_is_told_within_the_time_out() {
    let (redis, target) = (RedisServer::start(), Target::start());
    let home = Home::new();
    let daemon = join(&home, &redis, &["--redis_timeout", "1"]);
    redis.signal(Signal::STOP);
    let begin = Instant::now();
    let refused = daemon.submit(&get("refused", &format!("{}/refused", target.url)));
    let took = begin.elapsed();
    assert_eq!((refused.status, refused.retry_after.is_some()), (503, true));
    assert!(took < Duration::from_secs(3), "{took:?}");
    eventually("it isn't ready", || daemon.get("/readyz").status == 503);
    redis.signal(Signal::CONT);
    eventually("it is ready again", || daemon.get("/readyz").status == 200);
    accept(&daemon, &get("after", &format!("{}/after", target.url)));
    assert_eq!(daemon.result("after").text("result"), "OK");
    // Whether the refused one was taken isn't known; that it runs once at most is.
    assert!(target.calls("/refused") <= 1);
}

#[test]
fn a_server_that_becomes_read_only_takes_nothing_until_it_no_longer_is() {
    let (redis, target) = (RedisServer::start(), Target::start());
    let home = Home::new();
    let daemon = join(&home, &redis, &[]);
    // Of a master that isn't there: what it has it keeps.
    redis.command(&["REPLICAOF", "127.0.0.1", "1"]);
    let refused = daemon.submit(&get("refused", &format!("{}/refused", target.url)));
    assert_eq!((refused.status, refused.retry_after.is_some()), (503, true));
    assert!(refused.text("reason").contains("READONLY"), "{refused:?}");
    eventually("it isn't ready", || daemon.get("/readyz").status == 503);
    redis.command(&["REPLICAOF", "NO", "ONE"]);
    eventually("it is ready again", || daemon.get("/readyz").status == 200);
    accept(&daemon, &get("after", &format!("{}/after", target.url)));
    assert_eq!(daemon.result("after").text("result"), "OK");
    assert_eq!(target.calls("/refused"), 0);
}

#[test]
fn what_is_full_refuses_jobs_and_ends_those_it_has() {
    let (redis, target) = (RedisServer::start(), Target::start());
    let home = Home::new();
    let daemon = join(&home, &redis, &["--workers", "1"]);
    accept(&daemon, &get("held", &format!("{}/hang", target.url)));
    target.wait_for(1);
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let refused = daemon.submit(&get("refused", &format!("{}/refused", target.url)));
    assert_eq!((refused.status, refused.retry_after.is_some()), (503, true));
    assert!(refused.text("reason").contains("memory"), "{refused:?}");
    eventually("it isn't ready", || daemon.get("/readyz").status == 503);
    target.open();
    assert_eq!(daemon.result("held").text("result"), "OK");
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    eventually("it is ready again", || daemon.get("/readyz").status == 200);
    accept(&daemon, &get("after", &format!("{}/after", target.url)));
    assert_eq!(daemon.result("after").text("result"), "OK");
}

#[test]
fn settings_that_may_lose_jobs_are_told() {
    let redis = RedisServer::with(&["--appendonly", "no", "--maxmemory-policy", "allkeys-lru"]);
    let home = Home::new();
    let daemon = join(&home, &redis, &[]);
    let ready = daemon.get("/readyz");
    assert_eq!(ready.status, 200, "a warning keeps nothing away");
    let text = ready.json.to_string();
    for word in ["appendonly no", "allkeys-lru"] {
        assert!(text.contains(word), "{word}: {text}");
        assert!(home.log().contains(word), "{word}: {}", home.log());
    }
}

#[test]
fn a_password_is_never_told() {
    let redis = RedisServer::with(&["--requirepass", "s3cret"]);
    let url = redis.url().replace("redis://", "redis://:s3cret@");
    let home = Home::new();
    let daemon = home.start(&["--redis", &url]);
    let told = format!(
        "{}{}{}{}",
        daemon.greeting,
        home.log(),
        daemon.get("/v1/stats").json,
        daemon.get("/readyz").json
    );
    assert!(
        told.contains("redis://127.0.0.1") && !told.contains("s3cret"),
        "{told}"
    );
    let wrong = redis.url().replace("redis://", "redis://:wr0ng@");
    let (status, said) = home.run(&["--redis", &wrong]);
    assert_eq!(status.code(), Some(69), "{said}");
    assert!(
        said.contains("password") && !said.contains("wr0ng"),
        "{said}"
    );
    let (status, said) = home.run(&["--check", "--redis", "http://:wr0ng@h"]);
    assert_eq!(status.code(), Some(64), "{said}");
    assert!(!said.contains("wr0ng"), "{said}");
}

#[test]
fn a_cron_file_that_two_daemons_carry_fires_once() {
    let (redis, target) = (RedisServer::start(), Target::start());
    let homes = [(); 2].map(|()| Home::new());
    let text = format!("ID=tick\n* * * * * * * {}/tick GET\n", target.url);
    for home in &homes {
        std::fs::write(home.path().join("a.cron"), &text).expect("it writes");
    }
    let flags = ["--cron", "a.cron"];
    let a = join(&homes[0], &redis, &flags);
    let b = join(&homes[1], &redis, &flags);
    target.wait_for(4);
    // Whoever drove it, the other goes on.
    a.kill();
    target.wait_for(8);
    drop(b);
    let mut runs = target.runs();
    runs.sort();
    let count = runs.len();
    runs.dedup_by(|one, other| one.0 == other.0);
    // What the killed one had just started may have run again.
    let again = count - runs.len();
    assert!(again <= 1, "{again} fire times ran twice: {runs:?}");
    assert!(
        runs.iter().all(|(id, _)| id.starts_with("tick@")),
        "{runs:?}"
    );
}

/// The daemon with this process id, as another one knows it.
fn seen(by: &Daemon, pid: u32) -> Option<Value> {
    let listed = by.get("/v1/daemons").json;
    let daemons = listed["daemons"].as_array()?.iter();
    daemons.into_iter().find(|one| one["pid"] == pid).cloned()
}

#[test]
fn each_daemon_shows_all_of_them_and_notices_one_that_is_gone() {
    let (redis, target) = (RedisServer::start(), Target::start());
    let homes = [(); 3].map(|()| Home::new());
    let a = join(&homes[0], &redis, &["--workers", "3"]);
    let b = join(&homes[1], &redis, &["--workers", "1"]);
    let mut c = join(&homes[2], &redis, &[]);
    for one in [&a, &b] {
        for other in [&a, &b] {
            eventually("each is known to the other", || {
                seen(one, other.pid()).is_some()
            });
            let view = seen(one, other.pid()).expect("it was seen");
            assert_eq!(view["this"], one.pid() == other.pid(), "{view}");
            assert_eq!(view["gone"], false, "{view}");
            assert_eq!(view["version"], a.get("/sys_info").json["version"]);
            let address = other.url.strip_prefix("http://").expect("an address");
            assert_eq!(view["address"], address);
            assert!(view["host"].as_str().is_some_and(|host| !host.is_empty()));
        }
    }
    assert_eq!(seen(&b, a.pid()).expect("known")["workers"], 3);
    let info = a.get("/sys_info").json;
    assert_eq!(info["daemons"].as_array().map(Vec::len), Some(3), "{info}");
    // One that stops as it should is forgotten at once.
    let left = c.pid();
    eventually("the third is known", || seen(&a, left).is_some());
    c.signal(Signal::TERM);
    c.wait();
    assert_eq!(seen(&a, left), None);
    // What a lane of another one runs is seen.
    accept(&b, &get("hangs", &format!("{}/hang", target.url)));
    target.wait_for(1);
    let (runner, observer) = if is_busy(&a) { (a, b) } else { (b, a) };
    let gone = runner.pid();
    eventually("its run is seen", || {
        seen(&observer, gone).is_some_and(|view| view["runs"][0]["job"] == "hangs")
    });
    let view = seen(&observer, gone).expect("known");
    assert_eq!(
        (&view["busy"], &view["runs"][0]["attempt"]),
        (&json!(1), &json!(1))
    );
    runner.kill();
    eventually("it seems gone", || {
        seen(&observer, gone).is_some_and(|view| view["gone"] == true)
    });
    eventually("it is forgotten", || seen(&observer, gone).is_none());
    assert_eq!(
        seen(&observer, observer.pid()).expect("it is")["gone"],
        false
    );
    target.open();
}
