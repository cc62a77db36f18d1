//! A Cluster of three masters: the promises that every store makes, and several poulpes in it.

mod common;

use common::{Server, job, wait};
use poulpe_job::Due;
use poulpe_store::conformance::{Backend, Place, run_all};
use poulpe_store::{Accepted, Group, JobStore, Limits, ManualTime, Store, StoreExt};
use poulpe_store_redis::{Options, RedisStore};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a Cluster may take to form on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

struct Cluster {
    servers: Arc<Vec<Server>>,
}

struct Prefix {
    servers: Arc<Vec<Server>>,
    prefix: String,
}

impl Cluster {
    /// Three masters that have found each other.
    fn start() -> Self {
        let flags = [
            "--save",
            "",
            "--cluster-enabled",
            "yes",
            "--cluster-node-timeout",
            "2000",
        ];
        let servers: Vec<Server> = (0..3).map(|_| Server::with(&flags)).collect();
        let addresses = servers.iter().map(|server| server.address());
        let made = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(addresses)
            .arg("--cluster-yes")
            .output()
            .expect("redis-cli is installed");
        assert!(made.status.success(), "{made:?}");
        let end = Instant::now() + PATIENCE;
        let is_formed = |server: &Server| {
            server
                .ask(&["CLUSTER", "INFO"])
                .contains("cluster_state:ok")
        };
        while !servers.iter().all(is_formed) {
            assert!(Instant::now() < end, "the Cluster doesn't form");
            std::thread::park_timeout(Duration::from_millis(50));
        }
        Self {
            servers: Arc::new(servers),
        }
    }
}

fn options(servers: &[Server], prefix: &str) -> Options {
    let mut options = Options::new(format!("redis-cluster://{}", servers[0].address()));
    options.prefix = prefix.into();
    options
}

impl Backend for Cluster {
    fn place(&self) -> Box<dyn Place> {
        Box::new(Prefix {
            servers: Arc::clone(&self.servers),
            prefix: common::prefix(),
        })
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
        let mut options = options(&self.servers, &self.prefix);
        options.limits = limits;
        options.start_ahead = false;
        options.time = Some(time);
        Arc::new(RedisStore::open(options).expect("it opens"))
    }
}

#[test]
fn it_keeps_every_promise_in_a_cluster() {
    run_all(&Cluster::start());
}

#[test]
fn prefixes_in_one_cluster_are_poulpes_of_their_own() {
    let cluster = Cluster::start();
    for number in 0..12 {
        let prefix = format!("poulpe-{number}");
        let store = RedisStore::open(options(&cluster.servers, &prefix)).expect("it opens");
        let accepted = wait(store.enqueue_one(Group::job(job("a"), Due::NOW)));
        assert!(
            matches!(accepted, Ok(Accepted::New(_))),
            "{prefix}: {accepted:?}"
        );
        assert_eq!(wait(store.enqueue(vec![])), Ok(vec![]));
    }
    let sizes = cluster.servers.iter().map(|server| server.ask(&["DBSIZE"]));
    let used = sizes.filter(|size| size.trim() != "0").count();
    assert!(used > 1, "twelve poulpes in one node of three");
}
