//! The promises that every store makes, kept by a real server.

mod common;

use common::Server;
use poulpe_store::conformance::{Backend, Place, cases, run, run_all};
use poulpe_store::{JobStore, Limits, ManualTime};
use poulpe_store_redis::{Options, RedisStore};
use std::path::PathBuf;
use std::sync::Arc;

/// One server; each place is a prefix in it.
struct Redis {
    server: Arc<Server>,
    url: String,
    resp3: bool,
    start_ahead: bool,
    ca: Option<PathBuf>,
}

impl Redis {
    fn plain() -> Self {
        Self::on(Server::start())
    }

    fn on(server: Server) -> Self {
        Self {
            url: server.url(),
            server: Arc::new(server),
            resp3: false,
            start_ahead: false,
            ca: None,
        }
    }
}

struct Prefix {
    /// Lives as long as this.
    _server: Arc<Server>,
    url: String,
    prefix: String,
    resp3: bool,
    start_ahead: bool,
    ca: Option<PathBuf>,
}

impl Backend for Redis {
    fn place(&self) -> Box<dyn Place> {
        Box::new(Prefix {
            _server: Arc::clone(&self.server),
            url: self.url.clone(),
            prefix: common::prefix(),
            resp3: self.resp3,
            start_ahead: self.start_ahead,
            ca: self.ca.clone(),
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
        let mut options = Options::new(&self.url);
        options.prefix.clone_from(&self.prefix);
        options.limits = limits;
        options.start_ahead = self.start_ahead;
        options.resp3 = self.resp3;
        options.ca.clone_from(&self.ca);
        options.time = Some(time);
        Arc::new(RedisStore::open(options).expect("it opens"))
    }
}

#[test]
fn it_keeps_every_promise_of_the_port() {
    run_all(&Redis::plain());
}

#[test]
fn it_keeps_every_promise_over_resp3() {
    run_all(&Redis {
        resp3: true,
        ..Redis::plain()
    });
}

/// With starts that claims mark, a lease that ends counts as a loss once, started or not.
const UNSTARTED_ISNT_COUNTED: [&str; 3] = [
    "a_job_is_ready_again_when_its_lease_ends",
    "an_unstarted_job_whose_lease_ends_is_not_counted",
    "a_claimed_job_is_ready_again_and_not_counted",
];

#[test]
fn with_marked_starts_it_keeps_every_other_promise() {
    let redis = Redis {
        start_ahead: true,
        ..Redis::plain()
    };
    for case in cases() {
        let kept = run(case, &redis);
        let is_given_up = UNSTARTED_ISNT_COUNTED.contains(&case.name);
        assert_eq!(kept.is_err(), is_given_up, "{}: {kept:?}", case.name);
    }
}

#[test]
fn it_keeps_every_promise_over_tls() {
    let (server, ca) = Server::with_tls();
    run_all(&Redis {
        ca: Some(ca),
        ..Redis::on(server)
    });
}

#[test]
fn it_keeps_every_promise_over_a_unix_socket() {
    let (server, url) = Server::with_socket();
    run_all(&Redis {
        url,
        ..Redis::on(server)
    });
}

#[test]
fn a_server_whose_certificate_is_not_trusted_is_not_used() {
    let (server, _) = Server::with_tls();
    let (_kept, other) = Server::with_tls();
    let mut options = Options::new(server.url());
    options.ca = Some(other);
    options.connect_timeout = std::time::Duration::from_millis(500);
    match RedisStore::open(options) {
        Err(_) => {}
        Ok(store) => {
            let health = poulpe_store::Inspect::health(&store);
            assert!(health.is_err(), "it is trusted");
        }
    }
}
