//! A door over a scheduler made of a map, and a client that speaks plain bytes.
#![allow(
    dead_code,
    unused_imports,
    clippy::allow_attributes,
    reason = "each test binary uses a part of it"
)]

mod client;
pub(crate) mod fake;
mod socket;

pub(crate) use client::{Client, Reply};
pub(crate) use fake::Fake;
pub(crate) use socket::{KEY, PONG, Socket, UPGRADE};

use poulpe_core::{Ingress, IngressError, StopHandle};
use poulpe_ingress_http::{HttpConfig, HttpIngress};
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// A door that serves, and the fake behind it.
pub(crate) struct Door {
    pub(crate) fake: Arc<Fake>,
    pub(crate) stop: StopHandle,
    pub(crate) addr: SocketAddr,
    pub(crate) served: JoinHandle<Result<(), IngressError>>,
}

pub(crate) fn config() -> HttpConfig {
    let mut config = HttpConfig::new(Ipv4Addr::LOCALHOST.into(), 0, "9.9.9");
    config.hosts = vec!["h".into()];
    config
}

impl Door {
    pub(crate) async fn open() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: HttpConfig) -> Self {
        let fake = Fake::new();
        let door = HttpIngress::bind(config, Arc::clone(&fake) as _)
            .await
            .unwrap();
        let addr = door.local_addr();
        let (stop, stopping) = StopHandle::new();
        let served = tokio::spawn(Box::new(door).serve(Arc::clone(&fake) as _, stopping));
        Self {
            fake,
            stop,
            addr,
            served,
        }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.addr).await
    }

    /// One request on a connection of its own.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.client().await.request("GET", path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Reply {
        self.client().await.request("POST", path, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.client().await.request("DELETE", path, "").await
    }

    pub(crate) async fn submit(&self, body: &str) -> Reply {
        self.post("/task_in_queue", body).await
    }
}

/// Bounds a test that would otherwise hang: no event takes this long.
pub(crate) async fn soon<F: Future>(event: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), event)
        .await
        .expect("the event did not come")
}
