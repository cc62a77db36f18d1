//! What goes through the port.

mod accept;
mod lease;
mod mark;
mod member;
mod people;
mod transfer;

pub use accept::{Accepted, Checkpoint, Entry, Group, GroupAnswer};
pub use lease::{Claim, Claimed, ClaimedJob, Hold, Incarnation, LeaseId, Settlement, Started};
pub use mark::{Mark, Role};
pub use member::{Member, MemberRun, MemberView};
pub use people::{
    Cancelled, Counts, Histogram, JobView, Lookup, OutboxItem, OutboxKind, Page, PageRequest,
    Revived, StoreStats,
};
pub use transfer::{Cursor, Exported, Item};

/// The store could not do it. After `Failed` it never will again; after `Unavailable` it is unknown whether it did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store has stopped for good: a write or sync failed.
    #[error("the store has stopped: {0}")]
    Failed(String),
    /// The store didn't answer; the same call may be repeated.
    #[error("the store is not reachable: {0}")]
    Unavailable(String),
}

impl StoreError {
    /// A store that has stopped for good.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::Failed(reason.into())
    }
}
