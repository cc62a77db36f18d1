//! The scheduler of poulpe, to embed in a service of your own.
//!
//! A scheduler takes tasks ([`Submit`]), keeps them in a store, and runs them on worker threads through executors
//! ([`Executor`]). Everything a plugin or an embedder needs is exported here.
#![forbid(unsafe_code)]

pub mod machine;
mod port;
mod scheduler;

pub use port::*;
pub use poulpe_cron as cron;
pub use poulpe_job::*;
pub use poulpe_store::{
    self as store, BoxFuture, Cancelled, Counts, Histogram, JobStore, JobView, Lookup, Page,
    PageRequest, Revived, StoreError, StoreStats,
};
pub use scheduler::{BuildError, Builder, DeadLetterFiles, Scheduler, Settings};
