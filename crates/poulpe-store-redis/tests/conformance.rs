//! The promises that every store makes, kept by a real server.

mod common;

use common::Server;
use poulpe_store::conformance::{Backend, Place, run_all};
use poulpe_store::{JobStore, Limits, ManualTime};
use poulpe_store_redis::{Options, RedisStore};
use std::sync::Arc;

/// One server; each place is a prefix in it.
struct Redis {
    server: Arc<Server>,
    resp3: bool,
}

struct Prefix {
    server: Arc<Server>,
    prefix: String,
    resp3: bool,
}

impl Backend for Redis {
    fn place(&self) -> Box<dyn Place> {
        Box::new(Prefix {
            server: Arc::clone(&self.server),
            prefix: common::prefix(),
            resp3: self.resp3,
        })
    }

    fn remembers(&self) -> bool {
        true
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
        options.time = Some(time);
        Arc::new(RedisStore::open(options).expect("it opens"))
    }
}

#[test]
fn it_keeps_every_promise_of_the_port() {
    run_all(&Redis {
        server: Arc::new(Server::start()),
        resp3: false,
    });
}

#[test]
fn it_keeps_every_promise_over_resp3() {
    run_all(&Redis {
        server: Arc::new(Server::start()),
        resp3: true,
    });
}
