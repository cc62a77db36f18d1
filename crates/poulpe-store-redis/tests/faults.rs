//! What a store does about servers that hang, records that can't be read and replicas that are gone.

mod common;

use common::{Server, job, wait};
use poulpe_job::{AttemptError, Due, JobId, JobResult, Timestamp};
use poulpe_store::{
    Accepted, Claim, Entry, Group, Incarnation, Inspect, Store, StoreError, StoreExt,
};
use poulpe_store_redis::{Options, RedisStore};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_true() {
        assert!(Instant::now() < end, "never happened: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn accept(store: &RedisStore, name: &str) -> Result<Accepted, StoreError> {
    wait(store.enqueue_one(Group::job(job(name), Due::NOW)))
}

/// Passes bytes on to a server after a while, and drops those of connections that were made before the last stall: they stay
/// open.
struct Proxy {
    port: u16,
    stalls: Arc<AtomicUsize>,
    /// In milliseconds.
    latency: Arc<AtomicU64>,
}

impl Proxy {
    fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let stalls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&stalls);
        let latency = Arc::new(AtomicU64::new(0));
        let slowed = Arc::clone(&latency);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) else {
                    return;
                };
                let ends = (client.try_clone(), server.try_clone());
                let (Ok(client_end), Ok(server_end)) = ends else {
                    return;
                };
                pass(
                    client,
                    server_end,
                    Arc::clone(&slowed),
                    Arc::clone(&counted),
                );
                pass(
                    server,
                    client_end,
                    Arc::clone(&slowed),
                    Arc::clone(&counted),
                );
            }
        });
        Self {
            port,
            stalls,
            latency,
        }
    }

    fn slow_down(&self, latency: Duration) {
        self.latency
            .store(latency.as_millis() as u64, Ordering::SeqCst);
    }

    fn stall(&self) {
        self.stalls.fetch_add(1, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, latency: Arc<AtomicU64>, stalls: Arc<AtomicUsize>) {
    let born = stalls.load(Ordering::SeqCst);
    let (sender, passing) = std::sync::mpsc::sync_channel::<(Instant, Vec<u8>)>(1_024);
    std::thread::spawn(move || {
        let mut bytes = [0; 16_384];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let read = (Instant::now(), bytes[..count].to_vec());
            if sender.send(read).is_err() {
                return;
            }
        }
    });
    std::thread::spawn(move || {
        for (read, bytes) in passing {
            let latency = Duration::from_millis(latency.load(Ordering::SeqCst));
            // Parked threads may wake early.
            while read.elapsed() < latency {
                std::thread::park_timeout(latency.saturating_sub(read.elapsed()));
            }
            let is_stalled = stalls.load(Ordering::SeqCst) > born;
            if !is_stalled && to.write_all(&bytes).is_err() {
                return;
            }
        }
    });
}

#[test]
fn a_connection_that_leads_nowhere_is_made_anew() {
    let server = Server::start();
    let proxy = Proxy::to(server.port());
    let mut options = Options::new(format!("redis://127.0.0.1:{}", proxy.port));
    options.timeout = Duration::from_millis(300);
    let store = RedisStore::open(options).expect("it opens");
    assert!(accept(&store, "before").is_ok());
    proxy.stall();
    assert!(accept(&store, "during").is_err());
    eventually("it is reached again", || accept(&store, "after").is_ok());
}

#[test]
fn a_slow_server_is_asked_for_many_things_at_once() {
    let server = Server::start();
    let latency = Duration::from_millis(100);
    let proxy = Proxy::to(server.port());
    let store = RedisStore::open(Options::new(format!("redis://127.0.0.1:{}", proxy.port)));
    let store = store.expect("it opens");
    assert!(accept(&store, "loads").is_ok());
    proxy.slow_down(latency);
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for caller in 0..50 {
            let store = &store;
            scope.spawn(move || assert!(accept(store, &format!("{caller}")).is_ok()));
        }
        for _ in 0..10 {
            let store = &store;
            scope.spawn(move || assert!(wait(store.counts()).is_ok()));
        }
    });
    let took = begin.elapsed();
    // One after the other, 60 callers would take 12 s.
    assert!(took >= 2 * latency && took < 15 * latency, "{took:?}");
    assert_eq!(store.health(), Ok(()));
}

#[test]
fn a_server_slower_than_the_time_out_is_told_and_gets_nothing_twice() {
    let server = Server::start();
    let proxy = Proxy::to(server.port());
    let mut options = Options::new(format!("redis://127.0.0.1:{}", proxy.port));
    options.timeout = Duration::from_millis(300);
    let store = RedisStore::open(options).expect("it opens");
    proxy.slow_down(Duration::from_millis(200));
    assert!(accept(&store, "a").is_err());
    assert!(store.health().is_err());
    let direct = RedisStore::open(Options::new(server.url())).expect("it opens");
    eventually("it is known", || {
        matches!(accept(&direct, "a"), Ok(Accepted::Duplicate(_)))
    });
    assert_eq!(wait(direct.counts()).map(|counts| counts.ready), Ok(1));
}

#[test]
fn a_state_that_a_newer_poulpe_wrote_is_left_alone_and_the_others_go_on() {
    let server = Server::start();
    let store = RedisStore::open(Options::new(server.url())).expect("it opens");
    for name in ["a", "b", "c"] {
        assert!(accept(&store, name).is_ok());
    }
    let seqs = server.ask(&["HKEYS", "{poulpe}:job"]);
    let first = seqs.lines().min().expect("a job").to_string();
    server.ask(&["HSET", "{poulpe}:job", &first, "\u{7f}of a newer poulpe"]);

    // One at a time: what can't be read comes first, and mustn't stay there.
    let mut request = 0;
    let mut claim = || {
        request += 1;
        let claim = Claim {
            incarnation: Incarnation(1),
            request,
            idle: vec![],
            prefetch: 1,
            lease: Duration::from_secs(15),
        };
        let claimed = wait(store.claim(claim)).expect("the others");
        let ids = claimed.jobs.into_iter().map(|job| job.lease.job);
        ids.collect::<Vec<JobId>>()
    };
    let ids: Vec<JobId> = (0..4).flat_map(|_| claim()).collect();
    assert_eq!(ids, [job("b").id, job("c").id]);
    assert_eq!(accept(&store, "a"), Ok(Accepted::Conflict));
    assert!(accept(&store, "d").is_ok());
    let ids: Vec<JobId> = (0..2).flat_map(|_| claim()).collect();
    assert_eq!(ids, [job("d").id]);
    let left = server.ask(&["ZRANGE", "{poulpe}:ready:*", "0", "-1"]);
    assert_eq!(left.trim(), first);
}

#[test]
fn a_purge_that_is_repeated_late_takes_no_second_dead_letter() {
    let server = Server::start();
    let store = RedisStore::open(Options::new(server.url())).expect("it opens");
    assert!(accept(&store, "loads").is_ok());
    let library = server.ask(&["FUNCTION", "LIST"]);
    let purge = library
        .lines()
        .map(str::trim)
        .find(|line| line.ends_with("_purge"));
    let purge = purge
        .expect("the function")
        .trim_start_matches("name")
        .trim();
    let bury = || {
        let result = JobResult::poisoned(1, 1, Timestamp::from_millis(far()));
        let error = AttemptError::lost(1, Timestamp::from_millis(far()));
        let entries = vec![Entry::Dead {
            job: Box::new(job("x")),
            result,
            error,
        }];
        let group = Group {
            entries,
            checkpoint: None,
        };
        assert!(wait(store.enqueue(vec![group])).is_ok());
    };
    let call = |token: &str| {
        let limits = ["600000", "1000", "1000000", "1000"];
        let words = ["FCALL", purge, "1", "{poulpe}:", ""];
        server.ask(&[&words[..], &limits, &["x", token]].concat())
    };
    bury();
    assert_eq!(call("first").trim(), "1");
    bury();
    assert_eq!(call("first").trim(), "1");
    assert!(
        matches!(wait(store.dead(&job("x").id)), Ok(Some(_))),
        "it is gone"
    );
    assert_eq!(call("second").trim(), "1");
    bury();
    // Not the latest any more.
    assert_eq!(call("first").trim(), "1");
    assert!(
        matches!(wait(store.dead(&job("x").id)), Ok(Some(_))),
        "it is gone"
    );
}

/// A time that no result has passed.
fn far() -> i64 {
    4_000_000_000_000
}

#[test]
fn a_job_that_can_not_be_read_does_not_hold_up_the_others() {
    let server = Server::start();
    let store = RedisStore::open(Options::new(server.url())).expect("it opens");
    for name in ["a", "b", "c"] {
        assert!(accept(&store, name).is_ok());
    }
    let bodies = server.ask(&["HKEYS", "{poulpe}:body"]);
    let first = bodies.lines().min().expect("a body");
    let newer = "\u{7f}of a newer poulpe";
    server.ask(&["HSET", "{poulpe}:body", first, newer]);

    let claim = Claim {
        incarnation: Incarnation(1),
        request: 1,
        idle: vec![],
        prefetch: 10,
        lease: Duration::from_secs(15),
    };
    let claimed = wait(store.claim(claim)).expect("the others");
    let ids: Vec<&JobId> = claimed.jobs.iter().map(|job| &job.lease.job).collect();
    assert_eq!(ids, [&job("b").id, &job("c").id]);
}

#[test]
fn without_the_replicas_that_changes_wait_for_it_is_not_well() {
    let server = Server::start();
    let mut options = Options::new(server.url());
    options.wait = 1;
    options.timeout = Duration::from_millis(500);
    let store = RedisStore::open(options).expect("it opens");
    // Nobody submits: it is seen by looking.
    eventually(
        "that is told",
        || matches!(store.health(), Err(StoreError::Unavailable(reason)) if reason.contains("replicas")),
    );
    assert!(accept(&store, "a").is_err());
    assert!(store.health().is_err());
}
