//! The port over a table: the verbs of a store inside the process, shared by the memory store and the embedded one.
//! What they differ in is the [`Medium`]: where records lie, and how a change gets there.

mod hot;
mod inspect;
mod members;
mod shared;
mod transfer;
mod view;

use crate::table::{Load, Op, OpAnswer, StartMark, Table, Write};
use crate::{BoxFuture, StoreError, StoreResult, StoreStats, TimeSource};
pub use shared::Shared;
use std::sync::Arc;

/// Where records lie, and how a change gets there.
pub trait Medium: Load<Self::Place> + Send + Sync + Sized + 'static {
    /// Where a record lies.
    type Place: Clone + Send + Sync + 'static;

    /// Writes records as one atomic unit and makes them durable; gives each one's place and length. Called by one
    /// thread at a time. An error is final.
    fn write(&self, writes: &[Write<Self::Place>]) -> StoreResult<Vec<(Self::Place, u32)>>;

    /// Where records will lie: for the mutant that shows them before they are written.
    #[cfg(mutant = "settle_before_result")]
    fn foresee(&self, writes: &[Write<Self::Place>]) -> Vec<(Self::Place, u32)>;

    /// Writes a start mark so that it survives the process.
    fn mark(&self, mark: StartMark) -> StoreResult<()>;

    /// Whether new jobs can be taken.
    fn has_room(&self) -> bool;

    /// Brings a change to [`Shared::apply`], in order with all others.
    fn run(
        shared: &Arc<Shared<Self>>,
        op: Op,
    ) -> impl Future<Output = StoreResult<OpAnswer>> + Send;

    /// What it is and how it does.
    fn stats(&self) -> StoreStats;

    /// Whether it can still do its work.
    fn health(&self) -> StoreResult<()>;
}

/// A store inside the process.
pub struct TableStore<M: Medium> {
    shared: Arc<Shared<M>>,
}

impl<M: Medium> TableStore<M> {
    /// A store over a table that was filled from the medium.
    pub fn new(table: Table<M::Place>, medium: M, time: Arc<dyn TimeSource>) -> Self {
        Self {
            shared: Arc::new(Shared::new(table, medium, time)),
        }
    }

    /// The table and the medium.
    pub fn shared(&self) -> &Arc<Shared<M>> {
        &self.shared
    }

    async fn run(&self, op: Op) -> StoreResult<OpAnswer> {
        self.shared.medium.health()?;
        M::run(&self.shared, op).await
    }
}

fn wrong_answer<T>() -> StoreResult<T> {
    Err(StoreError::failed("the writer answered another question"))
}

/// A future that is ready, for verbs that need no write.
fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(value))
}
