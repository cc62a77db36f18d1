//! Audits a table that was filled from what is stored: every job in exactly one order, every bound kept. Changes
//! nothing. Called by who checks a store from outside.

use super::entry::Phase;
use super::{Owner, Table};
use poulpe_job::State;

/// A record that counts.
#[derive(Debug)]
pub struct Counted<'a, P> {
    /// Whose it is.
    pub owner: Owner,
    /// What its job is now: dead, done, or some state of the living.
    pub state: State,
    /// Where it lies.
    pub place: &'a P,
}

impl<P: Clone> Table<P> {
    /// Whatever contradicts the invariants of this table, as sentences. Empty if it is sound.
    pub fn audit(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut living = 0;
        for (hash, slot, job) in self.living.slots() {
            living += 1;
            let is_in_order = match &job.phase {
                Phase::Waiting => self.timeline.contains(job.time_order(slot)),
                Phase::Ready => self.ready.contains(job.queue, job.order(slot)),
                Phase::Leased(lease) => self.leases.get(&(lease.ends, job.sequence)) == Some(&hash),
                Phase::Busy(_) => false,
            };
            if !is_in_order {
                problems.push(format!(
                    "job number {} is not in the order of its state",
                    job.sequence
                ));
            }
        }
        let in_orders = self.timeline.len() as u64 + self.ready.len() + self.leases.len() as u64;
        if in_orders != living {
            problems.push(format!(
                "{living} jobs live, but the orders have {in_orders}"
            ));
        }
        let kept = self.ended.figures();
        let limits = self.ended.limits();
        if kept.results > limits.result_max || kept.bytes > limits.result_bytes {
            problems.push(format!(
                "{} results of {} bytes are kept, more than the limits allow",
                kept.results, kept.bytes
            ));
        }
        problems
    }

    /// Calls `visit` with each record that counts, in no order. Dead letters are visited once, even if their results
    /// are kept.
    pub fn each_counted(&self, mut visit: impl FnMut(Counted<'_, P>)) {
        let mut give = |sequence, hash, state, place| {
            let owner = Owner::Job { sequence, hash };
            visit(Counted {
                owner,
                state,
                place,
            });
        };
        for (hash, _, job) in self.living.slots() {
            if let Some(place) = &job.place {
                give(job.sequence, hash, State::Ready, place);
            }
        }
        for (sequence, dead) in &self.dead {
            give(*sequence, dead.hash, State::Dead, &dead.place);
        }
        for (sequence, kept) in &self.sending {
            // Whatever becomes of its result, it stays until that is sent.
            give(*sequence, kept.hash, State::Running, &kept.place);
        }
        let done = self.ended.all_done();
        let done = done.filter(|(_, sequence, _)| !self.sending.contains_key(sequence));
        for (hash, sequence, place) in done {
            give(sequence, hash, State::Done, place);
        }
        for (name, value) in &self.checkpoints {
            if let Some((_, place)) = &value.current {
                let owner = Owner::Checkpoint(name.clone());
                visit(Counted {
                    owner,
                    state: State::Done,
                    place,
                });
            }
        }
    }
}
