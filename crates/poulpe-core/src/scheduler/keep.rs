//! Drives the lease keeper, and looks for attempts that are stuck.

use super::pool::Seat;
use super::{Parts, worker};
use crate::machine::{KeepAction, KeepEvent, LeaseKeeper};
use poulpe_store::{LeaseId, StoreError};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// The lease keeper, shared by those who take leases and those who end them.
pub(crate) struct Keeper {
    machine: Mutex<LeaseKeeper>,
    wake: Notify,
    /// How many stand-ins were started.
    stand_ins: AtomicU32,
}

impl Keeper {
    pub(crate) fn new(lease: Duration) -> Self {
        Self {
            machine: Mutex::new(LeaseKeeper::new(lease)),
            wake: Notify::new(),
            stand_ins: AtomicU32::new(0),
        }
    }

    pub(crate) fn taken(&self, leases: Vec<LeaseId>, asked: Duration) {
        let mut machine = self.machine();
        let was_asleep = machine.wake_at().is_none();
        machine.on(KeepEvent::Taken(leases, asked), asked);
        drop(machine);
        if was_asleep {
            self.wake.notify_one();
        }
    }

    pub(crate) fn ended(&self, leases: Vec<LeaseId>) {
        self.machine().on(KeepEvent::Ended(leases), Duration::ZERO);
    }

    fn machine(&self) -> MutexGuard<'_, LeaseKeeper> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps leases until the task is aborted.
pub(crate) async fn run(parts: Arc<Parts>) {
    let grace = parts.settings.stuck_grace;
    loop {
        let now = parts.clock.monotonic();
        let mut actions = parts.keeper.machine().on(KeepEvent::Timer, now);
        while let Some(action) = actions.pop() {
            match action {
                KeepAction::Stop(leases, reason) => {
                    tracing::warn!(count = leases.len(), ?reason, "stopping attempts");
                    parts.pool.cancel(&leases, reason);
                }
                KeepAction::Renew(leases) => {
                    // A store that doesn't answer must be known of before the leases end: then attempts are stopped.
                    let limit = parts.clock.monotonic() + parts.settings.lease / 6;
                    let renewed = tokio::select! {
                        renewed = parts.store.renew(leases, parts.settings.lease) => renewed,
                        () = parts.clock.sleep_until(limit) => {
                            Err(StoreError::Unavailable("no answer in time".into()))
                        }
                    };
                    let event = match renewed {
                        Ok(holds) => KeepEvent::Renewed(holds),
                        Err(error) => {
                            tracing::error!(%error, "leases not renewed");
                            KeepEvent::RenewFailed
                        }
                    };
                    actions.extend(parts.keeper.machine().on(event, parts.clock.monotonic()));
                }
            }
        }
        look_for_stuck(&parts, now, grace);
        let next_look = parts.keeper.machine().wake_at();
        // An attempt that starts now can't be stuck before its lease is looked at, or a whole grace has passed.
        let next_stuck = next_look
            .and(parts.pool.next_stuck(grace))
            .map(|at| at.max(now + Duration::from_millis(100)));
        let wake_at = next_look.map(|at| next_stuck.map_or(at, |stuck| stuck.min(at)));
        tokio::select! {
            () = parts.keeper.wake.notified() => {}
            () = super::sleep_until(&*parts.clock, wake_at) => {}
        }
    }
}

/// A thread can't be killed: a stuck attempt's lease is given up, so that the job runs again elsewhere, and a stand-in
/// takes the lane's share of jobs that may run anywhere.
fn look_for_stuck(parts: &Arc<Parts>, now: Duration, grace: Duration) {
    for (seat, lease, canceller) in parts.pool.find_stuck(now, grace) {
        tracing::error!(job = %lease.job, lane = seat.lane(), "attempt is stuck past its deadline, giving up its lease");
        canceller.cancel(crate::CancelReason::LeaseLost);
        parts.keeper.ended(vec![lease]);
        let Seat::Own(lane) = seat else { continue };
        let serial = parts.keeper.stand_ins.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = worker::spawn(parts, &Handle::current(), Seat::StandIn(lane, serial)) {
            tracing::error!(%error, lane, "no thread for the stand-in of a stuck worker");
        }
    }
}
