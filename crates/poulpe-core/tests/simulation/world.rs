//! A world: one daemon after the other over one disk, those outside, and virtual time. Does what is
//! still to happen, one event after the other, until nothing is left. One thread, one seed, no other clocks.

use crate::client::Clients;
use crate::daemon::Daemon;
use crate::dice::Dice;
use crate::disk::SimDisk;
use crate::faults::{Actions, Faults};
use crate::history::{Entry, Fault, History, What};
use crate::log::Log;
use crate::message::{Out, Tick, To};
use crate::queue::Queue;
use crate::watcher::look;
use crate::wire::{Answer, Request};
use poulpe_core::Lane;
use poulpe_core::store::{ManualTime, StoreError, TimeSource};
use std::sync::Arc;
use std::time::Duration;

/// How long leases last in all worlds.
pub(crate) const LEASE: Duration = Duration::from_secs(3);

/// From then on nothing goes wrong any more.
const CALM: Duration = Duration::from_secs(22);

/// More events than any world needs: something spins.
const MAX_EVENTS: u64 = 60_000;

pub(crate) enum Event {
    Tick(u64, Tick),
    Arrive(u64, u64),
    Deliver(u64, To, Answer),
    Write(u64),
    Errand(u64),
    Boot,
    Stop,
    Kill(u64),
    Jump(i64),
    /// The store is out of reach for so many milliseconds.
    Outage(u64),
    OutageOver,
    Calm,
}

pub(crate) struct World {
    pub(super) seed: u64,
    pub(super) dice: Dice,
    pub(super) faults: Faults,
    pub(super) time: Arc<ManualTime>,
    pub(super) history: Arc<History>,
    pub(super) actions: Arc<Actions>,
    pub(super) log: Arc<Log>,
    pub(super) clients: Clients,
    pub(super) lanes: Lane,
    pub(super) daemon: Option<Daemon>,
    pub(super) life: u64,
    pub(super) is_cut_off: bool,
    events: Queue<Event>,
}

/// What became of a world.
pub(crate) struct Past {
    pub(crate) entries: Vec<Entry>,
    /// It never came to rest.
    pub(crate) spins: bool,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, 1);
        let faults = Faults::throw(&mut dice);
        let lanes = dice.number(1..5) as Lane;
        let time = Arc::new(ManualTime::new(1_800_000_000_000));
        let history = Arc::new(History::new(time.clone()));
        let (clients, plan) = Clients::new(
            Dice::new(seed, 2),
            lanes,
            history.clone(),
            time.clone(),
            faults,
        );
        let mut world = Self {
            seed,
            dice,
            faults,
            time,
            history,
            actions: Arc::new(Actions::new()),
            log: Arc::default(),
            clients,
            lanes,
            daemon: None,
            life: 0,
            is_cut_off: false,
            events: Queue::new(),
        };
        for (at, errand) in plan {
            world.at(at, Event::Errand(errand));
        }
        for _ in 0..faults.stops {
            let at = world.dice.millis(500..16_000);
            world.at(at, Event::Stop);
        }
        for _ in 0..faults.jumps {
            let at = world.dice.millis(500..16_000);
            let by = world.dice.number(0..7_200_000) as i64 - 3_600_000;
            world.at(at, Event::Jump(by));
        }
        for _ in 0..faults.outages {
            let at = world.dice.millis(500..16_000);
            let lasts = world.dice.number(500..6_000);
            world.at(at, Event::Outage(lasts));
        }
        world.at(Duration::ZERO, Event::Boot);
        world.at(CALM, Event::Calm);
        world
    }

    /// Runs until nothing is left to happen.
    pub(crate) fn run(mut self) -> Past {
        let mut count = 0;
        while let Some((at, event)) = self.events.pop() {
            let ahead = at.saturating_sub(self.time.monotonic());
            self.time.advance(ahead);
            if self.actions.was_last() {
                self.end_life(true);
            }
            self.happen(event);
            self.go_on();
            count += 1;
            if count > MAX_EVENTS {
                break;
            }
        }
        if let Some(daemon) = &self.daemon {
            for id in &self.clients.ids {
                if let Some(lookup) = look(&daemon.store, id) {
                    self.history.note(What::Looked(id.clone(), lookup));
                }
            }
        }
        Past {
            entries: self.history.take(),
            spins: count > MAX_EVENTS,
        }
    }

    fn at(&mut self, at: Duration, event: Event) {
        let tie = self.dice.number(0..u64::MAX);
        self.events.push(at, tie, event);
    }

    pub(super) fn soon(&mut self, millis: std::ops::Range<u64>, event: Event) {
        let at = self.time.monotonic() + self.dice.millis(millis);
        self.at(at, event);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Boot => self.boot(),
            Event::Errand(errand) => {
                if let Some(request) = self.clients.request(errand) {
                    self.send(request, To::Client(errand));
                }
            }
            Event::Jump(by) => {
                self.history.note(What::Fault(Fault::ClockMoved));
                self.time.jump(by);
            }
            Event::Stop => {
                if let Some(daemon) = &mut self.daemon {
                    daemon.stop();
                    self.soon(10_000..15_000, Event::Kill(self.life));
                }
            }
            Event::Kill(life) if self.alive(life).is_some() => self.end_life(true),
            Event::Kill(_) => {}
            Event::Outage(lasts) => {
                self.is_cut_off = true;
                self.soon(lasts..lasts + 1, Event::OutageOver);
            }
            Event::OutageOver => self.is_cut_off = false,
            Event::Calm => self.calm_down(),
            Event::Tick(life, tick) => {
                if let Some(daemon) = self.alive(life) {
                    daemon.tick(tick);
                }
            }
            Event::Arrive(life, call) => {
                if let Some(daemon) = self.alive(life) {
                    daemon.wire.arrive(call);
                }
            }
            Event::Write(life) => {
                if let Some(daemon) = self.alive(life) {
                    daemon.writer_is_called = false;
                    SimDisk::write_batch(daemon.store.shared());
                    for call in daemon.wire.inside() {
                        daemon.wire.arrive(call);
                    }
                }
            }
            Event::Deliver(life, To::Client(errand), answer) => {
                let is_known = life == self.life || answer.is_err();
                let unheard = Err(StoreError::Unavailable("the connection broke".into()));
                let heard = if is_known { &answer } else { &unheard };
                if let Some((wait, errand)) = self.clients.answer(errand, heard) {
                    let at = self.time.monotonic() + wait;
                    self.at(at, Event::Errand(errand));
                }
            }
            Event::Deliver(life, to, answer) => {
                if let Some(daemon) = self.alive(life) {
                    daemon.answer(to, answer);
                }
            }
        }
    }

    fn alive(&mut self, life: u64) -> Option<&mut Daemon> {
        self.daemon.as_mut().filter(|_| life == self.life)
    }

    /// Lets everything follow that follows at once, and looks whether the life is over.
    fn go_on(&mut self) {
        loop {
            let Some(daemon) = &mut self.daemon else {
                return;
            };
            if daemon.store.shared().medium.is_killed() {
                return self.end_life(true);
            }
            daemon.go_on();
            let out = std::mem::take(&mut daemon.out);
            let answers = daemon.wire.answers();
            let write = !daemon.store.shared().medium.is_idle() && !daemon.writer_is_called;
            daemon.writer_is_called |= write;
            let is_doomed = daemon.store.shared().medium.is_failed() && !daemon.is_doomed;
            daemon.is_doomed |= is_doomed;
            let has_stopped = daemon.has_stopped();
            let life = self.life;
            if write {
                self.soon(0..4, Event::Write(life));
            }
            if is_doomed {
                self.soon(50..2_000, Event::Kill(life));
            }
            let is_quiet = out.is_empty() && answers.is_empty();
            for (call, answer) in answers {
                self.return_answer(call, answer);
            }
            for out in out {
                match out {
                    Out::Send(request, to) => self.send(request, to),
                    Out::At(at, tick) => self.at(at, Event::Tick(life, tick)),
                }
            }
            if has_stopped && is_quiet {
                return self.end_life(false);
            }
            if is_quiet {
                return;
            }
        }
    }

    fn send(&mut self, request: Request, to: To) {
        let is_lost = self.is_cut_off || self.dice.chance(self.faults.request_lost);
        let life = self.life;
        let Some(daemon) = self.daemon.as_mut().filter(|_| !is_lost) else {
            if self.daemon.is_some() {
                self.history.note(What::Fault(Fault::RequestLost));
            }
            let lost = Err(StoreError::Unavailable("the request was lost".into()));
            return self.soon(10..300, Event::Deliver(life, to, lost));
        };
        let call = daemon.wire.send(&daemon.store, request);
        daemon.routes.insert(call, to);
        let is_slow = self.dice.chance(0.1);
        let millis = if is_slow { 5..60 } else { 0..4 };
        self.soon(millis, Event::Arrive(life, call));
    }

    fn return_answer(&mut self, call: u64, answer: Answer) {
        let life = self.life;
        let Some(to) = self.daemon.as_mut().and_then(|d| d.routes.remove(&call)) else {
            return;
        };
        if answer.is_ok() && self.dice.chance(self.faults.answer_lost) {
            self.history.note(What::Fault(Fault::AnswerLost));
            let lost = Err(StoreError::Unavailable("the answer was lost".into()));
            return self.soon(10..300, Event::Deliver(life, to, lost));
        }
        let is_slow = self.dice.chance(0.1);
        let millis = if is_slow { 5..60 } else { 0..4 };
        self.soon(millis, Event::Deliver(life, to, answer));
    }
}
