//! Decides when to claim and hands what was claimed to the lanes. Never touches verdicts; those are the settler's.
//! Runs as one task per scheduler.

use super::{LONGEST_WAIT, Room, backoff};
use poulpe_job::Lane;
use poulpe_store::{Claim, Claimed, ClaimedJob, Incarnation};
use std::time::Duration;

/// So many are claimed to be kept at hand at once: the first of a burst start while the rest is still being claimed.
const AT_ONCE: usize = 64;

/// What the dispatcher is told.
#[derive(Debug)]
pub enum DispatchEvent {
    /// Something may be ready.
    Work,
    /// The lanes have this much room now.
    Room(Room),
    /// The answer to the claim.
    Claimed(Claimed),
    /// The claim's answer was lost.
    ClaimFailed,
    /// Time has passed.
    Timer,
    /// Claim no more.
    Stop,
}

/// What the dispatcher wants done.
#[derive(Debug, PartialEq)]
pub enum DispatchAction {
    /// Ask the store; answer with `Claimed` or `ClaimFailed`.
    Claim(Claim),
    /// Give these to the lanes.
    Hand {
        /// The jobs, in order.
        jobs: Vec<ClaimedJob>,
        /// Lanes that confined jobs wait for: their workers must ask before they take just any job.
        wanted: Vec<Lane>,
        /// Every lane is wanted.
        wants_any: bool,
    },
    /// Claimed after the stop: give them back unrun.
    GiveBack(Vec<ClaimedJob>),
}

/// When to claim. One claim is under way at most.
#[derive(Debug)]
pub struct Dispatcher {
    incarnation: Incarnation,
    lease: Duration,
    request: u64,
    /// The claim under way, or to be repeated.
    claim: Option<Claim>,
    is_waiting: bool,
    retry_at: Option<Duration>,
    failures: u32,
    room: Room,
    may_be_ready: bool,
    next_due: Option<Duration>,
    wanted: Vec<Lane>,
    wants_any: bool,
    /// Idle lanes that the latest claim offered in vain.
    offered: Vec<Lane>,
    stopping: bool,
    /// The time of the latest event.
    seen: Duration,
}

impl Dispatcher {
    /// A dispatcher for this life of the daemon that takes leases of this length.
    pub fn new(incarnation: Incarnation, lease: Duration) -> Self {
        Self {
            incarnation,
            lease,
            request: 0,
            claim: None,
            is_waiting: false,
            retry_at: None,
            failures: 0,
            room: Room::default(),
            may_be_ready: true,
            next_due: None,
            wanted: Vec::new(),
            wants_any: false,
            offered: Vec::new(),
            stopping: false,
            seen: Duration::ZERO,
        }
    }

    /// Takes an event at monotonic time `now`.
    pub fn on(&mut self, event: DispatchEvent, now: Duration) -> Option<DispatchAction> {
        self.seen = now;
        match event {
            DispatchEvent::Work => {
                if cfg!(mutant = "lost_wakeup") && self.is_waiting {
                    return None;
                }
                self.may_be_ready = true;
                self.offered.clear();
            }
            DispatchEvent::Room(room) => {
                self.offered.retain(|lane| room.idle.contains(lane));
                self.room = room;
            }
            DispatchEvent::Claimed(claimed) => return self.claimed(claimed, now),
            DispatchEvent::ClaimFailed => {
                self.is_waiting = false;
                self.failures += 1;
                self.retry_at = Some(now + backoff(self.failures));
                return None;
            }
            DispatchEvent::Timer => {}
            DispatchEvent::Stop => {
                self.stopping = true;
                return None;
            }
        }
        self.decide(now)
    }

    /// When to send `Timer`, if nothing happens before.
    pub fn wake_at(&self) -> Option<Duration> {
        if self.is_waiting || self.stopping {
            return None;
        }
        if self.retry_at.is_some() {
            return self.retry_at;
        }
        // Without room nothing can be claimed: the next room is the event to wait for. A look now and then all the same, so
        // that no job waits for good should nobody tell.
        if self.room.is_none() {
            self.next_due.map(|due| due.max(self.seen + LONGEST_WAIT))
        } else {
            self.next_due
        }
    }

    /// Whether it must hear of room: something may be ready, or waits for a lane, or will be due and there is none yet.
    pub fn wants_room(&self) -> bool {
        let cannot_wait_for_due = self.next_due.is_some() && self.room.is_none();
        self.may_be_ready || self.wants_any || !self.wanted.is_empty() || cannot_wait_for_due
    }

    fn decide(&mut self, now: Duration) -> Option<DispatchAction> {
        if self.is_waiting || self.stopping || self.retry_at.is_some_and(|at| at > now) {
            return None;
        }
        if let Some(claim) = self.claim.clone() {
            // The answer was lost: the same request again gives the same jobs.
            self.is_waiting = true;
            return Some(DispatchAction::Claim(claim));
        }
        let is_due = self.next_due.is_some_and(|due| due <= now);
        if is_due {
            self.offered.clear();
        }
        let new_idle = || {
            self.room
                .idle
                .iter()
                .any(|lane| !self.offered.contains(lane) && self.wants(*lane))
        };
        let has_reason = self.may_be_ready || is_due || new_idle();
        if self.room.is_none() || !has_reason {
            return None;
        }
        self.request += 1;
        let Room { idle, prefetch } = std::mem::take(&mut self.room);
        let claim = Claim {
            incarnation: self.incarnation,
            request: self.request,
            idle,
            prefetch: prefetch.min(AT_ONCE),
            lease: self.lease,
        };
        self.may_be_ready = false;
        self.claim = Some(claim.clone());
        self.is_waiting = true;
        Some(DispatchAction::Claim(claim))
    }

    fn wants(&self, lane: Lane) -> bool {
        self.wants_any || self.wanted.contains(&lane)
    }

    fn claimed(&mut self, claimed: Claimed, now: Duration) -> Option<DispatchAction> {
        self.is_waiting = false;
        self.failures = 0;
        self.retry_at = None;
        self.may_be_ready |= claimed.more;
        self.next_due = claimed.next_due.map(|wait| now + wait.min(LONGEST_WAIT));
        let claim = self.claim.take();
        let jobs = claimed.jobs;
        let given = |lane: &Lane| jobs.iter().any(|job| job.lane == Some(*lane));
        self.offered = claim
            .into_iter()
            .flat_map(|claim| claim.idle)
            .filter(|lane| !given(lane))
            .collect();
        self.wanted.clone_from(&claimed.wanted);
        self.wants_any = claimed.wants_any;
        if self.stopping {
            return Some(DispatchAction::GiveBack(jobs));
        }
        Some(DispatchAction::Hand {
            jobs,
            wanted: claimed.wanted,
            wants_any: claimed.wants_any,
        })
    }
}

#[cfg(test)]
mod tests;
