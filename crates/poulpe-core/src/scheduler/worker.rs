//! A worker thread: takes a job, marks its start, runs its executor, reports. Asks the store itself when there is nothing
//! at hand. Never decides a verdict and never polls.

use super::Parts;
use super::counters::Counters;
use super::dispatch;
use super::pool::{Freed, Next, Seat};
use crate::machine::{Ended, Report, settlement};
use crate::{Attempt, Canceller, Failure, FixedInterval, Output, RetryPolicy};
use poulpe_job::{Job, Progress, Timestamp};
use poulpe_store::{ClaimedJob, Settlement, Started};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// Starts the thread of a seat.
pub(crate) fn spawn(
    parts: &Arc<Parts>,
    runtime: &Handle,
    seat: Seat,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    let name = match seat {
        Seat::Own(lane) => format!("lane-{lane}"),
        Seat::StandIn(lane, _) => format!("lane-{lane}-standin"),
    };
    let (parts, runtime) = (parts.clone(), runtime.clone());
    std::thread::Builder::new()
        .name(name)
        .spawn(move || run(&parts, &runtime, seat))
}

fn run(parts: &Parts, runtime: &Handle, seat: Seat) {
    let mut has_asked = false;
    loop {
        let (claimed, canceller) = match parts.pool.next(seat, has_asked) {
            Next::Run(claimed, canceller) => (claimed, canceller),
            Next::Ask => {
                runtime.block_on(dispatch::ask(parts, seat.lane()));
                has_asked = true;
                continue;
            }
            Next::Leave => return,
        };
        has_asked = false;
        let begin = parts.clock.monotonic();
        let report = work(parts, runtime, seat, claimed, &canceller);
        let took = parts.clock.monotonic().saturating_sub(begin);
        let settlement = report.map(|report| settle(parts, report, took));
        parts.settles.announce();
        let Freed { counts, is_last } = parts.pool.ended(seat, took);
        parts
            .settles
            .push_announced(settlement.filter(|_| counts), is_last);
    }
}

/// Runs one job; `None` if there is nothing to settle.
fn work(
    parts: &Parts,
    runtime: &Handle,
    seat: Seat,
    claimed: ClaimedJob,
    canceller: &Canceller,
) -> Option<Report> {
    let Some(executor) = parts.executors.get(&claimed.job.kind) else {
        parts.counters.note_unrunnable(&claimed.job.kind);
        tracing::debug!(job = %claimed.job.id, kind = %claimed.job.kind, "no executor for this kind, giving it back");
        let wait = claimed.job.retry_interval.max(Duration::from_secs(1));
        return Some(Report::not_started(claimed, wait));
    };
    let started = runtime.block_on(parts.store.start(&claimed.lease));
    let attempt_number = match started {
        Ok(Started::Go(number)) => number,
        Ok(Started::Cancelled) => {
            let at = now(parts);
            let ClaimedJob {
                lease,
                job,
                progress,
                ..
            } = claimed;
            return Some(Report {
                lease,
                job,
                progress,
                ended: Ended::Cancelled(at),
            });
        }
        Ok(Started::Lost) => {
            tracing::warn!(job = %claimed.job.id, "lease lost before the start, dropping the job");
            Counters::add(&parts.counters.lost);
            parts.keeper.ended(vec![claimed.lease]);
            return None;
        }
        Err(error) => {
            tracing::error!(job = %claimed.job.id, %error, "start not marked, giving the job back");
            return Some(Report::not_started(claimed, Duration::ZERO));
        }
    };
    let wall = parts.clock.wall();
    let started_at = wall.floor();
    parts.counters.started(wall.since(claimed.job.due));
    let deadline = parts.clock.monotonic().saturating_add(claimed.job.timeout);
    parts
        .pool
        .started(seat, attempt_number, started_at, deadline);
    let attempt = Attempt::new(
        attempt_number,
        seat.lane(),
        parts.clock.instant(deadline),
        canceller.clone(),
    );
    let result = execute(&**executor, &claimed.job, &attempt);
    let ended = Ended::Returned {
        attempt: attempt_number,
        started_at,
        finished_at: now(parts),
        result,
        cancelled: canceller.reason(),
    };
    let ClaimedJob {
        lease,
        job,
        progress,
        ..
    } = claimed;
    Some(Report {
        lease,
        job,
        progress,
        ended,
    })
}

/// The settlement of a report. A retry policy that panics must not cost a worker: the fixed interval decides then.
fn settle(parts: &Parts, report: Report, took: Duration) -> Settlement {
    /// Asks the policy, and the fixed interval if that panics.
    struct Guarded<'a>(&'a dyn RetryPolicy);
    impl RetryPolicy for Guarded<'_> {
        fn delay(&self, job: &Job, progress: &Progress, failure: &Failure) -> Option<Duration> {
            let asked = AssertUnwindSafe(|| self.0.delay(job, progress, failure));
            std::panic::catch_unwind(asked).unwrap_or_else(|_| {
                tracing::error!(job = %job.id, "the retry policy panicked, the fixed interval decides");
                FixedInterval.delay(job, progress, failure)
            })
        }
    }
    let counters = parts.counters.of(&report.job.kind);
    let settlement = settlement(report, &Guarded(&*parts.policy));
    if let Some(counters) = counters {
        counters.ran(took, &settlement.verdict);
    }
    settlement
}

/// A panic is a failure of this attempt, not of the worker.
fn execute(
    executor: &dyn crate::Executor,
    job: &Job,
    attempt: &Attempt,
) -> Result<Output, Failure> {
    match std::panic::catch_unwind(AssertUnwindSafe(|| executor.execute(job, attempt))) {
        Ok(result) => result,
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_string());
            let text = text
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            tracing::error!(job = %job.id, kind = %job.kind, panic = text, "executor panicked");
            Err(Failure::later(format!("the executor panicked: {text}")))
        }
    }
}

fn now(parts: &Parts) -> Timestamp {
    parts.clock.wall().floor()
}
