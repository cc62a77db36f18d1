//! The HTTP door of poulpe: tasks come in, results go out, and people and their tools look and act.
//!
//! [`HttpIngress::bind`] takes the port, so that a problem with it shows before anything starts; as an
//! [`Ingress`](poulpe_core::Ingress) it then serves until told to stop. The contract it speaks is docs/protocol.md.
//!
//! ```no_run
//! # use poulpe_core::{Ingress, IngressError, Operate, Stop, Submit};
//! # use std::{net::Ipv4Addr, sync::Arc};
//! use poulpe_ingress_http::{HttpConfig, HttpIngress};
//! # async fn run(submit: Arc<dyn Submit>, operate: Arc<dyn Operate>, stop: Stop) -> Result<(), IngressError> {
//! let config = HttpConfig::new(Ipv4Addr::LOCALHOST.into(), 8000, env!("CARGO_PKG_VERSION"));
//! let door = HttpIngress::bind(config, operate).await?;
//! println!("listening on http://{}", door.local_addr());
//! Box::new(door).serve(submit, stop).await
//! # }
//! ```
#![forbid(unsafe_code)]

mod accept;
mod app;
mod auth;
mod body;
mod config;
mod connection;
mod dead;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod health;
mod ingress;
mod jobs;
mod metrics;
mod pace;
mod page;
mod param;
mod process;
mod requests;
mod respond;
mod role;
mod router;
mod schedules;
mod shield;
mod site;
mod stats;
mod stream;
mod sys_info;
mod task_in_queue;
mod task_resp;
mod tls;
mod tokens;
mod view;
mod ws;

pub use config::{
    BODY_TIMEOUT, HEADER_TIMEOUT, HttpConfig, IDLE_TIMEOUT, MAX_ARRAY_BYTES, MAX_CONNECTIONS,
    MAX_SOCKETS, MAX_TASK_BYTES, WRITE_TIMEOUT,
};
pub use ingress::{HttpIngress, Port};
pub use role::Role;
pub use tls::Tls;
pub use tokens::{TokenList, Tokens};
