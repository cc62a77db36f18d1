//! The port for whoever waits for many jobs at once.

use poulpe_job::JobId;
use poulpe_store::{BoxFuture, Lookup, StoreError};

/// The ends of any number of jobs, told to one listener. A followed job costs some two hundred bytes and no timer.
/// Dropping the follower forgets them all.
pub trait Follow: Send + Sync {
    /// Follows these jobs, whichever door they came through, and says what is known of each now, in order. Only those that
    /// live are followed from then on. On an error all are: whatever becomes of them will be told by
    /// [`ended`](Self::ended). A job that is followed already is not followed twice.
    fn add(&self, ids: Vec<JobId>) -> BoxFuture<'_, Result<Vec<Lookup>, StoreError>>;

    /// Waits until followed jobs have ended, and tells at most `max` of them, each once: never as living. Nothing is lost
    /// when the future is dropped. Empty means that the scheduler has stopped and that everything was told. For one caller
    /// at a time.
    fn ended(&self, max: usize) -> BoxFuture<'_, Vec<(JobId, Lookup)>>;

    /// How many jobs are followed.
    fn count(&self) -> usize;
}
