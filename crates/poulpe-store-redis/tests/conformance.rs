//! The promises that every store makes, kept by a real server.

mod common;

use common::Server;
use poulpe_store::conformance::{Backend, Place, run_all};
use poulpe_store::{JobStore, Limits, ManualTime};
use poulpe_store_redis::{Options, RedisStore};
use std::path::PathBuf;
use std::sync::Arc;

/// One server; each place is a prefix in it.
struct Redis {
    server: Arc<Server>,
    resp3: bool,
    ca: Option<PathBuf>,
}

impl Redis {
    fn plain() -> Self {
        Self {
            server: Arc::new(Server::start()),
            resp3: false,
            ca: None,
        }
    }
}

struct Prefix {
    server: Arc<Server>,
    prefix: String,
    resp3: bool,
    ca: Option<PathBuf>,
}

impl Backend for Redis {
    fn place(&self) -> Box<dyn Place> {
        Box::new(Prefix {
            server: Arc::clone(&self.server),
            prefix: common::prefix(),
            resp3: self.resp3,
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
        let mut options = Options::new(self.server.url());
        options.prefix.clone_from(&self.prefix);
        options.limits = limits;
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

#[test]
fn it_keeps_every_promise_over_tls() {
    let (server, ca) = Server::with_tls();
    run_all(&Redis {
        server: Arc::new(server),
        ca: Some(ca),
        ..Redis::plain()
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
