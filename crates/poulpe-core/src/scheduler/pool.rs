//! The worker threads' common state: what is at hand, what runs where. Threads take jobs from it and sleep on it; the
//! dispatcher fills it. One lock, held for moments only, never while an executor runs.

use super::Settings;
use super::dispatch::DispatchWake;
use crate::machine::{Lanes, Room};
use crate::{CancelReason, Canceller, LaneState};
use poulpe_job::{JobId, Lane, Timestamp};
use poulpe_store::{ClaimedJob, LeaseId};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// An attempt under way.
pub(crate) struct Running {
    pub(crate) lease: LeaseId,
    pub(crate) attempt: u32,
    pub(crate) started_at: Timestamp,
    /// On the monotonic clock; `None` until the attempt has started.
    pub(crate) deadline: Option<Duration>,
    pub(crate) canceller: Canceller,
    pub(crate) is_stuck: bool,
}

/// Who runs something: a lane's own worker, or the stand-in for its stuck one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Seat {
    Own(Lane),
    /// The number tells apart two stand-ins of one lane that got stuck twice.
    StandIn(Lane, u32),
}

impl Seat {
    pub(crate) fn lane(self) -> Lane {
        match self {
            Seat::Own(lane) | Seat::StandIn(lane, _) => lane,
        }
    }
}

/// A seat became free.
pub(crate) struct Freed {
    /// Whether the attempt was still its business: not after it was given up.
    pub(crate) counts: bool,
    /// Whether no job is at hand any more.
    pub(crate) is_last: bool,
}

/// What a worker does next.
pub(crate) enum Next {
    /// Runs this job.
    Run(ClaimedJob, Canceller),
    /// Asks the store for jobs: there are none at hand.
    Ask,
    /// Leaves its seat.
    Leave,
}

struct State {
    lanes: Lanes,
    running: HashMap<Seat, Running>,
    /// The lanes' own workers that wait.
    asleep: BTreeSet<Lane>,
    /// A worker was woken to ask the store.
    is_to_ask: bool,
    is_open: bool,
}

/// The worker threads' common state.
pub(crate) struct Pool {
    state: Mutex<State>,
    /// One for each lane's own worker.
    own: Vec<Condvar>,
    stand_ins: Condvar,
    wake: Arc<DispatchWake>,
    /// Told whenever nothing runs any more.
    pub(crate) all_idle: Notify,
}

impl Pool {
    pub(crate) fn new(count: Lane, settings: &Settings, wake: Arc<DispatchWake>) -> Self {
        let mut lanes = Lanes::new(count, settings.prefetch());
        if settings.shares_store {
            lanes = lanes.sharing();
        }
        Self {
            state: Mutex::new(State {
                lanes,
                running: HashMap::new(),
                asleep: BTreeSet::new(),
                is_to_ask: false,
                is_open: true,
            }),
            own: (0..count).map(|_| Condvar::new()).collect(),
            stand_ins: Condvar::new(),
            wake,
            all_idle: Notify::new(),
        }
    }

    /// What is next for a seat, waiting for something; a lane's own worker that hasn't asked the store since its last
    /// job is to do that before it waits. Registers a job as running at once, so that a cancel from now on reaches it.
    pub(crate) fn next(&self, seat: Seat, has_asked: bool) -> Next {
        let mut state = self.state();
        let mut may_ask = !has_asked;
        loop {
            if !state.is_open {
                return Next::Leave;
            }
            let job = match seat {
                Seat::Own(lane) => state.lanes.next(lane),
                Seat::StandIn(lane, _) => {
                    // The stuck attempt has returned: its own worker is back.
                    if !state
                        .running
                        .get(&Seat::Own(lane))
                        .is_some_and(|running| running.is_stuck)
                    {
                        return Next::Leave;
                    }
                    state.lanes.next_for_stand_in()
                }
            };
            if let Some(job) = job {
                // Whoever was woken to ask may be this one, who has better things to do now.
                let was_to_ask = std::mem::take(&mut state.is_to_ask);
                let is_room_wanted = state.lanes.is_low() && self.wake.is_room_wanted();
                if was_to_ask || is_room_wanted {
                    self.wake.task();
                }
                let canceller = Canceller::default();
                let running = Running {
                    lease: job.lease.clone(),
                    attempt: 0,
                    started_at: Timestamp::default(),
                    deadline: None,
                    canceller: canceller.clone(),
                    is_stuck: false,
                };
                state.running.insert(seat, running);
                return Next::Run(job, canceller);
            }
            let Seat::Own(lane) = seat else {
                if std::mem::take(&mut may_ask) && self.wake.is_room_wanted() {
                    self.wake.task();
                }
                state = wait(&self.stand_ins, state);
                continue;
            };
            let has_reason = may_ask && self.wake.is_room_wanted();
            if has_reason || state.is_to_ask {
                state.is_to_ask = false;
                return Next::Ask;
            }
            state.asleep.insert(lane);
            state = wait(&self.own[usize::from(lane)], state);
            state.asleep.remove(&lane);
            may_ask = false;
        }
    }

    /// Something may be ready: wakes a worker that has nothing to do to ask for it, for that is the shortest way to its
    /// start, or the dispatcher's task.
    pub(crate) fn work(&self) {
        self.wake.note_work();
        let mut state = self.state();
        let Some(lane) = state.asleep.first().copied() else {
            drop(state);
            self.wake.task();
            return;
        };
        if std::mem::replace(&mut state.is_to_ask, true) {
            return;
        }
        drop(state);
        self.own[usize::from(lane)].notify_one();
    }

    /// The attempt in this seat has started.
    pub(crate) fn started(&self, seat: Seat, attempt: u32, at: Timestamp, deadline: Duration) {
        if let Some(running) = self.state().running.get_mut(&seat) {
            running.attempt = attempt;
            running.started_at = at;
            running.deadline = Some(deadline);
        }
    }

    /// The seat is free again.
    pub(crate) fn ended(&self, seat: Seat, took: Duration) -> Freed {
        let mut state = self.state();
        state.lanes.took(took);
        let was_stuck = state
            .running
            .remove(&seat)
            .is_none_or(|running| running.is_stuck);
        if let Seat::Own(lane) = seat {
            state.lanes.idle(lane);
        }
        self.tell_if_idle(&state);
        let is_last = state.lanes.at_hand() == 0;
        drop(state);
        if was_stuck {
            self.stand_ins.notify_all();
        }
        Freed {
            counts: !was_stuck,
            is_last,
        }
    }

    pub(crate) fn hand(&self, jobs: Vec<ClaimedJob>, wanted: &[Lane], wants_any: bool) {
        let mut state = self.state();
        let mut wake = state.lanes.hand(jobs, wanted, wants_any);
        // Who is awake, like the one that asked, looks before it sleeps.
        wake.retain(|lane| state.asleep.contains(lane));
        let has_stand_ins = state.running.values().any(|running| running.is_stuck);
        drop(state);
        for lane in wake {
            self.own[usize::from(lane)].notify_one();
        }
        if has_stand_ins {
            self.stand_ins.notify_all();
        }
    }

    /// Whether a lane's worker, once it looks, has something to run.
    pub(crate) fn has_job_for(&self, lane: Lane) -> bool {
        self.state().lanes.has_next(lane)
    }

    pub(crate) fn room(&self) -> Room {
        self.state().lanes.room()
    }

    pub(crate) fn at_hand(&self) -> usize {
        self.state().lanes.at_hand()
    }

    /// The first job that waits at hand for just any worker.
    pub(crate) fn first_ahead(&self) -> Option<LeaseId> {
        self.state().lanes.first_ahead().cloned()
    }

    /// Takes the jobs back that wait at hand for just any worker.
    pub(crate) fn take_ahead(&self) -> Vec<ClaimedJob> {
        self.state().lanes.take_ahead()
    }

    pub(crate) fn take_back(&self) -> Vec<ClaimedJob> {
        self.state().lanes.take_back()
    }

    /// Takes the jobs under these leases that haven't started.
    pub(crate) fn take(&self, leases: &[LeaseId]) -> Vec<ClaimedJob> {
        self.state().lanes.take(leases)
    }

    /// Stops the attempts under these leases.
    pub(crate) fn cancel(&self, leases: &[LeaseId], reason: CancelReason) {
        let state = self.state();
        let concerned = state
            .running
            .values()
            .filter(|running| leases.contains(&running.lease));
        let cancellers: Vec<Canceller> =
            concerned.map(|running| running.canceller.clone()).collect();
        // Hooks run on this thread; they must not find the lock taken.
        drop(state);
        for canceller in cancellers {
            canceller.cancel(reason);
        }
    }

    /// Stops everything, and gives the leases of what runs.
    pub(crate) fn cancel_all(&self, reason: CancelReason) -> Vec<LeaseId> {
        let leases: Vec<LeaseId> = self
            .state()
            .running
            .values()
            .map(|running| running.lease.clone())
            .collect();
        self.cancel(&leases, reason);
        leases
    }

    /// Gives up what still runs: its reports no longer count. Gives the leases.
    pub(crate) fn abandon(&self) -> Vec<LeaseId> {
        let mut state = self.state();
        let running = state
            .running
            .values_mut()
            .filter(|running| !running.is_stuck);
        running
            .map(|running| {
                running.is_stuck = true;
                running.lease.clone()
            })
            .collect()
    }

    /// Marks attempts as stuck that are past their deadline by more than `grace`.
    pub(crate) fn find_stuck(
        &self,
        now: Duration,
        grace: Duration,
    ) -> Vec<(Seat, LeaseId, Canceller)> {
        let mut stuck = Vec::new();
        let mut state = self.state();
        for (seat, running) in &mut state.running {
            let end = running
                .deadline
                .map(|deadline| deadline.saturating_add(grace));
            if end.is_some_and(|end| now > end) && !running.is_stuck {
                running.is_stuck = true;
                stuck.push((*seat, running.lease.clone(), running.canceller.clone()));
            }
        }
        self.tell_if_idle(&state);
        stuck
    }

    /// Stuck attempts don't count: nobody waits for them.
    fn tell_if_idle(&self, state: &State) {
        if state.running.values().all(|running| running.is_stuck) {
            self.all_idle.notify_one();
        }
    }

    /// When the next attempt would be stuck.
    pub(crate) fn next_stuck(&self, grace: Duration) -> Option<Duration> {
        let state = self.state();
        let healthy = state.running.values().filter(|running| !running.is_stuck);
        healthy
            .filter_map(|running| running.deadline)
            .min()
            .map(|deadline| deadline.saturating_add(grace))
    }

    /// How many attempts run that aren't stuck.
    pub(crate) fn running(&self) -> usize {
        self.state()
            .running
            .values()
            .filter(|running| !running.is_stuck)
            .count()
    }

    /// Sends the threads home.
    pub(crate) fn close(&self) {
        self.state().is_open = false;
        for condvar in &self.own {
            condvar.notify_all();
        }
        self.stand_ins.notify_all();
    }

    /// What each lane does.
    pub(crate) fn view(&self, lanes: Lane) -> Vec<LaneState> {
        let state = self.state();
        let of = |lane: Lane| match state.running.get(&Seat::Own(lane)) {
            None => LaneState::Idle,
            Some(running) => {
                let job: JobId = running.lease.job.clone();
                if running.is_stuck {
                    LaneState::Stuck(job, running.attempt, running.started_at)
                } else {
                    LaneState::Running(job, running.attempt, running.started_at)
                }
            }
        };
        (0..lanes).map(of).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait<'a>(condvar: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    condvar.wait(state).unwrap_or_else(PoisonError::into_inner)
}
