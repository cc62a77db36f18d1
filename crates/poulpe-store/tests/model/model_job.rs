//! A job of the reference.

use poulpe_job::{Lane, State};
use poulpe_store::LeaseId;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Held {
    pub(crate) lease: LeaseId,
    pub(crate) ends: i64,
    pub(crate) lane: Option<Lane>,
    pub(crate) started: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Phase {
    Waiting,
    Ready,
    Leased(Held),
    Dead { in_outbox: bool },
    Done,
}

#[derive(Debug, Clone)]
pub(crate) struct ModelJob {
    pub(crate) id: u8,
    pub(crate) digest: u8,
    pub(crate) rank: u8,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) due: i64,
    pub(crate) phase: Phase,
    pub(crate) attempts: u32,
    pub(crate) failures: u32,
    pub(crate) losses: u32,
    pub(crate) cancel: bool,
    /// The lease that was settled last: a repeat is no news.
    pub(crate) settled: Option<LeaseId>,
    /// When it ended and how that is told, once it has.
    pub(crate) ended: Option<(i64, &'static str)>,
}

impl ModelJob {
    pub(crate) fn lives(&self) -> bool {
        !matches!(self.phase, Phase::Dead { .. } | Phase::Done)
    }

    pub(crate) fn state(&self, now: i64) -> State {
        match &self.phase {
            Phase::Ready => State::Ready,
            Phase::Leased(_) => State::Running,
            Phase::Dead { .. } => State::Dead,
            Phase::Done => State::Done,
            Phase::Waiting if self.due <= now => State::Ready,
            Phase::Waiting if self.attempts > 0 => State::Retrying,
            Phase::Waiting => State::Delayed,
        }
    }

    /// The lanes of a confined job's lease.
    pub(crate) fn leased_lane(&self) -> Option<Lane> {
        match &self.phase {
            Phase::Leased(held) if !self.lanes.is_empty() => held.lane,
            _ => None,
        }
    }

    fn is_careful(&self) -> bool {
        self.losses >= 2
    }

    pub(crate) fn is_prefetchable(&self) -> bool {
        self.lanes.is_empty() && !self.is_careful()
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }
}
