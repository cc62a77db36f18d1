//! The durable store of poulpe inside the process: the table of jobs that `poulpe-store` shares, over a segmented
//! append-only log with one sync a batch. `docs/store-format.md` describes every byte.
//!
//! **Invariant:** nothing is answered before what it depends on is synced; after a failed write or sync nothing is
//! answered at all.
#![forbid(unsafe_code)]

mod book;
mod check;
mod clean;
mod cleaner;
mod cold;
mod disk;
mod error;
mod figures;
mod format;
mod frame;
mod frames;
#[cfg(feature = "fuzzing")]
mod fuzz;
mod housekeeper;
mod latest;
mod lock;
mod log;
mod mark;
mod marks;
mod medium;
mod open;
mod options;
mod queue;
mod readable;
mod reclaim;
mod record;
mod repair;
mod replay;
mod report;
mod rescue;
mod rewrite;
mod rotate;
mod scan;
mod segment;
mod snapshot;
mod spare;
mod store;
mod writer;

pub use check::check;
pub use error::{OpenError, RepairError};
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use fuzz::fuzz;
pub use mark::read as read_mark;
pub use options::Options;
pub use repair::repair;
pub use report::{
    Advance, CheckReport, JobCounts, Lost, Problem, RecordCounts, RepairReport, SegmentCounts,
};
pub use store::EmbeddedStore;

// The helpers of the tests name the crate as those outside do.
#[cfg(test)]
extern crate self as poulpe_store_embedded;

#[cfg(test)]
mod tests;
