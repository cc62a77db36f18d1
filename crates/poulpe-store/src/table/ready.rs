//! The ready queues: one a lane set, ordered by priority, due time, acceptance. Knows lanes and orders, not jobs. Asked by
//! claims, filled by whatever makes a job ready.

use super::living::Slot;
use super::order::{Order, Orders};
use poulpe_job::{Lane, LaneSet};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The number of a queue.
pub(super) type QueueKey = u32;

/// Jobs of one lane set.
#[derive(Debug)]
struct Queue {
    lanes: LaneSet,
    /// Never handed out ahead of an idle lane: these jobs have killed workers before.
    careful: bool,
    jobs: Orders,
}

/// Every ready job. A claim looks at the heads of queues that aren't empty only.
#[derive(Debug, Default)]
pub(super) struct ReadyQueues {
    /// By lane set, without care and with it.
    keys: HashMap<LaneSet, [Option<QueueKey>; 2]>,
    queues: Vec<Queue>,
    filled: BTreeSet<QueueKey>,
    len: u64,
}

/// What a claim may still hand out.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) idle: Vec<Lane>,
    pub(super) prefetch: usize,
}

impl ReadyQueues {
    /// The queue of jobs with this lane set. Sets are kept for ever: there are as many as clients think of, few.
    pub(super) fn key(&mut self, lanes: &LaneSet, careful: bool) -> QueueKey {
        let known = self.keys.get(lanes).and_then(|keys| keys[careful as usize]);
        if let Some(key) = known {
            return key;
        }
        let key = self.queues.len() as QueueKey;
        self.queues.push(Queue {
            lanes: lanes.clone(),
            careful,
            jobs: Orders::default(),
        });
        self.keys.entry(lanes.clone()).or_default()[careful as usize] = Some(key);
        key
    }

    /// The queue for jobs of the same lanes that must be handed out with care.
    pub(super) fn careful(&mut self, key: QueueKey) -> QueueKey {
        let lanes = self.queues[key as usize].lanes.clone();
        self.key(&lanes, true)
    }

    pub(super) fn lanes(&self, key: QueueKey) -> &LaneSet {
        &self.queues[key as usize].lanes
    }

    pub(super) fn push(&mut self, key: QueueKey, order: Order) {
        let queue = &mut self.queues[key as usize];
        if queue.jobs.is_empty() {
            self.filled.insert(key);
        }
        queue.jobs.insert(order);
        self.len += 1;
    }

    pub(super) fn remove(&mut self, key: QueueKey, order: Order) {
        let queue = &mut self.queues[key as usize];
        if queue.jobs.remove(order) {
            self.len -= 1;
        }
        if queue.jobs.is_empty() {
            self.filled.remove(&key);
        }
    }

    pub(super) fn contains(&self, key: QueueKey, order: Order) -> bool {
        let queue = self.queues.get(key as usize);
        queue.is_some_and(|queue| queue.jobs.contains(order))
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The first job in order that fits into the room, with the idle lane it gets. Takes it out of its queue and the
    /// lane out of the room.
    pub(super) fn pop(
        &mut self,
        room: &mut Room,
        leased: &HashMap<Lane, u64>,
    ) -> Option<(Slot, Option<Lane>)> {
        let mut best: Option<(Order, QueueKey)> = None;
        for key in &self.filled {
            let queue = &self.queues[*key as usize];
            if !queue.fits(room, leased) {
                continue;
            }
            if let Some(order) = queue.jobs.first()
                && best.is_none_or(|(first, _)| order < first)
            {
                best = Some((order, *key));
            }
        }
        let (order, key) = best?;
        self.remove(key, order);
        let queue = &self.queues[key as usize];
        let may_have = |lane: &Lane| {
            let is_any = queue.lanes.is_any();
            is_any || (queue.lanes.allows(*lane) && !leased.contains_key(lane))
        };
        let lane = self.least_wanted(room.idle.iter().copied().filter(may_have));
        match lane {
            Some(lane) => room.idle.retain(|idle| *idle != lane),
            None => room.prefetch -= 1,
        }
        Some((order.slot(), lane))
    }

    /// The lane that the fewest lane sets of ready confined jobs wait for, so that as many jobs as can be find one.
    fn least_wanted(&self, lanes: impl Iterator<Item = Lane>) -> Option<Lane> {
        let mut best: Option<(usize, Lane)> = None;
        for lane in lanes {
            let wanted_by = self.confined().filter(|set| set.allows(lane)).count();
            if wanted_by == 0 {
                return Some(lane);
            }
            if best.is_none_or(|(fewest, _)| wanted_by < fewest) {
                best = Some((wanted_by, lane));
            }
        }
        best.map(|(_, lane)| lane)
    }

    /// The lane sets of ready confined jobs.
    fn confined(&self) -> impl Iterator<Item = &LaneSet> {
        let filled = self.filled.iter();
        let sets = filled.map(|key| &self.queues[*key as usize].lanes);
        sets.filter(|set| !set.is_any())
    }

    /// Lanes that ready jobs confined to lanes wait for, and whether a job waits for just any idle lane.
    pub(super) fn wanted(&self) -> (Vec<Lane>, bool) {
        let mut lanes = BTreeSet::new();
        let mut any = false;
        for key in &self.filled {
            let queue = &self.queues[*key as usize];
            lanes.extend(queue.lanes.lanes());
            any |= queue.lanes.is_any() && queue.careful;
        }
        (lanes.into_iter().collect(), any)
    }

    /// Whether there are jobs that may be handed out ahead of an idle lane.
    pub(super) fn has_prefetchable(&self) -> bool {
        self.filled
            .iter()
            .any(|key| self.queues[*key as usize].prefetchable())
    }

    /// How many jobs wait, by lane set.
    pub(super) fn waiting(&self) -> Vec<(LaneSet, u64)> {
        let mut waiting: BTreeMap<&LaneSet, u64> = BTreeMap::new();
        for key in &self.filled {
            let queue = &self.queues[*key as usize];
            *waiting.entry(&queue.lanes).or_default() += queue.jobs.len() as u64;
        }
        waiting
            .into_iter()
            .map(|(lanes, count)| (lanes.clone(), count))
            .collect()
    }
}

impl Queue {
    fn prefetchable(&self) -> bool {
        self.lanes.is_any() && !self.careful
    }

    fn fits(&self, room: &Room, leased: &HashMap<Lane, u64>) -> bool {
        if self.prefetchable() {
            return !room.idle.is_empty() || room.prefetch > 0;
        }
        if self.lanes.is_any() {
            !room.idle.is_empty()
        } else {
            let is_free = |lane: &Lane| !leased.contains_key(lane);
            let mut allowed = room.idle.iter().filter(|lane| self.lanes.allows(**lane));
            allowed.any(is_free)
        }
    }
}

#[cfg(test)]
mod tests;
