//! When a failed job is tried again.

use super::{Failure, RetryAdvice};
use poulpe_job::{Job, Progress};
use std::time::Duration;

/// Decides when a failed attempt is followed by another one.
pub trait RetryPolicy: Send + Sync {
    /// The time from the failure to the next attempt; `None` buries the job. `progress.failures` counts the failed
    /// attempts, this one included.
    fn delay(&self, job: &Job, progress: &Progress, failure: &Failure) -> Option<Duration>;
}

/// The job's own `retry_interval` after each of its `max_retry` failures; `Retry-After` only lengthens it, up to an
/// hour.
#[derive(Debug, Clone, Copy, Default)]
pub struct FixedInterval;

/// The longest `Retry-After` that is honoured, so that a target can't put a job off for ever.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3_600);

impl RetryPolicy for FixedInterval {
    fn delay(&self, job: &Job, progress: &Progress, failure: &Failure) -> Option<Duration> {
        if progress.failures > job.max_retry {
            return None;
        }
        match failure.retry {
            RetryAdvice::Never => None,
            RetryAdvice::Later => Some(job.retry_interval),
            RetryAdvice::After(wait) => Some(job.retry_interval.max(wait.min(MAX_RETRY_AFTER))),
        }
    }
}
