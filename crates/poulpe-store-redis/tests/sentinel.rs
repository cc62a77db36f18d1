//! A master, its replica and a Sentinel: the promises that every store makes, and what a failover costs with and without
//! waiting for the replica.

mod common;

use common::{Server, job, wait};
use poulpe_job::{Due, JobId};
use poulpe_store::conformance::{Backend, Place, run_all};
use poulpe_store::{
    Accepted, Group, JobStore, Limits, Lookup, ManualTime, Results, StoreExt, StoreResult,
};
use poulpe_store_redis::{Options, RedisStore};
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a failover may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Pair {
    master: Server,
    replica: Server,
    sentinel: Child,
    port: u16,
    _dir: TempDir,
}

impl Pair {
    fn start() -> Self {
        let flags = ["--save", "", "--repl-diskless-sync-delay", "0"];
        let (master, replica) = (Server::with(&flags), Server::with(&flags));
        replica.ask(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
        eventually("the replica follows", || {
            let told = master.ask(&["INFO", "replication"]);
            told.contains("state=online") && !told.contains("offset=0,")
        });
        let dir = TempDir::new().expect("a directory");
        let (sentinel, port) = sentinel(&dir, master.port());
        let pair = Self {
            master,
            replica,
            sentinel,
            port,
            _dir: dir,
        };
        eventually("the Sentinel knows the replica", || {
            pair.ask_sentinel(&["SENTINEL", "REPLICAS", "poulpe"])
                .contains(&pair.replica.port().to_string())
        });
        pair
    }

    fn ask_sentinel(&self, words: &[&str]) -> String {
        common::ask(self.port, words)
    }

    fn has_failed_over(&self) -> bool {
        let master = self.ask_sentinel(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "poulpe"]);
        master.contains(&self.replica.port().to_string())
    }

    fn options(&self, prefix: &str) -> Options {
        let url = format!(
            "redis-sentinel://127.0.0.1:{}?sentinelServiceName=poulpe",
            self.port
        );
        let mut options = Options::new(url);
        options.prefix = prefix.into();
        options
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = self.sentinel.kill();
        let _ = self.sentinel.wait();
    }
}

/// A Sentinel that watches a master, and its port.
fn sentinel(dir: &TempDir, master: u16) -> (Child, u16) {
    let port = common::free_port();
    let path = dir.path().join("sentinel.conf");
    let mut file = std::fs::File::create(&path).expect("a file");
    let text = format!(
        "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor poulpe 127.0.0.1 {master} 1\n\
         sentinel down-after-milliseconds poulpe 3000\nsentinel failover-timeout poulpe 5000\n",
        dir.path().display()
    );
    file.write_all(text.as_bytes()).expect("it writes");
    let child = Command::new("redis-server")
        .arg(&path)
        .arg("--sentinel")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server is installed");
    (child, port)
}

fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_true() {
        assert!(Instant::now() < end, "never happened: {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

struct ByPair(Arc<Pair>);

struct Prefix(Arc<Pair>, String);

impl Backend for ByPair {
    fn place(&self) -> Box<dyn Place> {
        Box::new(Prefix(Arc::clone(&self.0), common::prefix()))
    }

    fn remembers(&self) -> bool {
        true
    }

    fn keeps_unsent(&self) -> bool {
        false
    }

    fn is_shared(&self) -> bool {
        true
    }
}

impl Place for Prefix {
    fn open(&self, limits: Limits, time: Arc<ManualTime>) -> Arc<dyn JobStore> {
        let mut options = self.0.options(&self.1);
        options.limits = limits;
        options.start_ahead = false;
        options.time = Some(time);
        Arc::new(RedisStore::open(options).expect("it opens"))
    }
}

#[test]
fn it_keeps_every_promise_by_a_sentinel() {
    run_all(&ByPair(Arc::new(Pair::start())));
}

/// Jobs that were accepted around a failover and are gone, and how many times a submit was refused.
fn lost_by_a_failover(replicas: u32) -> (usize, usize) {
    const JOBS: usize = 300;
    const CUT_OFF: usize = 150;
    const BEHIND: usize = 50;
    let mut pair = Pair::start();
    let mut options = pair.options("poulpe");
    options.wait = replicas;
    options.timeout = Duration::from_secs(2);
    let store = RedisStore::open(options).expect("it opens");
    let mut refused = 0;
    let ids: Vec<JobId> = (0..JOBS)
        .map(|number| JobId::new(&format!("job-{number}")).expect("an id"))
        .collect();
    let mut is_killed = false;
    // On a busy machine there may be another one, back again.
    let mut has_failed_over = false;
    for (number, id) in ids.iter().enumerate() {
        if number == CUT_OFF {
            // What is written from here on doesn't reach the replica.
            pair.replica.ask(&["REPLICAOF", "127.0.0.1", "1"]);
        }
        if number == CUT_OFF + BEHIND && !is_killed {
            is_killed = true;
            pair.master.kill();
        }
        let end = Instant::now() + PATIENCE;
        while !accept(&store, id) {
            refused += 1;
            if !is_killed {
                is_killed = true;
                pair.master.kill();
            }
            assert!(Instant::now() < end, "no work after the failover");
            has_failed_over |= pair.has_failed_over();
            if has_failed_over && pair.master.has_ended() {
                // Comes back as a replica of the new one; before that it would be a second master.
                pair.master.restart();
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
    assert!(has_failed_over || pair.has_failed_over(), "no failover");
    let known: StoreResult<Vec<Lookup>> = wait(store.get(ids));
    let known = known.expect("it answers");
    let lost = known.iter().filter(|one| **one == Lookup::Unknown).count();
    (lost, refused)
}

fn accept(store: &RedisStore, id: &JobId) -> bool {
    let accepted = wait(store.enqueue_one(Group::job(job(id.as_str()), Due::NOW)));
    matches!(accepted, Ok(Accepted::New(_) | Accepted::Duplicate(_)))
}

/// Prints a line that is seen although tests pass.
fn say(how: &str, lost: usize, refused: usize) {
    let line =
        format!("\na failover {how}: {lost} accepted jobs lost, {refused} submits refused\n");
    let written = std::io::stderr().write_all(line.as_bytes());
    written.expect("stderr");
}

#[test]
fn a_failover_loses_nothing_that_a_replica_had_to_confirm() {
    let (lost, refused) = lost_by_a_failover(1);
    say("with --redis_wait 1", lost, refused);
    assert_eq!(lost, 0);
}

#[test]
fn without_a_wait_a_failover_loses_what_the_replica_lacked_and_work_goes_on() {
    let (lost, refused) = lost_by_a_failover(0);
    say("without --redis_wait", lost, refused);
    assert!(
        lost > 0,
        "the replica lacked nothing: the other test shows nothing"
    );
}
