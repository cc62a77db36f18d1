//! Drives the dispatcher: claims for free lanes and hands out what was claimed. Never runs a job. Driven by whoever has
//! a reason at hand: a worker that has nothing to do claims for itself, a task of its own does at the times that the
//! dispatcher waits for and while all workers are busy.

use super::Parts;
use crate::machine::{DispatchAction, DispatchEvent, Dispatcher, Report, Room, settlement};
use poulpe_job::Lane;
use poulpe_store::{Claim, ClaimedJob, Incarnation};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// What the dispatcher is to know, and a way to wake its task.
#[derive(Default)]
pub(crate) struct DispatchWake {
    /// Something may be ready.
    work: AtomicBool,
    /// The dispatcher would claim if there were more room.
    wants_room: AtomicBool,
    task: Notify,
}

impl DispatchWake {
    /// Something may be ready; for whoever drives the dispatcher next.
    pub(crate) fn note_work(&self) {
        self.work.store(true, Ordering::SeqCst);
    }

    /// Has the task look.
    pub(crate) fn task(&self) {
        self.task.notify_one();
    }

    /// Whether there is a reason to tell the dispatcher of room.
    pub(crate) fn is_room_wanted(&self) -> bool {
        self.wants_room.load(Ordering::SeqCst) || self.work.load(Ordering::SeqCst)
    }

    /// Whether there has been work since the last [`take_work`](Self::take_work).
    fn has_work(&self) -> bool {
        self.work.load(Ordering::SeqCst)
    }

    /// Whether there was work since the last call.
    fn take_work(&self) -> bool {
        self.work.swap(false, Ordering::SeqCst)
    }
}

struct State {
    machine: Dispatcher,
    /// The latest claim and when it was sent first: a repeat gives leases that date from then.
    asked: (u64, Duration),
    /// When the task looks next, if nobody wakes it.
    task_looks_at: Option<Duration>,
}

/// The dispatcher, shared by those who drive it.
pub(crate) struct Dispatch {
    state: Mutex<State>,
}

impl Dispatch {
    pub(crate) fn new(incarnation: Incarnation, lease: Duration) -> Self {
        let state = State {
            machine: Dispatcher::new(incarnation, lease),
            asked: (0, Duration::ZERO),
            task_looks_at: None,
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// When the task is to look next.
    fn plan_look(&self) -> Option<Duration> {
        let mut state = self.state();
        state.task_looks_at = state.machine.wake_at();
        state.task_looks_at
    }

    /// Whether the dispatcher wants a look sooner than the task plans one.
    fn is_look_overdue(&self) -> bool {
        let state = self.state();
        let Some(wanted) = state.machine.wake_at() else {
            return false;
        };
        state.task_looks_at.is_none_or(|planned| wanted < planned)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dispatches until the scheduler stops.
pub(crate) async fn run(parts: Arc<Parts>) {
    let mut event = None;
    loop {
        drive(&parts, event.take(), None).await;
        if parts.is_stopping() {
            return;
        }
        let look_at = parts.dispatch.plan_look();
        tokio::select! {
            () = parts.wake.task.notified() => {}
            () = super::sleep_until(&*parts.clock, look_at) => event = Some(DispatchEvent::Timer),
        }
    }
}

/// The same from a worker that has nothing to do.
pub(crate) async fn ask(parts: &Parts, lane: Lane) {
    drive(parts, None, Some(lane)).await;
    if parts.dispatch.is_look_overdue() {
        parts.wake.task();
    }
}

/// Claims and hands out until there is no more reason to, or there is something for the lane that asks: then the task goes
/// on.
async fn drive(parts: &Parts, mut event: Option<DispatchEvent>, lane: Option<Lane>) {
    while let Some((claim, asked)) = turn(parts, event.take(), lane) {
        event = Some(match parts.store.claim(claim).await {
            Ok(claimed) => {
                let leases: Vec<_> = claimed.jobs.iter().map(|job| job.lease.clone()).collect();
                if !leases.is_empty() {
                    parts.keeper.taken(leases, asked);
                }
                DispatchEvent::Claimed(claimed)
            }
            Err(error) => {
                tracing::error!(%error, "claim failed");
                DispatchEvent::ClaimFailed
            }
        });
    }
}

/// Brings the dispatcher up to date; gives the claim that it wants, and since when its leases count. Under one lock up to
/// the handing out, so that nobody finds room where jobs are about to go.
fn turn(
    parts: &Parts,
    mut event: Option<DispatchEvent>,
    lane: Option<Lane>,
) -> Option<(Claim, Duration)> {
    let mut state = parts.dispatch.state();
    let now = parts.clock.monotonic();
    if parts.is_stopping() {
        state.machine.on(DispatchEvent::Stop, now);
    }
    let mut told = None;
    loop {
        let event = match event.take() {
            Some(event) => event,
            None => {
                // The room before the work: a claim is for the lanes that are idle now, the one that asks first.
                let room = room(parts, lane);
                if told.as_ref() != Some(&room) {
                    told = Some(room.clone());
                    DispatchEvent::Room(room)
                } else if parts.wake.take_work() {
                    DispatchEvent::Work
                } else {
                    return None;
                }
            }
        };
        let is_room = matches!(event, DispatchEvent::Room(_));
        let action = state.machine.on(event, now);
        // Before the room is looked at again: whoever makes room in between sees this, or is seen.
        let wants_room = state.machine.wants_room();
        parts.wake.wants_room.store(wants_room, Ordering::SeqCst);
        match action {
            Some(DispatchAction::Claim(claim)) => {
                if claim.request != state.asked.0 {
                    state.asked = (claim.request, now);
                }
                return Some((claim, state.asked.1));
            }
            Some(DispatchAction::Hand {
                jobs,
                wanted,
                wants_any,
            }) => {
                parts.pool.hand(jobs, &wanted, wants_any);
                parts.share.handed();
                if lane.is_some_and(|lane| parts.pool.has_job_for(lane)) {
                    if parts.wake.is_room_wanted() {
                        parts.wake.task();
                    }
                    return None;
                }
            }
            Some(DispatchAction::GiveBack(jobs)) => give_back(parts, jobs),
            None if is_room && !wants_room && !parts.wake.has_work() => return None,
            None => {}
        }
    }
}

/// How much may be claimed. The lane that asks comes first, so that it gets the first job: it is awake.
fn room(parts: &Parts, lane: Option<Lane>) -> Room {
    if parts.settles.is_full() {
        return Room::default();
    }
    let mut room = parts.pool.room();
    if let Some(at) = room.idle.iter().position(|idle| Some(*idle) == lane) {
        room.idle[..=at].rotate_right(1);
    }
    room
}

/// Has claimed jobs that won't be run here released.
pub(crate) fn give_back(parts: &Parts, jobs: Vec<ClaimedJob>) {
    for job in jobs {
        parts.settles.push(settlement(
            Report::not_started(job, Duration::ZERO),
            &*parts.policy,
        ));
    }
}
