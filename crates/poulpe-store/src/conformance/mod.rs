//! The cases that every store must pass, each named after the promise of the port that it checks. Drives the futures
//! itself, so it needs no runtime; time is the test's. Called by the tests of stores.
//!
//! ```
//! # use poulpe_store::conformance::{Backend, Place, run_all};
//! # use poulpe_store::{JobStore, Limits, ManualTime, MemoryStore};
//! # use std::sync::Arc;
//! struct InMemory;
//!
//! impl Backend for InMemory {
//!     fn place(&self) -> Box<dyn Place> {
//!         Box::new(Self)
//!     }
//!     fn remembers(&self) -> bool {
//!         false
//!     }
//!     fn is_shared(&self) -> bool {
//!         false
//!     }
//!     fn keeps_unsent(&self) -> bool {
//!         true
//!     }
//! }
//!
//! impl Place for InMemory {
//!     fn open(&self, limits: Limits, time: Arc<ManualTime>) -> Arc<dyn JobStore> {
//!         Arc::new(MemoryStore::in_memory(limits, time))
//!     }
//! }
//!
//! run_all(&InMemory);
//! ```

mod block_on;
mod cancel;
mod checkpoint;
mod dead;
mod due;
mod identity;
mod inspect;
mod lane;
mod lease;
mod list;
mod loss;
mod member;
mod order;
mod outbox;
mod reopen;
mod result;
mod sample;
mod scene;
mod settle;
mod share;
mod start;
mod transfer;
mod watch;

use crate::{JobStore, Limits, ManualTime};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

pub use list::cases;

/// A kind of store, as the suite gets at it.
pub trait Backend {
    /// Room for one store, empty so far. Each case asks for its own.
    fn place(&self) -> Box<dyn Place>;

    /// Whether a store that is closed and opened again still has its jobs.
    fn remembers(&self) -> bool;

    /// Whether several handles to one store may be open at once.
    fn is_shared(&self) -> bool;

    /// Whether results that are to be sent are in the outbox.
    fn keeps_unsent(&self) -> bool;
}

/// Where one store lies while a case runs; what lies there is removed when it is dropped.
pub trait Place {
    /// Opens the store. The clocks are the same each time. Unless stores of this kind are shared, every earlier handle
    /// has been dropped.
    fn open(&self, limits: Limits, time: Arc<ManualTime>) -> Arc<dyn JobStore>;
}

/// Which stores a case is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Memory,
    Sharing,
    Sending,
    /// And memory.
    SendingLater,
}

/// One promise of the port, checked.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The promise in a few words, unique in the suite.
    pub name: &'static str,
    needs: Needs,
    check: fn(&dyn Backend),
}

impl Case {
    /// Whether stores of this kind make the promise at all.
    pub fn concerns(&self, backend: &dyn Backend) -> bool {
        match self.needs {
            Needs::Nothing => true,
            Needs::Memory => backend.remembers(),
            Needs::Sharing => backend.is_shared(),
            Needs::Sending => backend.keeps_unsent(),
            Needs::SendingLater => backend.keeps_unsent() && backend.remembers(),
        }
    }
}

/// Runs one case; the error says what was seen instead. A case that doesn't concern the backend passes.
pub fn run(case: &Case, backend: &dyn Backend) -> Result<(), String> {
    if !case.concerns(backend) {
        return Ok(());
    }
    let checked = catch_unwind(AssertUnwindSafe(|| (case.check)(backend)));
    checked.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("it panicked").to_string()
    })
}

/// Runs every case.
///
/// # Panics
/// If any fails, after all have run, with the names of those that did.
pub fn run_all(backend: &dyn Backend) {
    let mut failures = Vec::new();
    for case in cases() {
        if let Err(seen) = run(case, backend) {
            failures.push(format!("{}: {seen}", case.name));
        }
    }
    let count = failures.len();
    assert!(
        failures.is_empty(),
        "{count} cases failed:\n{}",
        failures.join("\n")
    );
}
