//! What happened in worlds, counted, so that one sees that the faults do happen.

use crate::history::{Entry, Fault, What};
use poulpe_core::Verdict;
use poulpe_core::store::{Accepted, Cancelled, Hold, Revived};
use std::collections::BTreeMap;

/// Counts of a world, or of many.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    worlds: u64,
    entries: u64,
    counts: BTreeMap<&'static str, u64>,
}

/// What must happen in a thousand worlds.
const ALL: [&str; 23] = [
    "jobs",
    "duplicates",
    "conflicts",
    "attempts",
    "renewals",
    "retries",
    "burials",
    "verdicts lost",
    "not started",
    "interrupted",
    "cancelled",
    "cancel requested",
    "revived",
    "given up",
    "crashes",
    "crashes before a write",
    "crashes after a write",
    "failed disks",
    "stalled disks",
    "stops",
    "lost requests",
    "lost answers",
    "clock jumps",
];

impl Summary {
    pub(crate) fn of(entries: &[Entry]) -> Self {
        let mut summary = Self {
            worlds: 1,
            entries: entries.len() as u64,
            ..Self::default()
        };
        for entry in entries {
            if let Some(name) = name(&entry.what) {
                *summary.counts.entry(name).or_default() += 1;
            }
        }
        summary
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.worlds += other.worlds;
        self.entries += other.entries;
        for (name, count) in &other.counts {
            *self.counts.entry(name).or_default() += count;
        }
    }

    /// What never happened.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let all = ALL.into_iter();
        all.filter(|name| !self.counts.contains_key(name)).collect()
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} worlds, {} entries", self.worlds, self.entries)?;
        for (name, count) in &self.counts {
            write!(f, ", {count} {name}")?;
        }
        Ok(())
    }
}

fn name(what: &What) -> Option<&'static str> {
    Some(match what {
        What::Accepted(_, Accepted::New(_)) => "jobs",
        What::Accepted(_, Accepted::Duplicate(_)) => "duplicates",
        What::Accepted(_, Accepted::Conflict) => "conflicts",
        What::Started(..) => "attempts",
        What::Renewed(..) => "renewals",
        What::Settling(_, Verdict::Retry { .. }) => "retries",
        What::Settling(_, Verdict::Bury { .. }) => "burials",
        What::Settling(_, Verdict::Release { reason, .. }) => match reason {
            poulpe_core::ReleaseReason::NotStarted => "not started",
            poulpe_core::ReleaseReason::Interrupted => "interrupted",
        },
        What::Settled(_, Hold::Lost) => "verdicts lost",
        What::Cancelled(_, Cancelled::Done) => "cancelled",
        What::Cancelled(_, Cancelled::Requested) => "cancel requested",
        What::Revived(_, Revived::Done) => "revived",
        What::End { killed: true } => "crashes",
        What::End { killed: false } => "stops",
        What::Fault(fault) => match fault {
            Fault::RequestLost => "lost requests",
            Fault::AnswerLost => "lost answers",
            Fault::WriteFailed => "failed disks",
            Fault::WriteStalled => "stalled disks",
            Fault::KilledBeforeWrite => "crashes before a write",
            Fault::KilledAfterWrite => "crashes after a write",
            Fault::ClockMoved => "clock jumps",
            Fault::GivenUp => "given up",
        },
        _ => return None,
    })
}
