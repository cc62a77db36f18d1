//! Which worker takes which claimed job next: a slot for each lane and one queue for jobs that may run anywhere, so
//! that none waits behind a long one while another lane is free. Never decides what to claim; the worker pool and the
//! simulator drive it.

use poulpe_job::Lane;
use poulpe_store::{ClaimedJob, LeaseId};
use std::collections::VecDeque;
use std::time::Duration;

/// How much may be claimed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Room {
    /// Lanes with nothing to do.
    pub idle: Vec<Lane>,
    /// How many more jobs may be kept at hand.
    pub prefetch: usize,
}

impl Room {
    /// Whether nothing can be taken.
    pub fn is_none(&self) -> bool {
        self.idle.is_empty() && self.prefetch == 0
    }
}

#[derive(Debug, Default)]
struct Slot {
    /// Claimed for this lane.
    job: Option<ClaimedJob>,
    is_busy: bool,
    is_wanted: bool,
    /// Its latest job was claimed for it: the next may come from the common queue even if the lane is wanted, so that
    /// neither side starves.
    had_its_own: bool,
}

/// The claimed jobs that haven't started.
#[derive(Debug)]
pub struct Lanes {
    slots: Vec<Slot>,
    common: VecDeque<ClaimedJob>,
    prefetch: usize,
    /// The most that is ever kept at hand.
    most: usize,
    /// The fewest that are kept at hand, however long jobs take.
    fewest: usize,
    /// How long jobs take of late: an exponential mean over about eight of them.
    took: Duration,
}

/// As much work as is kept at hand: jobs for so long. Enough that workers of short jobs never wait for a claim; beside
/// long jobs only one for each worker, so that a more urgent one isn't kept waiting by what was claimed before it.
const AT_HAND: Duration = Duration::from_millis(8);

/// What a job is taken to last that kept others waiting: some twenty short ones make up for it.
const LONG: Duration = Duration::from_millis(100);

impl Lanes {
    /// So many lanes, and at most `most` jobs at hand for them.
    pub fn new(lanes: Lane, most: usize) -> Self {
        let slots = (0..lanes).map(|_| Slot::default()).collect();
        Self {
            slots,
            common: VecDeque::with_capacity(most),
            prefetch: usize::from(lanes).min(most),
            most,
            fewest: usize::from(lanes).min(most),
            took: Duration::ZERO,
        }
    }

    /// Beside long jobs nothing is kept at hand: another daemon may have an idle lane for it.
    #[must_use]
    pub fn sharing(mut self) -> Self {
        self.fewest = 0;
        self
    }

    /// The first of the jobs that wait at hand for just any worker.
    pub fn first_ahead(&self) -> Option<&LeaseId> {
        self.common.front().map(|job| &job.lease)
    }

    /// Takes the jobs back that wait at hand for just any worker, since none gets to them; until jobs are seen to be short
    /// again none is kept at hand.
    pub fn take_ahead(&mut self) -> Vec<ClaimedJob> {
        self.took = self.took.max(LONG);
        self.prefetch = self.fewest;
        self.common.drain(..).collect()
    }

    /// A job took this long: short ones are worth claiming more of.
    pub fn took(&mut self, time: Duration) {
        self.took = (self.took * 7 + time) / 8;
        let lanes = self.slots.len();
        let per_lane = AT_HAND.as_nanos() / self.took.as_nanos().max(1);
        let all = usize::try_from(per_lane)
            .unwrap_or(usize::MAX)
            .saturating_mul(lanes);
        self.prefetch = all.max(self.fewest).min(self.most);
    }

    /// Takes claimed jobs. Gives the lanes whose workers have something to do now.
    pub fn hand(&mut self, jobs: Vec<ClaimedJob>, wanted: &[Lane], wants_any: bool) -> Vec<Lane> {
        for (lane, slot) in self.slots.iter_mut().enumerate() {
            slot.is_wanted = wants_any || wanted.contains(&(lane as Lane));
        }
        for job in jobs {
            match job
                .lane
                .and_then(|lane| self.slots.get_mut(usize::from(lane)))
            {
                Some(slot) if slot.job.is_none() => slot.job = Some(job),
                _ => self.common.push_back(job),
            }
        }
        let mut left = self.common.len();
        let mut wake = Vec::new();
        for (lane, slot) in self.slots.iter().enumerate() {
            if slot.is_busy {
                continue;
            }
            if slot.job.is_some() {
                wake.push(lane as Lane);
            } else if left > 0 && slot.takes_any() {
                left -= 1;
                wake.push(lane as Lane);
            }
        }
        wake
    }

    /// The next job for a lane's idle worker.
    pub fn next(&mut self, lane: Lane) -> Option<ClaimedJob> {
        let slot = self.slots.get_mut(usize::from(lane))?;
        let own = slot.job.take();
        let had_its_own = own.is_some();
        let job = match own {
            Some(job) => job,
            None if slot.takes_any() => self.common.pop_front()?,
            None => return None,
        };
        slot.had_its_own = had_its_own;
        slot.is_busy = true;
        Some(job)
    }

    /// Whether there is a next job for a lane.
    pub fn has_next(&self, lane: Lane) -> bool {
        let slot = self.slots.get(usize::from(lane));
        slot.is_some_and(|slot| slot.job.is_some() || (slot.takes_any() && !self.common.is_empty()))
    }

    /// The next job for a worker that stands in for a stuck one: only jobs that may run anywhere.
    pub fn next_for_stand_in(&mut self) -> Option<ClaimedJob> {
        self.common.pop_front()
    }

    /// A lane's worker has nothing to do any more.
    pub fn idle(&mut self, lane: Lane) {
        if let Some(slot) = self.slots.get_mut(usize::from(lane)) {
            slot.is_busy = false;
        }
    }

    /// What may be claimed now.
    pub fn room(&self) -> Room {
        let idle = self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| self.is_idle(slot))
            .map(|(lane, _)| lane as Lane);
        Room {
            idle: idle.collect(),
            prefetch: self.prefetch.saturating_sub(self.common.len()),
        }
    }

    /// Whether claiming more is worth a wake-up: a lane has nothing to do, or few jobs are left at hand.
    pub fn is_low(&self) -> bool {
        self.common.len() <= self.prefetch / 2 || self.slots.iter().any(|slot| self.is_idle(slot))
    }

    fn is_idle(&self, slot: &Slot) -> bool {
        let has_other_work = !self.common.is_empty() && slot.takes_any();
        !slot.is_busy && slot.job.is_none() && !has_other_work
    }

    /// How many jobs are at hand.
    pub fn at_hand(&self) -> usize {
        self.common.len() + self.slots.iter().filter(|slot| slot.job.is_some()).count()
    }

    /// Takes the jobs under these leases back, as far as they haven't started.
    pub fn take(&mut self, leases: &[LeaseId]) -> Vec<ClaimedJob> {
        let is_meant = |job: &ClaimedJob| leases.contains(&job.lease);
        let mut taken: Vec<ClaimedJob> = Vec::new();
        for slot in &mut self.slots {
            taken.extend(slot.job.take_if(|job| is_meant(job)));
        }
        let (meant, rest) = self.common.drain(..).partition(is_meant);
        self.common = rest;
        taken.extend::<VecDeque<_>>(meant);
        taken
    }

    /// Takes everything that hasn't started back.
    pub fn take_back(&mut self) -> Vec<ClaimedJob> {
        let own = self.slots.iter_mut().filter_map(|slot| slot.job.take());
        own.chain(self.common.drain(..)).collect()
    }
}

impl Slot {
    fn takes_any(&self) -> bool {
        !self.is_wanted || self.had_its_own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_long_jobs_one_is_kept_at_hand_for_each_lane_beside_short_ones_many() {
        let mut lanes = Lanes::new(4, 128);
        assert_eq!(lanes.room().prefetch, 4);
        for _ in 0..50 {
            lanes.took(Duration::from_micros(20));
        }
        assert_eq!(lanes.room().prefetch, 128);
        lanes.took(Duration::from_secs(1));
        assert_eq!(lanes.room().prefetch, 4);
    }

    #[test]
    fn with_others_none_is_kept_at_hand_beside_long_jobs_nor_after_some_had_to_wait() {
        let mut lanes = Lanes::new(4, 128).sharing();
        let short = |lanes: &mut Lanes| {
            for _ in 0..50 {
                lanes.took(Duration::from_micros(20));
            }
            lanes.room().prefetch
        };
        assert_eq!(short(&mut lanes), 128);
        lanes.took(Duration::from_secs(1));
        assert_eq!(lanes.room().prefetch, 0);
        assert_eq!(short(&mut lanes), 128);
        lanes.take_ahead();
        assert_eq!(lanes.room().prefetch, 0);
        assert_eq!(short(&mut lanes), 128);
    }
}
