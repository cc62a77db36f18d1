//! One life of the daemon: the real machines, driven as the thin tasks of the scheduler drive them. Decides nothing that
//! a machine decides, and polls for nothing: what isn't told stays unknown. The world sends its calls and keeps its time.

use crate::dice::Dice;
use crate::disk::SimStore;
use crate::faults::Faults;
use crate::history::{History, What};
use crate::message::{Out, Tick, To};
use crate::watcher::SimWatcher;
use crate::wire::{Answer, Reply, Request, Wire};
use crate::workers::{Running, Seat};
use crate::world::LEASE;
use poulpe_core::machine::{
    DispatchAction, DispatchEvent, Dispatcher, KeepAction, KeepEvent, Lanes, LeaseKeeper, Report,
    SettleAction, SettleEvent, Settler, settlement,
};
use poulpe_core::store::{ClaimedJob, Incarnation, LeaseId, ManualTime, StoreError, TimeSource};
use poulpe_core::{CancelReason, FixedInterval, Kind, Lane, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How many jobs are kept at hand; few, so that small worlds fill it.
const PREFETCH: usize = 3;

/// How long a stop waits for attempts, and then for those that were told to stop.
const DRAIN: Duration = Duration::from_secs(2);

pub(crate) struct Daemon {
    pub(crate) store: Arc<SimStore>,
    pub(crate) wire: Arc<Wire>,
    pub(crate) watcher: Arc<SimWatcher>,
    pub(crate) routes: BTreeMap<u64, To>,
    pub(crate) writer_is_called: bool,
    pub(crate) is_doomed: bool,
    pub(crate) out: Vec<Out>,
    pub(crate) faults: Faults,
    pub(crate) kinds: Vec<Kind>,
    pub(super) history: Arc<History>,
    pub(super) time: Arc<ManualTime>,
    pub(super) dice: Dice,
    pub(super) lanes: Lanes,
    pub(super) running: BTreeMap<Seat, Running>,
    pub(super) next_run: u64,
    pub(super) room_changed: bool,
    dispatcher: Dispatcher,
    keeper: LeaseKeeper,
    settler: Settler,
    claim_asked: Option<Duration>,
    dispatch_at: Option<Duration>,
    keep_at: Option<Duration>,
    settle_at: Option<Duration>,
    pub(crate) is_stopping: bool,
}

/// What a life is put together from.
pub(crate) struct Parts {
    pub(crate) store: Arc<SimStore>,
    pub(crate) wire: Arc<Wire>,
    pub(crate) watcher: Arc<SimWatcher>,
    pub(crate) history: Arc<History>,
    pub(crate) time: Arc<ManualTime>,
    pub(crate) dice: Dice,
    pub(crate) faults: Faults,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) lanes: Lane,
    pub(crate) incarnation: Incarnation,
}

impl Daemon {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            store: parts.store,
            wire: parts.wire,
            watcher: parts.watcher,
            routes: BTreeMap::new(),
            writer_is_called: false,
            is_doomed: false,
            out: Vec::new(),
            faults: parts.faults,
            kinds: parts.kinds,
            history: parts.history,
            time: parts.time,
            dice: parts.dice,
            lanes: Lanes::new(parts.lanes, PREFETCH),
            running: BTreeMap::new(),
            next_run: 0,
            room_changed: true,
            dispatcher: Dispatcher::new(parts.incarnation, LEASE),
            keeper: LeaseKeeper::new(LEASE),
            settler: Settler::default(),
            claim_asked: None,
            dispatch_at: None,
            keep_at: None,
            settle_at: None,
            is_stopping: false,
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.time.monotonic()
    }

    pub(crate) fn wall(&self) -> Timestamp {
        self.time.wall().floor()
    }

    pub(crate) fn tick(&mut self, tick: Tick) {
        match tick {
            // A timer that was moved since is no event: a machine must not live on stale ones.
            Tick::Dispatch(at) if self.dispatch_at == Some(at) => {
                self.dispatch_at = None;
                self.dispatch(DispatchEvent::Timer);
                self.room_changed = true;
            }
            Tick::Keep(at) if self.keep_at == Some(at) => {
                self.keep_at = None;
                self.keep(KeepEvent::Timer);
            }
            Tick::Settle(at) if self.settle_at == Some(at) => {
                self.settle_at = None;
                self.settle(SettleEvent::Timer);
            }
            Tick::Dispatch(_) | Tick::Keep(_) | Tick::Settle(_) => {}
            Tick::Step(seat) => self.step(seat),
            Tick::Return(seat, run) => self.returned(seat, run),
            Tick::Stuck(seat, run) => self.stuck(seat, run),
            Tick::DrainOver => {
                let leases: Vec<LeaseId> = self.running.values().map(Running::lease).collect();
                self.tell(&leases, CancelReason::Shutdown);
                self.after(DRAIN, Tick::GraceOver);
            }
            Tick::GraceOver => self.abandon(),
        }
    }

    pub(crate) fn answer(&mut self, to: To, answer: Answer) {
        match (to, answer) {
            (To::Dispatcher, Ok(Reply::Claimed(claimed))) => {
                let leases: Vec<_> = claimed.jobs.iter().map(|job| job.lease.clone()).collect();
                let asked = self.claim_asked.take().unwrap_or_else(|| self.now());
                if !leases.is_empty() {
                    self.keep(KeepEvent::Taken(leases, asked));
                }
                self.dispatch(DispatchEvent::Claimed(claimed));
                self.room_changed = true;
            }
            (To::Dispatcher, _) => {
                self.claim_asked = None;
                self.dispatch(DispatchEvent::ClaimFailed);
                self.room_changed = true;
            }
            (To::Keeper, Ok(Reply::Renewed(holds))) => self.keep(KeepEvent::Renewed(holds)),
            (To::Keeper, _) => self.keep(KeepEvent::RenewFailed),
            (To::Settler, Ok(Reply::Settled(holds))) => self.settle(SettleEvent::Settled(holds)),
            (To::Settler, Err(error)) => self.settle(SettleEvent::Failed(error)),
            (To::Settler, Ok(_)) => {
                self.settle(SettleEvent::Failed(StoreError::Unavailable(
                    "garbled".into(),
                )));
            }
            (To::Worker(seat, run), answer) => self.started(seat, run, &answer),
            (To::Client(_), _) => {}
        }
    }

    /// Tells the machines what happened since, and sets their timers.
    pub(crate) fn go_on(&mut self) {
        loop {
            let news = self.watcher.news();
            self.tell(&news.cancelled, CancelReason::Requested);
            if news.work {
                self.dispatch(DispatchEvent::Work);
                self.room_changed = true;
            }
            if !std::mem::take(&mut self.room_changed) {
                break;
            }
            let room = self.lanes.room();
            self.dispatch(DispatchEvent::Room(room));
        }
        let now = self.now();
        let timers = [
            (self.dispatcher.wake_at(), &mut self.dispatch_at),
            (self.keeper.wake_at(), &mut self.keep_at),
            (self.settler.wake_at(), &mut self.settle_at),
        ];
        let ticks = [Tick::Dispatch, Tick::Keep, Tick::Settle];
        for ((wanted, set), tick) in timers.into_iter().zip(ticks) {
            let at = wanted.map(|at| at.max(now));
            if at.is_some() && wanted != *set && at != *set {
                self.out.extend(at.map(|at| Out::At(at, tick(at))));
            }
            *set = at;
        }
    }

    pub(crate) fn stop(&mut self) {
        if self.is_stopping {
            return;
        }
        self.is_stopping = true;
        self.history.note(What::Stop);
        self.dispatch(DispatchEvent::Stop);
        let jobs = self.lanes.take_back();
        self.give_back(jobs);
        self.after(DRAIN, Tick::DrainOver);
    }

    /// Whether a stop has come to its end.
    pub(crate) fn has_stopped(&self) -> bool {
        let runs = self.running.values().any(|running| !running.is_stuck);
        self.is_stopping && !runs && self.settler.is_empty() && self.claim_asked.is_none()
    }

    pub(super) fn after(&mut self, wait: Duration, tick: Tick) {
        self.out.push(Out::At(self.now() + wait, tick));
    }

    pub(super) fn keep(&mut self, event: KeepEvent) {
        for action in self.keeper.on(event, self.time.monotonic()) {
            match action {
                KeepAction::Renew(leases) => {
                    self.out.push(Out::Send(Request::Renew(leases), To::Keeper));
                }
                KeepAction::Stop(mut leases, reason) => {
                    // The keeper's order is that of a hash map; the world's must be the same for each seed.
                    leases.sort_by(|a, b| (&a.job, a.claims).cmp(&(&b.job, b.claims)));
                    self.tell(&leases, reason);
                }
            }
        }
    }

    pub(super) fn report(&mut self, report: Report) {
        let settlement = settlement(report, &FixedInterval);
        self.settle(SettleEvent::Ended(vec![settlement]));
    }

    fn settle(&mut self, event: SettleEvent) {
        for action in self.settler.on(event, self.time.monotonic()) {
            match action {
                SettleAction::Settle(batch) => {
                    self.out
                        .push(Out::Send(Request::Settle(batch), To::Settler));
                }
                SettleAction::Note(settled) => {
                    let leases = settled.into_iter().map(|(one, _)| one.lease).collect();
                    self.keep(KeepEvent::Ended(leases));
                }
            }
        }
    }

    fn dispatch(&mut self, event: DispatchEvent) {
        let now = self.now();
        match self.dispatcher.on(event, now) {
            Some(DispatchAction::Claim(claim)) => {
                self.claim_asked = Some(now);
                self.out
                    .push(Out::Send(Request::Claim(claim), To::Dispatcher));
            }
            Some(DispatchAction::Hand {
                jobs,
                wanted,
                wants_any,
            }) => {
                let woken = self.lanes.hand(jobs, &wanted, wants_any);
                let stand_ins = self.running.iter().filter(|(_, running)| running.is_stuck);
                let stand_ins = stand_ins.map(|(seat, _)| Seat::StandIn(seat.lane()));
                let seats: Vec<Seat> = woken.into_iter().map(Seat::Own).chain(stand_ins).collect();
                for seat in seats {
                    let wait = self.dice.millis(0..2);
                    self.after(wait, Tick::Step(seat));
                }
            }
            Some(DispatchAction::GiveBack(jobs)) => self.give_back(jobs),
            None => {}
        }
    }

    fn give_back(&mut self, jobs: Vec<ClaimedJob>) {
        for job in jobs {
            self.report(Report::not_started(job, Duration::ZERO));
        }
    }
}
