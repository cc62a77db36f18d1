//! The words that every crate of poulpe shares: what a client asks for ([`Task`]), what a store has accepted
//! ([`Job`]), how an attempt ends ([`Verdict`], [`JobResult`]), and the JSON contract ([`wire`]).
//!
//! Pure data: nothing here reads a clock, touches a disk or knows a store.
#![forbid(unsafe_code)]

mod error;
mod id;
mod job;
mod kind;
mod lane;
mod result;
mod task;
mod timestamp;
pub mod wire;

pub use error::BadTask;
pub use id::{BadId, JobId, MAX_ID_BYTES};
pub use job::{Digest, Door, Job, Progress, State};
pub use kind::Kind;
pub use lane::{BadLanes, Lane, LaneSet, MAX_LANES};
pub use result::{AttemptError, JobResult, Outcome, ReleaseReason, Verdict};
pub use task::{Due, Params, Priority, Task};
pub use timestamp::Timestamp;
