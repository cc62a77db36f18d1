//! What the table keeps of each job: small, because there may be millions; the rest lies in the record. No rule lives
//! here but what follows from the fields.

use super::living::Slot;
use super::order::Order;
use super::ready::QueueKey;
use crate::Incarnation;
use poulpe_job::{Digest, Job, Lane, Progress, State, Timestamp};
use std::time::Duration;

/// The part of a lease id that isn't the job's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fence {
    pub(super) claims: u32,
    pub(super) incarnation: Incarnation,
    pub(super) nonce: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) fence: Fence,
    pub(super) ends: Duration,
    /// The idle lane it was handed out for.
    pub(super) lane: Option<Lane>,
    /// The same, if the job is confined to lanes: nobody else may lease it.
    pub(super) confined_lane: Option<Lane>,
    /// The number of the attempt, once it started.
    pub(super) started: Option<u32>,
}

#[derive(Debug, Clone)]
pub(super) enum Phase {
    /// In the timeline.
    Waiting,
    /// In a ready queue.
    Ready,
    /// Under a lease.
    Leased(Box<Lease>),
    /// A write is on its way, after which the job is in this state.
    Busy(State),
}

/// What few waiting jobs have.
#[derive(Debug, Default)]
pub(super) struct Tried {
    pub(super) failures: u32,
    pub(super) losses: u32,
    /// The lease that was settled last, so that a repeat is known.
    pub(super) settled: Option<Fence>,
}

/// What of a job's origin its end depends on. One byte: there is no room for two in what is kept of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Plain,
    /// The client chose the id.
    Chosen,
    /// The result is to be sent.
    Replies,
    ChosenReplies,
}

impl Origin {
    pub(super) fn of(job: &Job) -> Self {
        match (job.id_chosen, job.door.replies()) {
            (false, false) => Self::Plain,
            (true, false) => Self::Chosen,
            (false, true) => Self::Replies,
            (true, true) => Self::ChosenReplies,
        }
    }

    pub(super) fn is_chosen(self) -> bool {
        matches!(self, Self::Chosen | Self::ChosenReplies)
    }

    pub(super) fn replies(self) -> bool {
        matches!(self, Self::Replies | Self::ChosenReplies)
    }
}

/// A job that hasn't ended.
#[derive(Debug)]
pub(super) struct Living<P> {
    pub(super) sequence: u64,
    pub(super) digest: Digest,
    pub(super) origin: Origin,
    pub(super) cancel_requested: bool,
    /// The write of that wish is on its way; until then the job can't be written again.
    pub(super) cancel_on_its_way: bool,
    pub(super) priority: u8,
    pub(super) queue: QueueKey,
    pub(super) due: Timestamp,
    pub(super) claims: u32,
    pub(super) attempts: u32,
    pub(super) phase: Phase,
    /// `None` as long as it would be all zeros.
    pub(super) tried: Option<Box<Tried>>,
    /// `None` until its first write is durable.
    pub(super) place: Option<P>,
}

impl<P> Living<P> {
    /// Where it stands in its ready queue.
    pub(super) fn order(&self, slot: Slot) -> Order {
        Order::new(self.priority, self.due, self.sequence, slot)
    }

    /// Where it stands in the timeline, whatever its rank.
    pub(super) fn time_order(&self, slot: Slot) -> Order {
        Order::new(0, self.due, self.sequence, slot)
    }

    pub(super) fn failures(&self) -> u32 {
        self.tried.as_ref().map_or(0, |tried| tried.failures)
    }

    pub(super) fn losses(&self) -> u32 {
        self.tried.as_ref().map_or(0, |tried| tried.losses)
    }

    pub(super) fn settled(&self) -> Option<Fence> {
        self.tried.as_ref()?.settled
    }

    pub(super) fn tried_mut(&mut self) -> &mut Tried {
        self.tried.get_or_insert_default()
    }

    /// Sets both counters.
    pub(super) fn set_counters(&mut self, failures: u32, losses: u32) {
        if (failures, losses) != (self.failures(), self.losses()) {
            let tried = self.tried_mut();
            tried.failures = failures;
            tried.losses = losses;
        }
    }

    pub(super) fn was_tried(&self) -> bool {
        self.attempts > 0
    }

    pub(super) fn state(&self, now: Timestamp) -> State {
        match &self.phase {
            Phase::Ready => State::Ready,
            Phase::Leased(_) => State::Running,
            Phase::Busy(then) => *then,
            Phase::Waiting if self.due <= now => State::Ready,
            Phase::Waiting if self.was_tried() => State::Retrying,
            Phase::Waiting => State::Delayed,
        }
    }

    /// Brings a progress read from a record up to date: hand-outs and starts aren't written at once.
    pub(super) fn complete(&self, progress: &mut Progress) {
        progress.claims = self.claims;
        progress.attempts = self.attempts;
        progress.failures = self.failures();
        progress.losses = self.losses();
        progress.cancel_requested = self.cancel_requested;
    }
}

/// A dead letter, or a job that is done but for sending its result.
#[derive(Debug, Clone)]
pub(super) struct DeadJob<P> {
    pub(super) hash: u128,
    pub(super) place: P,
    /// A write that ends or changes it is on its way.
    pub(super) busy: bool,
}
