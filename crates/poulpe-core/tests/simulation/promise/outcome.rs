//! The end of a job stands: what was told stays true, across crashes too, and nothing starts after it. A cancelled job
//! doesn't start.

use crate::checker::{Rule, Verdict, broken};
use crate::history::{Entry, What};
use poulpe_core::store::{Cancelled, Hold, Lookup};
use poulpe_core::{JobId, JobResult, State, Verdict as End};
use std::collections::{BTreeMap, HashMap};

#[derive(Debug, Default)]
struct Story {
    /// It has ended, in a way that was answered or told.
    has_ended: bool,
    is_cancelled: bool,
    result: Option<JobResult>,
    verdicts: HashMap<u64, End>,
    /// A person is putting it back or has removed it: anything may be seen. A revive's answer or the end of the process
    /// begins a new story, a purge's none.
    is_open: bool,
    is_purged: bool,
}

impl Story {
    fn stands(&mut self, id: &JobId, result: &JobResult) -> Verdict {
        if self.result.as_ref().is_some_and(|told| told != result) {
            return broken(id, format!("its result changed to {result:?}"));
        }
        self.has_ended = true;
        self.result = Some(result.clone());
        Ok(())
    }

    fn begin_anew(&mut self) {
        if self.is_open && !self.is_purged {
            *self = Self::default();
        }
    }

    /// Whether it can't be a dead letter any more, and so can't be put back.
    fn is_over(&self) -> bool {
        let is_done = |result: &JobResult| result.state == State::Done;
        self.is_cancelled || self.result.as_ref().is_some_and(is_done)
    }
}

/// See the head of this file.
#[derive(Default)]
pub(crate) struct Outcome(BTreeMap<JobId, Story>);

impl Rule for Outcome {
    fn see(&mut self, entry: &Entry) -> Verdict {
        if matches!(entry.what, What::End { .. }) {
            self.0.values_mut().for_each(Story::begin_anew);
        }
        let Some(id) = entry.what.job() else {
            return Ok(());
        };
        let story = self.0.entry(id.clone()).or_default();
        if matches!(entry.what, What::Revived(..)) {
            story.begin_anew();
        }
        if story.is_open {
            return Ok(());
        }
        match &entry.what {
            What::Looked(_, Lookup::Ended(result)) => story.stands(id, result),
            What::Looked(_, other) if story.has_ended => {
                broken(id, format!("it had ended, and is {other:?} now"))
            }
            What::Settling(lease, verdict) => {
                let known = story.verdicts.entry(lease.nonce);
                known.or_insert_with(|| verdict.clone());
                Ok(())
            }
            What::Settled(lease, Hold::Held) => match story.verdicts.remove(&lease.nonce) {
                Some(End::Complete(result)) => story.stands(id, &result),
                Some(End::Bury { .. }) => {
                    story.has_ended = true;
                    Ok(())
                }
                _ => Ok(()),
            },
            What::Cancelled(_, Cancelled::Done) => {
                story.has_ended = true;
                story.is_cancelled = true;
                Ok(())
            }
            What::Cancelled(_, Cancelled::Requested) => {
                story.is_cancelled = true;
                Ok(())
            }
            What::Go(_, attempt) if story.is_cancelled => broken(
                id,
                format!("attempt {attempt} started after the job was cancelled"),
            ),
            What::Go(_, attempt) if story.has_ended => broken(
                id,
                format!("attempt {attempt} started after the job had ended"),
            ),
            What::Reviving(_) | What::Purging(_) if !story.is_over() => {
                story.is_open = true;
                story.is_purged = matches!(entry.what, What::Purging(_));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
