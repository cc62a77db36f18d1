//! The workers of a life and what their executors do: return, fail, panic, take long, don't listen, never return in time.
//! Mirrors the scheduler's worker threads. The daemon steps them.

use crate::daemon::Daemon;
use crate::history::{Fault, What};
use crate::message::{Out, Tick, To};
use crate::wire::{Answer, Reply, Request};
use poulpe_core::machine::{Ended, KeepEvent, Report};
use poulpe_core::store::{ClaimedJob, LeaseId, Started};
use poulpe_core::{CancelReason, Failure, Lane, Output, RetryAdvice, Timestamp};
use std::time::Duration;

/// How long an attempt may overrun its deadline.
const GRACE: Duration = Duration::from_secs(1);

/// Who runs something: a lane's own worker, or the stand-in for its stuck one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Seat {
    Own(Lane),
    StandIn(Lane),
}

impl Seat {
    pub(crate) fn lane(self) -> Lane {
        match self {
            Seat::Own(lane) | Seat::StandIn(lane) => lane,
        }
    }
}

/// A job in a worker's hands.
pub(crate) struct Running {
    claimed: ClaimedJob,
    run: u64,
    /// 0 until it has started.
    attempt: u32,
    started_at: Timestamp,
    returns: Duration,
    is_deaf: bool,
    result: Result<Output, Failure>,
    cancelled: Option<CancelReason>,
    pub(crate) is_stuck: bool,
}

impl Running {
    pub(crate) fn lease(&self) -> LeaseId {
        self.claimed.lease.clone()
    }

    fn report(self, ended: Ended) -> Report {
        let ClaimedJob {
            lease,
            job,
            progress,
            ..
        } = self.claimed;
        Report {
            lease,
            job,
            progress,
            ended,
        }
    }
}

impl Daemon {
    /// A worker that has nothing to do takes its next job.
    pub(super) fn step(&mut self, seat: Seat) {
        if self.running.contains_key(&seat) {
            return;
        }
        let is_stuck = |running: &Running| running.is_stuck;
        let claimed = match seat {
            Seat::Own(lane) => self.lanes.next(lane),
            Seat::StandIn(lane) if self.running.get(&Seat::Own(lane)).is_some_and(is_stuck) => {
                self.lanes.next_for_stand_in()
            }
            Seat::StandIn(_) => return,
        };
        self.room_changed |= self.lanes.is_low();
        let Some(claimed) = claimed else { return };
        if !self.kinds.contains(&claimed.job.kind) {
            let wait = claimed.job.retry_interval.max(Duration::from_secs(1));
            self.report(Report::not_started(claimed, wait));
            return self.free(seat);
        }
        self.next_run += 1;
        let to = To::Worker(seat, self.next_run);
        self.out
            .push(Out::Send(Request::Start(claimed.lease.clone()), to));
        let running = Running {
            claimed,
            run: self.next_run,
            attempt: 0,
            started_at: Timestamp::default(),
            returns: Duration::ZERO,
            is_deaf: false,
            result: Ok(Output::default()),
            cancelled: None,
            is_stuck: false,
        };
        self.running.insert(seat, running);
    }

    /// The store's word on whether an attempt may start.
    pub(super) fn started(&mut self, seat: Seat, run: u64, answer: &Answer) {
        let is_meant = |running: &&mut Running| running.run == run;
        let Some(running) = self.running.get_mut(&seat).filter(is_meant) else {
            return;
        };
        if let Ok(Reply::Started(Started::Go(attempt))) = answer {
            running.attempt = *attempt;
            return self.execute(seat);
        }
        let Some(running) = self.running.remove(&seat) else {
            return;
        };
        match answer {
            // Given up by a stop meanwhile.
            _ if running.is_stuck => {}
            Ok(Reply::Started(Started::Cancelled)) => {
                let report = running.report(Ended::Cancelled(self.wall()));
                self.report(report);
            }
            Ok(_) => self.keep(KeepEvent::Ended(vec![running.lease()])),
            Err(_) => self.report(Report::not_started(running.claimed, Duration::ZERO)),
        }
        self.free(seat);
    }

    fn execute(&mut self, seat: Seat) {
        let (now, wall) = (self.now(), self.wall());
        let Some(running) = self.running.get_mut(&seat) else {
            return;
        };
        let timeout = running.claimed.job.timeout;
        let dice = &mut self.dice;
        running.started_at = wall;
        running.is_deaf = dice.chance(self.faults.deaf);
        let is_late = dice.chance(self.faults.late);
        let mut takes = match dice.number(0..10) {
            0 => dice.millis(1_000..6_000),
            1 => dice.millis(200..1_000),
            _ => dice.millis(1..100),
        };
        running.result = match dice.number(0..10) {
            0..=5 => Ok(Output::default()),
            6 | 7 => Err(Failure::later("it failed")),
            8 => {
                let advice = RetryAdvice::After(dice.millis(1..3_000));
                Err(Failure {
                    retry: advice,
                    ..Failure::later("not now")
                })
            }
            _ => Err(Failure::never("it can't be done")),
        };
        if is_late {
            running.is_deaf = true;
            takes = timeout + GRACE + dice.millis(0..4_000);
        } else if takes > timeout {
            takes = timeout;
            running.result = Err(Failure::later("timed out"));
        }
        running.returns = now + takes;
        let run = running.run;
        let what = What::Started(running.lease(), running.attempt, seat.lane());
        let told = running.cancelled.take();
        let lease = running.lease();
        self.history.note(what);
        self.after(takes, Tick::Return(seat, run));
        self.after(timeout + GRACE, Tick::Stuck(seat, run));
        if let Some(reason) = told {
            self.tell(&[lease], reason);
        }
    }

    /// An executor returns, unless it was told to stop and has returned before.
    pub(super) fn returned(&mut self, seat: Seat, run: u64) {
        let now = self.now();
        let is_meant = |running: &&Running| running.run == run && running.returns <= now;
        if self.running.get(&seat).filter(is_meant).is_none() {
            return;
        }
        let Some(running) = self.running.remove(&seat) else {
            return;
        };
        let what = What::Returned(running.lease(), running.attempt, seat.lane());
        self.history.note(what);
        if !running.is_stuck {
            let ended = Ended::Returned {
                attempt: running.attempt,
                started_at: running.started_at,
                finished_at: self.wall(),
                result: running.result.clone(),
                cancelled: running.cancelled,
            };
            self.report(running.report(ended));
        }
        self.free(seat);
    }

    /// A thread can't be killed: its lease is given up, and a stand-in takes over.
    pub(super) fn stuck(&mut self, seat: Seat, run: u64) {
        let Some(running) = self.running.get_mut(&seat) else {
            return;
        };
        if running.run != run || running.is_stuck {
            return;
        }
        running.is_stuck = true;
        let lease = running.lease();
        self.history.note(What::Fault(Fault::GivenUp));
        self.tell(std::slice::from_ref(&lease), CancelReason::LeaseLost);
        self.keep(KeepEvent::Ended(vec![lease]));
        if let Seat::Own(lane) = seat {
            self.after(Duration::ZERO, Tick::Step(Seat::StandIn(lane)));
        }
    }

    /// Tells attempts to stop; most listen.
    pub(super) fn tell(&mut self, leases: &[LeaseId], reason: CancelReason) {
        let now = self.now();
        let mut soon = Vec::new();
        for (seat, running) in &mut self.running {
            let is_meant = leases.contains(&running.claimed.lease) && running.cancelled.is_none();
            if !is_meant {
                continue;
            }
            running.cancelled = Some(reason);
            let listens = running.attempt > 0 && !running.is_deaf;
            let stops = now + self.dice.millis(1..50);
            if listens && stops < running.returns {
                running.returns = stops;
                running.result = Err(Failure::later("told to stop"));
                soon.push((stops, Tick::Return(*seat, running.run)));
            }
        }
        self.out
            .extend(soon.into_iter().map(|(at, tick)| Out::At(at, tick)));
    }

    /// A stop waits no longer: what still runs is given back, and its report counts no more.
    pub(super) fn abandon(&mut self) {
        let mut reports = Vec::new();
        for running in self
            .running
            .values_mut()
            .filter(|running| !running.is_stuck)
        {
            running.is_stuck = true;
            let ClaimedJob {
                lease,
                job,
                progress,
                ..
            } = running.claimed.clone();
            reports.push(Report {
                lease,
                job,
                progress,
                ended: Ended::Interrupted,
            });
        }
        for report in reports {
            self.report(report);
        }
    }

    /// A seat has nothing to do any more; its worker looks for more.
    fn free(&mut self, seat: Seat) {
        if let Seat::Own(lane) = seat {
            self.lanes.idle(lane);
        }
        self.step(seat);
    }
}
