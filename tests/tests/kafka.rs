//! Tasks from a topic and results to another one, with a real broker and a client of others.

use poulpe_tests::{
    Daemon, Home, KafkaServer, KafkaSettings, RedisServer, Signal, Target, eventually, free_port,
    random, say,
};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// How often the daemon is killed, during so many records.
const KILLS: usize = 30;
const RECORDS: usize = 20_000;

fn flags<'a>(address: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut flags = vec!["--kafka_servers", address, "--kafka_topic", "tasks"];
    flags.extend(more);
    flags
}

fn kafka(daemon: &Daemon) -> Value {
    daemon.get("/v1/stats").json["kafka"].clone()
}

/// What `/readyz` says of Kafka; empty if all is well.
fn trouble(daemon: &Daemon) -> String {
    let ready = daemon.get("/readyz");
    let checks = ready.json["checks"].as_array().cloned().unwrap_or_default();
    let check = checks.into_iter().find(|check| check["name"] == "kafka");
    let check = check.unwrap_or_default();
    let reason = check["reason"].as_str().unwrap_or_default().to_string();
    assert_eq!(check["ok"], reason.is_empty(), "{check}");
    reason
}

fn task(target: &Target, path: &str) -> String {
    json!({"method": "GET", "name": format!("{}/{path}", target.url)}).to_string()
}

fn tasks(target: &Target, count: usize) -> String {
    let mut lines = String::new();
    for number in 0..count {
        writeln!(lines, "{}", task(target, &number.to_string())).expect("text");
    }
    lines
}

/// Results by key.
fn results(server: &KafkaServer) -> HashMap<String, Vec<Value>> {
    let mut results: HashMap<String, Vec<Value>> = HashMap::new();
    for record in server.consume("results") {
        let value = serde_json::from_str(&record.value).expect("JSON");
        results.entry(record.key).or_default().push(value);
    }
    results
}

#[test]
fn records_become_jobs_and_their_results_go_back() {
    let (home, target, server) = (Home::new(), Target::start(), KafkaServer::start());
    server.create("tasks", 2);
    server.create("results", 2);
    let address = server.address();
    let daemon = home.start(&flags(&address, &["--kafka_resp_topic", "results"]));
    server.produce(
        "tasks",
        &["-p", "0", "-H", &format!("traceparent={TRACE}")],
        &task(&target, "a"),
    );
    target.wait_for(1);
    let chosen = |path: &str| json!({"id": "mine", "method": "GET", "name": format!("{}/{path}", target.url)});
    server.produce("tasks", &["-p", "1"], &chosen("b").to_string());
    target.wait_for(2);
    // The same again is nothing new; another task of that id can't be told, so it is a dead letter.
    server.produce("tasks", &["-p", "1"], &chosen("b").to_string());
    server.produce(
        "tasks",
        &["-p", "1", "-k", "key", "-H", "h=v"],
        &chosen("c").to_string(),
    );
    // Not JSON, a kind that nobody runs, and no value at all.
    server.produce(
        "tasks",
        &["-p", "1"],
        "{\"method\":\n{\"method\":\"NO\",\"name\":\"x\"}\n",
    );
    server.produce("tasks", &["-p", "1", "-K", "|", "-Z"], "gone|\n");
    server.produce("tasks", &["-p", "1"], &task(&target, "last"));
    target.wait_for(3);
    eventually("every record has a result", || {
        kafka(&daemon)["results_sent"].as_u64() >= Some(7)
    });

    let results = results(&server);
    assert_eq!(results["tasks-0-0"][0]["result"], "OK");
    assert_eq!(results["mine"].len(), 1);
    assert_eq!(results["mine"][0]["output"], "ok");
    assert_eq!(
        daemon.result("mine").json["result"],
        "OK",
        "another door knows it too"
    );
    for (id, reason) in [
        ("tasks-1-2", "another task has the id mine"),
        ("tasks-1-3", "not valid JSON"),
        ("tasks-1-4", "NO is not something"),
        ("tasks-1-5", "no value"),
    ] {
        assert_eq!(results[id][0]["result"], "Fail");
        let told = results[id][0]["reason"].as_str().expect("a reason");
        assert!(told.contains(reason), "{id}: {told}");
        let dead = daemon.get(&format!("/v1/dead/{id}"));
        assert_eq!(dead.status, 200, "{dead:?}");
    }
    let dead = daemon.get("/v1/dead/tasks-1-2").json.to_string();
    for told in [
        "\\\"offset\\\":2",
        "\\\"partition\\\":1",
        "\\\"key\\\":\\\"key\\\"",
        "\\\"h\\\":\\\"v\\\"",
    ] {
        assert!(dead.contains(told), "{told} in {dead}");
    }
    let traced = server
        .consume("results")
        .into_iter()
        .find(|record| record.key == "tasks-0-0");
    assert_eq!(
        traced.map(|record| record.headers),
        Some(format!("traceparent={TRACE}"))
    );
    let kafka = kafka(&daemon);
    let part = &kafka["partitions"][1];
    assert_eq!(
        (&part["offset"], &part["lag"]),
        (&json!(7), &json!(0)),
        "{kafka}"
    );
    assert_eq!(
        (
            &kafka["accepted"],
            &kafka["duplicates"],
            &kafka["dead_letters"]
        ),
        (&json!(3), &json!(1), &json!(4))
    );
    assert_eq!(trouble(&daemon), "");
}

#[test]
fn thirty_kills_neither_lose_nor_double_a_record() {
    let (home, target, server) = (Home::new(), Target::start(), KafkaServer::start());
    server.create("tasks", 3);
    server.create("results", 3);
    let address = server.address();
    // Results are forgotten at once, so that a record read twice would be a second job; little is read ahead, so that
    // every life has something to read.
    let flags = flags(
        &address,
        &[
            "--kafka_resp_topic",
            "results",
            "--result_max",
            "1",
            "--kafka_queue_max",
            "400",
            "--retry_interval",
            "0.05",
            "--workers",
            "8",
        ],
    );
    server.produce("tasks", &["-p", "-1"], &tasks(&target, RECORDS));
    let begin = Instant::now();
    let mut read_while_killed = 0;
    for _ in 0..KILLS {
        let daemon = home.start(&flags);
        let moment = Duration::from_millis(200 + random(800) as u64);
        std::thread::park_timeout(moment);
        read_while_killed += u64::from(kafka(&daemon)["accepted"].as_u64() > Some(0));
        daemon.kill();
    }
    let killed = begin.elapsed();
    let daemon = home.start(&flags);
    let lag = |daemon: &Daemon| -> i64 {
        let kafka = kafka(daemon);
        let parts = kafka["partitions"].as_array().cloned().unwrap_or_default();
        if parts.len() < 3 {
            return i64::MAX;
        }
        parts
            .iter()
            .map(|part| part["lag"].as_i64().unwrap_or(100_000))
            .sum()
    };
    eventually("everything is read", || lag(&daemon) == 0);
    eventually("everything has ended and was sent", || {
        let stats = daemon.get("/v1/stats").json;
        let left = |field: &str| stats["counts"][field].as_u64() == Some(0);
        left("ready") && left("running") && left("retrying") && stats["unsent"] == 0
    });
    // Every job has a number, in order: the next one tells how many there were.
    let next =
        daemon.submit(&json!({"id": "next", "method": "GET", "name": target.url, "delay": 1000}));
    assert_eq!(next.status, 200);
    let sequence = daemon.get("/v1/jobs/next").json["sequence"].as_u64();
    let results = results(&server);
    let sent: usize = results.values().map(Vec::len).sum();
    say(&format!(
        "{KILLS} kills in {killed:.0?}, {read_while_killed} of them after something was read; {RECORDS} records: {} jobs, \
         {} with a result, {sent} results sent; {} calls",
        sequence.unwrap_or_default() - 1,
        results.len(),
        target.total(),
    ));
    assert_eq!(
        sequence,
        Some(RECORDS as u64 + 1),
        "jobs beside the records"
    );
    let ids: HashSet<&String> = results.keys().collect();
    assert_eq!(ids.len(), RECORDS, "records without a result");
}

#[test]
fn what_goes_wrong_with_the_broker_is_told_and_mends_itself() {
    let (home, target) = (Home::new(), Target::start());
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let flags = flags(&address, &["--kafka_resp_topic", "results"]);
    let daemon = home.start(&flags);
    eventually("no broker is told", || {
        trouble(&daemon).contains("tasks: connecting")
    });
    assert_eq!(daemon.get("/healthz").status, 200);
    let settings = KafkaSettings {
        port: Some(port),
        ..KafkaSettings::default()
    };
    let mut server = KafkaServer::with(&settings);
    eventually("a missing topic is told", || {
        trouble(&daemon).contains("topic tasks isn't there")
    });
    server.create("tasks", 1);
    assert!(
        !server.list().contains("\"results\""),
        "it was created by us"
    );
    server.produce("tasks", &["-p", "0"], &task(&target, "a"));
    target.wait_for(1);
    eventually("a missing topic for results is told", || {
        trouble(&daemon).contains("results: topic results isn't there")
    });
    server.create("results", 1);
    eventually("all is well", || trouble(&daemon).is_empty());
    eventually("the result is sent", || {
        results(&server).contains_key("tasks-0-0")
    });

    server.kill();
    eventually("a broker that went is told", || {
        !trouble(&daemon).is_empty()
    });
    server.restart();
    server.produce("tasks", &["-p", "0"], &task(&target, "b"));
    target.wait_for(2);
    eventually("all is well again", || trouble(&daemon).is_empty());
    eventually("that result is sent too", || {
        results(&server).contains_key("tasks-0-1")
    });

    server.topics(&["--alter", "--topic", "tasks", "--partitions", "2"]);
    server.produce("tasks", &["-p", "1"], &task(&target, "c"));
    target.wait_for(3);
    let told = home.log().matches("isn't there; create it").count();
    assert!(told <= 2, "told {told} times");

    // Records are deleted before they are read.
    drop(daemon);
    server.produce("tasks", &["-p", "0"], &tasks(&target, 3));
    server.delete_records("tasks", 4);
    let daemon = home.start(&flags);
    eventually("the last record is read", || {
        kafka(&daemon)["partitions"][0]["lag"] == 0
    });
    assert!(home.log().contains("deleted before they could be read"));
    drop(daemon);

    // The topic is made anew: nothing is read until a person has decided.
    server.topics(&["--delete", "--topic", "tasks"]);
    eventually("it is gone", || !server.list().contains("topic \"tasks\""));
    server.create("tasks", 2);
    server.produce("tasks", &["-p", "0"], &task(&target, "anew"));
    let daemon = home.start(&flags);
    eventually("another log is told", || {
        trouble(&daemon).contains("--kafka_reset")
    });
    assert_eq!(target.calls("/anew"), 0);
    drop(daemon);
    let mut reset = flags.clone();
    reset.extend(["--kafka_reset", "earliest"]);
    let daemon = home.start(&reset);
    eventually("it is read anew", || target.calls("/anew") == 1);
    eventually("all is well at last", || trouble(&daemon).is_empty());
}

/// Stands before a broker, and lets nothing through for a while.
fn proxy(to: u16) -> (u16, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let shut = Arc::new(AtomicBool::new(false));
    let of_thread = shut.clone();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(broker) = TcpStream::connect(("127.0.0.1", to)) else {
                continue;
            };
            let pairs = [
                (client.try_clone(), broker.try_clone()),
                (Ok(broker), Ok(client)),
            ];
            for (from, to) in pairs {
                let shut = of_thread.clone();
                std::thread::spawn(move || {
                    carry(from.expect("a socket"), to.expect("a socket"), &shut);
                });
            }
        }
    });
    (port, shut)
}

/// Carries bytes; swallows them for good on a connection that was there while it was shut.
fn carry(mut from: TcpStream, mut to: TcpStream, shut: &AtomicBool) {
    use std::io::{Read, Write};
    let mut bytes = [0; 65_536];
    let mut is_dead = false;
    while let Ok(count) = from.read(&mut bytes) {
        is_dead |= shut.load(Ordering::Relaxed);
        if count == 0 || (!is_dead && to.write_all(&bytes[..count]).is_err()) {
            return;
        }
    }
}

#[test]
fn a_broker_that_swallows_everything_is_left_and_found_again() {
    let (home, target) = (Home::new(), Target::start());
    let port = free_port();
    let (way, shut) = proxy(port);
    let server = KafkaServer::with(&KafkaSettings {
        port: Some(port),
        advertised: Some(way),
        ..KafkaSettings::default()
    });
    // The broker sends its own tools over the way too.
    server.create("tasks", 1);
    let address = format!("127.0.0.1:{way}");
    let daemon = home.start(&flags(&address, &[]));
    server.produce("tasks", &["-p", "0"], &task(&target, "a"));
    target.wait_for(1);
    shut.store(true, Ordering::Relaxed);
    let begin = Instant::now();
    eventually("silence is told", || trouble(&daemon).contains("no answer"));
    assert!(
        begin.elapsed() < Duration::from_secs(20),
        "{:?}",
        begin.elapsed()
    );
    shut.store(false, Ordering::Relaxed);
    server.produce("tasks", &["-p", "0"], &task(&target, "b"));
    target.wait_for(2);
    eventually("all is well again", || trouble(&daemon).is_empty());
}

/// A certificate for this machine's address by an authority of its own: both, and the key, in PEM.
fn certificate(year: i32) -> (String, String) {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    let mut authority = CertificateParams::new(Vec::new()).expect("params");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(authority, key).expect("an authority");
    let mut params = CertificateParams::new(vec!["127.0.0.1".into()]).expect("params");
    params.not_after = rcgen::date_time_ymd(year, 1, 1);
    let key = KeyPair::generate().expect("a key");
    let server = params.signed_by(&key, &authority).expect("a certificate");
    let pem = format!("{}{}{}", key.serialize_pem(), server.pem(), authority.pem());
    (pem, authority.pem())
}

fn secure(year: i32) -> (KafkaServer, String) {
    let (pem, authority) = certificate(year);
    let server = KafkaServer::with(&KafkaSettings {
        pem: Some(pem),
        user: Some(("alice".into(), "s3cret".into())),
        ..KafkaSettings::default()
    });
    (server, authority)
}

#[test]
fn encrypted_connections_and_logins_of_three_kinds_reach_the_broker() {
    let home = Home::new();
    let (server, authority) = secure(2100);
    let (ca, address) = (home.path().join("ca.pem"), server.address());
    std::fs::write(&ca, authority).expect("a file");
    let ca = ca.display().to_string();
    let with = |sasl: &'static str, password: &'static str| {
        let more = [
            "--kafka_ca",
            &ca,
            "--kafka_sasl",
            sasl,
            "--kafka_user",
            "alice",
            "--kafka_pwd",
            password,
        ];
        home.start(&flags(&address, &more))
    };
    for sasl in ["plain", "scram-sha-256", "scram-sha-512"] {
        let daemon = with(sasl, "s3cret");
        // It got as far as to see that the topic isn't there.
        eventually(sasl, || {
            trouble(&daemon).contains("topic tasks isn't there")
        });
        drop(daemon);
        let daemon = with(sasl, "wrong");
        eventually(sasl, || trouble(&daemon).to_lowercase().contains("sasl"));
        assert!(!trouble(&daemon).contains("wrong"), "a password is told");
    }
    let stranger = home.start(&flags(
        &address,
        &[
            "--kafka_tls",
            "--kafka_user",
            "alice",
            "--kafka_pwd",
            "s3cret",
        ],
    ));
    eventually("an unknown authority is told", || {
        trouble(&stranger).contains("UnknownIssuer")
    });
    drop(server);

    let (server, authority) = secure(2020);
    let (home, address) = (Home::new(), server.address());
    let ca = home.path().join("ca.pem");
    std::fs::write(&ca, authority).expect("a file");
    let ca = ca.display().to_string();
    let more = [
        "--kafka_ca",
        &ca,
        "--kafka_user",
        "alice",
        "--kafka_pwd",
        "s3cret",
    ];
    let daemon = home.start(&flags(&address, &more));
    eventually("an expired certificate is told", || {
        trouble(&daemon).to_lowercase().contains("expired")
    });
}

#[test]
fn daemons_on_one_redis_share_the_partitions() {
    let (home, target) = (Home::new(), Target::start());
    let (redis, server) = (RedisServer::start(), KafkaServer::start());
    server.create("tasks", 4);
    let (address, url) = (server.address(), redis.url());
    let flags = flags(&address, &["--redis", &url]);
    let owners = |daemon: &Daemon| -> HashSet<String> {
        let kafka = kafka(daemon);
        let parts = kafka["partitions"].as_array().cloned().unwrap_or_default();
        let owners = parts
            .iter()
            .map(|part| part["owner"].as_str().unwrap_or_default().to_string());
        owners.collect()
    };
    let is_shared_by = |daemon: &Daemon, count: usize| {
        let owners = owners(daemon);
        owners.len() == count && !owners.contains("")
    };
    let first = home.start(&flags);
    eventually("the first has all", || is_shared_by(&first, 1));
    server.produce("tasks", &["-p", "-1"], &tasks(&target, 500));
    let second_home = Home::new();
    let mut second = second_home.start(&flags);
    eventually("each has some", || {
        is_shared_by(&first, 2) && is_shared_by(&second, 2)
    });
    server.produce("tasks", &["-p", "-1"], &tasks(&target, 500));
    second.signal(Signal::TERM);
    assert!(second.wait().success());
    eventually("the first has all again", || is_shared_by(&first, 1));
    let third = second_home.start(&flags);
    eventually("each has some again", || is_shared_by(&first, 2));
    first.kill();
    eventually("the dead one's are taken over", || is_shared_by(&third, 1));
    server.produce("tasks", &["-p", "-1"], &tasks(&target, 500));
    eventually("everything is read and done", || {
        let stats = third.get("/v1/stats").json;
        let parts = stats["kafka"]["partitions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let read: i64 = parts
            .iter()
            .map(|part| part["offset"].as_i64().unwrap_or(0))
            .sum();
        read == 1_500 && stats["counts"]["done"] == 1_500
    });
    assert_eq!(target.distinct(), 500);
}
