//! The Kafka door of poulpe: tasks come from a topic, results go to another one.
//!
//! The offset of a partition moves in the write that accepts its records as jobs, so that a crash at any instant neither
//! loses nor doubles one. Uses no consumer group: how far a partition was read is kept in poulpe's own store. Never
//! creates a topic, and never writes to the one it reads.
#![forbid(unsafe_code)]

mod client;
mod config;
mod cursor;
mod decode;
mod fetch;
#[cfg(any(fuzzing, feature = "fuzzing"))]
pub mod fuzz;
mod group;
mod ingress;
mod letter;
mod outgoing;
mod partitioner;
mod reader;
mod sender;
mod status;
mod trouble;

pub use config::{BadKafkaConfig, KafkaConfig, Login, Mechanism, Reset, Start, Tls};
pub use ingress::KafkaIngress;

use client::Connector;
use poulpe_core::Feed;
use status::Status;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What the tasks of this door share.
struct Shared {
    config: KafkaConfig,
    connector: Connector,
    feed: Arc<dyn Feed>,
    status: Status,
    /// This life of this daemon, as it stands in checkpoints.
    me: String,
    /// Whether it is this daemon that sends results.
    leads: AtomicBool,
}
