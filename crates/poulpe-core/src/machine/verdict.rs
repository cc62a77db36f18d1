//! From what an executor returned to the verdict on its job.

use crate::{CancelReason, Failure, Output, RetryPolicy};
use poulpe_job::{
    AttemptError, Due, Job, JobResult, Outcome, Progress, ReleaseReason, State, Timestamp, Verdict,
};
use poulpe_store::{ClaimedJob, LeaseId, Settlement};
use std::time::Duration;

/// What a worker says of a job it was handed.
#[derive(Debug)]
pub struct Report {
    /// The right under which it ran.
    pub lease: LeaseId,
    /// The job.
    pub job: Box<Job>,
    /// How far it had come before.
    pub progress: Progress,
    /// How it ended.
    pub ended: Ended,
}

/// How a hand-out ended.
#[derive(Debug)]
pub enum Ended {
    /// The executor returned.
    Returned {
        /// The number of the attempt.
        attempt: u32,
        /// When it started.
        started_at: Timestamp,
        /// When it returned.
        finished_at: Timestamp,
        /// What it returned.
        result: Result<Output, Failure>,
        /// Why it was told to stop, if it was.
        cancelled: Option<CancelReason>,
    },
    /// It never started: to be handed out again after this long.
    NotStarted(Duration),
    /// It never started because the job was cancelled.
    Cancelled(Timestamp),
    /// It started, and our shutdown didn't wait for it.
    Interrupted,
}

impl Report {
    /// A report on a job that never started.
    pub fn not_started(claimed: ClaimedJob, wait: Duration) -> Self {
        let ClaimedJob {
            lease,
            job,
            progress,
            ..
        } = claimed;
        Self {
            lease,
            job,
            progress,
            ended: Ended::NotStarted(wait),
        }
    }
}

/// The settlement that a report leads to.
pub fn settlement(report: Report, policy: &dyn RetryPolicy) -> Settlement {
    let Report {
        lease,
        job,
        mut progress,
        ended,
    } = report;
    let verdict = match ended {
        Ended::NotStarted(wait) => Verdict::Release {
            due: Due::In(wait),
            reason: ReleaseReason::NotStarted,
        },
        Ended::Interrupted => Verdict::Release {
            due: Due::NOW,
            reason: ReleaseReason::Interrupted,
        },
        Ended::Cancelled(at) => {
            Verdict::Complete(JobResult::cancelled(progress.attempts, None, at))
        }
        Ended::Returned {
            attempt,
            started_at,
            finished_at,
            result: Ok(output),
            ..
        } => Verdict::Complete(JobResult {
            outcome: Outcome::Ok,
            reason: String::new(),
            state: State::Done,
            output: output.text,
            status: output.status,
            attempts: attempt,
            started_at: Some(started_at),
            finished_at,
        }),
        Ended::Returned {
            attempt,
            started_at,
            finished_at,
            result: Err(failure),
            cancelled: reason,
        } => {
            match reason {
                Some(CancelReason::Requested) => {
                    Verdict::Complete(JobResult::cancelled(attempt, Some(started_at), finished_at))
                }
                Some(CancelReason::Shutdown) => Verdict::Release {
                    due: Due::NOW,
                    reason: ReleaseReason::Interrupted,
                },
                // A lost lease is settled like any other: the store refuses it if it really is lost.
                Some(CancelReason::LeaseLost) | None => {
                    progress.failures += 1;
                    failed(
                        &job,
                        &progress,
                        failure,
                        attempt,
                        (started_at, finished_at),
                        policy,
                    )
                }
            }
        }
    };
    Settlement { lease, verdict }
}

fn failed(
    job: &Job,
    progress: &Progress,
    failure: Failure,
    attempt: u32,
    (started_at, finished_at): (Timestamp, Timestamp),
    policy: &dyn RetryPolicy,
) -> Verdict {
    let delay = policy.delay(job, progress, &failure);
    let Failure {
        reason,
        status,
        output,
        ..
    } = failure;
    let error = AttemptError {
        attempt,
        started_at,
        finished_at,
        status,
        reason: reason.clone(),
    };
    if let Some(wait) = delay {
        return Verdict::Retry {
            due: Due::In(wait),
            error,
        };
    }
    let result = JobResult {
        outcome: Outcome::Fail,
        reason,
        state: State::Dead,
        output,
        status,
        attempts: attempt,
        started_at: Some(started_at),
        finished_at,
    };
    Verdict::Bury { result, error }
}
