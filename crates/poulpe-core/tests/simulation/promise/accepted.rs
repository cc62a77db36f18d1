//! Nothing accepted is lost; nothing runs that wasn't submitted; an id names one task.

use crate::checker::{Rule, Verdict, broken};
use crate::history::{Entry, What};
use poulpe_core::store::{Accepted as Answer, Lookup};
use poulpe_core::{Digest, Job, JobId};
use std::collections::{BTreeMap, HashSet};

#[derive(Debug, Default)]
struct Known {
    submitted: HashSet<Digest>,
    accepted: Option<Digest>,
    is_new_told: bool,
    /// A person removed it: from then on anything goes.
    is_purged: bool,
    has_ended: bool,
}

/// See the head of this file.
#[derive(Default)]
pub(crate) struct Accepted(BTreeMap<JobId, Known>);

impl Accepted {
    fn answered(known: &mut Known, job: &Job, answer: Answer) -> Verdict {
        let accepted_other = known.accepted.is_some_and(|digest| digest != job.digest);
        match answer {
            Answer::New(_) if known.is_new_told => broken(&job.id, "accepted twice as new"),
            Answer::New(_) | Answer::Duplicate(_) if accepted_other => {
                broken(&job.id, "two tasks were accepted under one id")
            }
            Answer::New(_) | Answer::Duplicate(_) => {
                known.is_new_told |= matches!(answer, Answer::New(_));
                known.accepted = Some(job.digest);
                Ok(())
            }
            Answer::Conflict
                if known.accepted == Some(job.digest) || known.submitted.len() == 1 =>
            {
                broken(&job.id, "conflicts with itself")
            }
            Answer::Conflict => Ok(()),
            Answer::Full => broken(&job.id, "refused for lack of room"),
        }
    }
}

impl Rule for Accepted {
    fn see(&mut self, entry: &Entry) -> Verdict {
        if let What::Submit(job, _) = &entry.what {
            let known = self.0.entry(job.id.clone()).or_default();
            known.submitted.insert(job.digest);
            return Ok(());
        }
        let Some(known) = entry.what.job().and_then(|id| self.0.get_mut(id)) else {
            return match &entry.what {
                What::Claimed(lease, ..) => broken(&lease.job, "handed out, but never submitted"),
                _ => Ok(()),
            };
        };
        if known.is_purged {
            return Ok(());
        }
        match &entry.what {
            What::Accepted(job, answer) => return Self::answered(known, job, *answer),
            What::Claimed(_, job, _) => {
                let is_another = known.accepted.is_some_and(|digest| digest != job.digest);
                if is_another || !known.submitted.contains(&job.digest) {
                    return broken(&job.id, "another task was handed out than the accepted one");
                }
            }
            What::Purging(_) => known.is_purged = true,
            What::Looked(id, lookup) => {
                known.has_ended = matches!(lookup, Lookup::Ended(_));
                if known.accepted.is_some() && *lookup == Lookup::Unknown {
                    return broken(id, "accepted, and unknown later");
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self) -> Verdict {
        for (id, known) in &self.0 {
            if known.is_purged {
                continue;
            }
            if known.accepted.is_none() {
                return broken(id, "submitted until answered, but never accepted");
            }
            if !known.has_ended {
                return broken(
                    id,
                    "accepted, but has not ended when the world came to rest",
                );
            }
        }
        Ok(())
    }
}
