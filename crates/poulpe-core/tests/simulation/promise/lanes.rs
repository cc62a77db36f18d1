//! Lanes hold: a confined job runs on its lanes only, and no two of them at once on one.

use crate::checker::{Rule, Verdict, broken};
use crate::history::{Entry, What};
use poulpe_core::{JobId, Lane, LaneSet};
use std::collections::{BTreeMap, HashMap};

/// See the head of this file.
#[derive(Default)]
pub(crate) struct Lanes {
    allowed: BTreeMap<JobId, LaneSet>,
    confined: HashMap<Lane, (JobId, u32)>,
}

impl Rule for Lanes {
    fn see(&mut self, entry: &Entry) -> Verdict {
        match &entry.what {
            What::Claimed(_, job, _) => {
                self.allowed.insert(job.id.clone(), job.lanes.clone());
            }
            What::Started(lease, attempt, lane) => {
                let Some(allowed) = self.allowed.get(&lease.job) else {
                    return broken(&lease.job, "runs, but was never handed out");
                };
                if !allowed.allows(*lane) {
                    return broken(&lease.job, format!("runs on lane {lane}"));
                }
                if allowed.is_any() {
                    return Ok(());
                }
                let here = (lease.job.clone(), *attempt);
                if let Some((other, _)) = self.confined.insert(*lane, here) {
                    return broken(&lease.job, format!("shares lane {lane} with {other}"));
                }
            }
            What::Returned(lease, attempt, lane) => {
                let here = (lease.job.clone(), *attempt);
                if self.confined.get(lane) == Some(&here) {
                    self.confined.remove(lane);
                }
            }
            What::End { .. } => self.confined.clear(),
            _ => {}
        }
        Ok(())
    }
}
