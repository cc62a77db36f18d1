//! What a store does about servers that hang, records that can't be read and replicas that are gone.

mod common;

use common::{Server, job, wait};
use poulpe_job::{Due, JobId};
use poulpe_store::{Accepted, Claim, Group, Incarnation, Inspect, Store, StoreError, StoreExt};
use poulpe_store_redis::{Options, RedisStore};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// Passes bytes on to a server, and drops those of connections that were made before the last stall: they stay open.
struct Proxy {
    port: u16,
    stalls: Arc<AtomicUsize>,
}

impl Proxy {
    fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let stalls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&stalls);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) else {
                    return;
                };
                let ends = (client.try_clone(), server.try_clone());
                let (Ok(client_end), Ok(server_end)) = ends else {
                    return;
                };
                pass(client, server_end, Arc::clone(&counted));
                pass(server, client_end, Arc::clone(&counted));
            }
        });
        Self { port, stalls }
    }

    fn stall(&self) {
        self.stalls.fetch_add(1, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, stalls: Arc<AtomicUsize>) {
    let born = stalls.load(Ordering::SeqCst);
    std::thread::spawn(move || {
        let mut bytes = [0; 16_384];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let is_stalled = stalls.load(Ordering::SeqCst) > born;
            if !is_stalled && to.write_all(&bytes[..count]).is_err() {
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
