//! What happened in a world, seen from outside the code under test: what was asked, what took effect when, what was
//! answered. Never judges; the checker does. Everybody writes to it.

use poulpe_core::store::{
    Accepted, Cancelled, Hold, LeaseId, Lookup, ManualTime, Revived, TimeSource,
};
use poulpe_core::{Job, JobId, Kind, Lane, Verdict};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What happened.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// A life of the daemon begins, with executors for these kinds.
    Boot(Lane, Vec<Kind>),
    /// It is told to stop.
    Stop,
    /// It ends: killed, or because it was told to.
    End {
        killed: bool,
    },
    /// Something that excuses delays and repeats.
    Fault(Fault),
    /// A client hands a job in.
    Submit(Job, poulpe_core::Due),
    /// The store takes a job up to write it.
    Accepting(JobId),
    /// The store has answered, durably.
    Accepted(Job, Accepted),
    /// The store handed a job out; the lease ends then.
    Claimed(LeaseId, Job, Duration),
    /// A lease was kept.
    Renewed(LeaseId, Duration),
    /// The store let an attempt start.
    Go(LeaseId, u32),
    /// An executor is called.
    Started(LeaseId, u32, Lane),
    /// An executor has returned.
    Returned(LeaseId, u32, Lane),
    /// The store takes a verdict up to write it.
    Settling(LeaseId, Verdict),
    /// The store has answered, durably if it held.
    Settled(LeaseId, Hold),
    /// The store takes a wish up.
    Cancelling(JobId),
    Reviving(JobId),
    Purging(JobId),
    /// The answer to it.
    Revived(JobId, Revived),
    Cancelled(JobId, Cancelled),
    /// Somebody read a result.
    Looked(JobId, Lookup),
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    RequestLost,
    AnswerLost,
    WriteFailed,
    WriteStalled,
    KilledBeforeWrite,
    KilledAfterWrite,
    ClockMoved,
    GivenUp,
}

impl What {
    /// The job it is about.
    pub(crate) fn job(&self) -> Option<&JobId> {
        match self {
            What::Boot(..) | What::Stop | What::End { .. } | What::Fault(_) => None,
            What::Submit(job, _) | What::Accepted(job, _) => Some(&job.id),
            What::Accepting(id)
            | What::Cancelling(id)
            | What::Reviving(id)
            | What::Purging(id)
            | What::Revived(id, _)
            | What::Cancelled(id, _)
            | What::Looked(id, _) => Some(id),
            What::Claimed(lease, ..)
            | What::Renewed(lease, _)
            | What::Go(lease, _)
            | What::Started(lease, ..)
            | What::Returned(lease, ..)
            | What::Settling(lease, _)
            | What::Settled(lease, _) => Some(&lease.job),
        }
    }
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = |lease: &LeaseId| {
            let LeaseId {
                job,
                claims,
                incarnation,
                ..
            } = lease;
            format!("{job} claim {claims} of life {}", incarnation.0)
        };
        match self {
            What::Submit(job, due) => {
                let (lanes, retries) = (job.lanes.to_text(), job.max_retry);
                let (id, kind, every) = (&job.id, &job.kind, job.retry_interval);
                write!(
                    f,
                    "submit {id} {kind} due {due:?} lanes [{lanes}] retries {retries} every {every:?}"
                )
            }
            What::Accepted(job, answer) => write!(f, "accepted {} {answer:?}", job.id),
            What::Claimed(lease, job, until) => {
                write!(
                    f,
                    "claimed {} due {:?} until {until:?}",
                    short(lease),
                    job.due
                )
            }
            What::Renewed(lease, until) => write!(f, "renewed {} until {until:?}", short(lease)),
            What::Go(lease, attempt) => write!(f, "go {} attempt {attempt}", short(lease)),
            What::Started(lease, attempt, lane) => {
                write!(f, "started {} attempt {attempt} lane {lane}", short(lease))
            }
            What::Returned(lease, attempt, lane) => {
                write!(f, "returned {} attempt {attempt} lane {lane}", short(lease))
            }
            What::Settling(lease, verdict) => write!(f, "settling {} {verdict:?}", short(lease)),
            What::Settled(lease, hold) => write!(f, "settled {} {hold:?}", short(lease)),
            other => write!(f, "{other:?}"),
        }
    }
}

/// What happened, and what the clocks read.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) mono: Duration,
    /// In nanoseconds since the epoch.
    pub(crate) wall: i128,
    pub(crate) what: What,
}

/// What happened so far.
pub(crate) struct History {
    time: Arc<ManualTime>,
    entries: Mutex<Vec<Entry>>,
}

impl History {
    pub(crate) fn new(time: Arc<ManualTime>) -> Self {
        Self {
            time,
            entries: Mutex::default(),
        }
    }

    pub(crate) fn note(&self, what: What) {
        let entry = Entry {
            mono: self.time.monotonic(),
            wall: self.time.wall().0,
            what,
        };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push(entry);
    }

    pub(crate) fn take(&self) -> Vec<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut entries)
    }
}

/// The tail of a history, as far as it concerns a job.
pub(crate) fn tail(entries: &[Entry], job: Option<&JobId>, max: usize) -> String {
    let concerned: Vec<&Entry> = entries
        .iter()
        .filter(|entry| job.is_none() || entry.what.job().is_none() || entry.what.job() == job)
        .collect();
    let from = concerned.len().saturating_sub(max);
    let line = |entry: &&Entry| {
        let (mono, wall) = (entry.mono.as_secs_f64(), entry.wall as f64 / 1e9);
        format!("{mono:>12.6} wall {wall:>15.3} {}\n", entry.what)
    };
    concerned[from..].iter().map(line).collect()
}
