//! What should become of fire times: the rules of docs/cron.md, worked out fire time by fire time.

use poulpe_core::Timestamp;
use poulpe_core::cron::{Entry, Misfire, Overlap};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of one schedule.
pub(crate) struct Model {
    pub(crate) entry: Entry,
    /// Everything up to here has been decided.
    pub(crate) decided_to: i64,
    /// Nothing up to here may become a job any more: the same, unless the schedule was away.
    pub(crate) closed_to: i64,
    /// Decisions since then may have been made by someone who didn't live to tell.
    pub(crate) is_vague: bool,
    /// Fire times that became jobs, and whether each has ended.
    pub(crate) jobs: BTreeMap<i64, bool>,
    /// Fire times that were given up.
    pub(crate) missed: u64,
}

impl Model {
    pub(crate) fn new(entry: Entry, start: i64) -> Self {
        Self {
            entry,
            decided_to: start,
            closed_to: start,
            is_vague: false,
            jobs: BTreeMap::new(),
            missed: 0,
        }
    }

    fn fires(&self, from: i64, to: i64) -> Vec<i64> {
        let mut fires = Vec::new();
        let mut after = Timestamp::from_millis(from);
        while let Some(fire) = self.entry.next_after(after).filter(|f| f.as_millis() <= to) {
            fires.push(fire.as_millis());
            after = fire;
        }
        fires
    }

    /// A job was accepted for this fire time.
    pub(crate) fn accepted(&mut self, fire: i64, now: i64) -> Result<(), String> {
        let at = Timestamp::from_millis(fire - 1);
        if self.entry.next_after(at) != Some(Timestamp::from_millis(fire)) {
            return Err(format!("{fire} is no fire time of {}", self.entry.text));
        }
        if fire > now + 250 {
            return Err(format!("{fire} became a job at {now}, too early"));
        }
        if fire <= self.closed_to {
            return Err(format!(
                "{fire} became a job at {now}, and was decided before"
            ));
        }
        let is_overlap = self.jobs.values().any(|has_ended| !has_ended);
        if self.entry.options.overlap == Overlap::Skip && is_overlap {
            return Err(format!("{fire} overlaps an earlier job"));
        }
        match self.jobs.insert(fire, false) {
            Some(_) => Err(format!("{fire} became two jobs")),
            None => Ok(()),
        }
    }

    /// Somebody who saw everything through has decided up to now.
    pub(crate) fn decided(&mut self, now: i64) -> Result<(), String> {
        if now <= self.decided_to {
            return Ok(());
        }
        let fires = self.fires(self.decided_to, now);
        let (missed, late): (Vec<i64>, Vec<i64>) = fires.iter().partition(|f| now - **f > 60_000);
        let made_up: Vec<i64> = match self.entry.options.misfire {
            Misfire::Skip => Vec::new(),
            Misfire::Once { window } => {
                let newest = missed.last().copied();
                let in_window = |f: &i64| now - f <= window.as_millis() as i64;
                newest.filter(in_window).into_iter().collect()
            }
            Misfire::All => missed[missed.len().saturating_sub(1_000)..].to_vec(),
        };
        let is_skip = self.entry.options.overlap == Overlap::Skip;
        let expected: BTreeSet<i64> = made_up.iter().chain(&late).copied().collect();
        let found: BTreeSet<i64> = (self.jobs.range(self.decided_to + 1..=now))
            .map(|(fire, _)| *fire)
            .collect();
        // Whoever died may have decided earlier, when more was late and less was missed; overlaps depend on what ran.
        let lost = late.iter().find(|fire| !found.contains(fire));
        let wrong = match lost {
            Some(fire) if !is_skip => Some(format!("{fire} is lost")),
            _ if !self.is_vague && !is_skip && found != expected => {
                Some(format!("{found:?} became jobs instead of {expected:?}"))
            }
            _ if !self.is_vague && is_skip && !found.is_subset(&expected) => {
                Some(format!("{found:?} became jobs, of {expected:?}"))
            }
            _ => None,
        };
        if let Some(wrong) = wrong {
            return Err(format!("at {now}, decided to {}: {wrong}", self.decided_to));
        }
        self.missed += (fires.len() - found.len()) as u64;
        // A moment of what comes may be decided already.
        let ahead = self.jobs.last_key_value().map_or(now, |(fire, _)| *fire);
        self.decided_to = now.max(ahead);
        self.closed_to = self.decided_to;
        self.is_vague = false;
        Ok(())
    }
}
