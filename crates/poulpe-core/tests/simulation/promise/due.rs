//! Never early: a job isn't handed out before it is due, by the wall clock of the store.

use crate::checker::{Rule, Verdict, broken};
use crate::history::{Entry, Fault, What};
use poulpe_core::store::Hold;
use poulpe_core::{Due as When, JobId, Verdict as End};
use std::collections::{BTreeMap, HashMap};

#[derive(Debug, Default)]
struct Story {
    asked: Option<When>,
    /// It wasn't handed out yet: several writes may have accepted it, the earliest counts.
    is_fresh: bool,
    /// In nanoseconds since the epoch.
    not_before: Option<i128>,
    /// What verdicts under way would make of it, by the nonce of their lease.
    /// `None` once it was answered: a repeat moves nothing.
    pending: HashMap<u64, Option<i128>>,
    is_given_back: bool,
}

/// See the head of this file.
#[derive(Default)]
pub(crate) struct Due(BTreeMap<JobId, Story>);

impl Story {
    /// Work given back unrun is put off for as long as the process lives.
    fn forget_release(&mut self) {
        if std::mem::take(&mut self.is_given_back) {
            self.not_before = None;
        }
    }
}

/// The earliest moment that `due` allows; none for "now".
fn earliest(due: When, wall: i128) -> Option<i128> {
    match due {
        When::In(wait) if wait.is_zero() => None,
        When::In(wait) => Some(wall + wait.as_nanos() as i128),
        When::At(at) => Some(i128::from(at.as_millis()) * 1_000_000),
    }
}

impl Rule for Due {
    fn see(&mut self, entry: &Entry) -> Verdict {
        if let What::Submit(job, due) = &entry.what {
            let story = self.0.entry(job.id.clone()).or_insert_with(|| Story {
                is_fresh: true,
                ..Story::default()
            });
            story.asked = Some(*due);
            return Ok(());
        }
        match &entry.what {
            // What has been reached once is due, even if the clock is set back then.
            What::Fault(Fault::ClockMoved) => {
                for story in self.0.values_mut() {
                    let is_reached = story.not_before.is_some_and(|due| due <= entry.wall);
                    story.is_fresh &= !is_reached;
                    story.not_before = story.not_before.filter(|_| !is_reached);
                }
            }
            What::End { .. } => self.0.values_mut().for_each(Story::forget_release),
            _ => {}
        }
        let Some(id) = entry.what.job() else {
            return Ok(());
        };
        let Some(story) = self.0.get_mut(id) else {
            return Ok(());
        };
        match &entry.what {
            What::Accepting(_) if story.is_fresh => {
                let due = story.asked.and_then(|due| earliest(due, entry.wall));
                story.not_before = match (story.not_before, due) {
                    (Some(known), Some(due)) => Some(known.min(due)),
                    (known, due) => known.or(due),
                };
            }
            What::Accepted(..) => story.is_fresh = false,
            What::Settling(lease, end @ (End::Retry { due, .. } | End::Release { due, .. })) => {
                story.is_given_back = matches!(end, End::Release { .. });
                let due = earliest(*due, entry.wall);
                story.pending.entry(lease.nonce).or_insert(due);
            }
            What::Settled(lease, Hold::Held) => {
                let due = story.pending.insert(lease.nonce, None).flatten();
                story.not_before = due.or(story.not_before);
            }
            What::Claimed(..) => {
                let early = story.not_before.map_or(0, |due| due - entry.wall);
                story.is_fresh = false;
                story.not_before = None;
                if early > 0 {
                    return broken(id, format!("handed out {early} ns early"));
                }
            }
            What::Reviving(_) => story.not_before = None,
            _ => {}
        }
        Ok(())
    }
}
