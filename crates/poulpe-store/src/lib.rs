//! The persistence port of poulpe ([`JobStore`]), the table of jobs that stores inside the process share ([`table`]),
//! and the in-memory store.
#![forbid(unsafe_code)]

mod clock;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod limits;
mod memory;
mod port;
mod spread;
mod store;
pub mod table;
mod types;

pub use clock::{ManualTime, SystemTimeSource};
pub use limits::Limits;
pub use memory::{Memory, MemoryStore};
pub use port::{
    BoxFuture, Checkpoints, Inspect, JobStore, Outbox, Results, Store, StoreExt, StoreResult,
    TimeSource, WallTime, Watcher,
};
pub use spread::Spread;
pub use store::{Medium, Shared, TableStore};
pub use types::*;
