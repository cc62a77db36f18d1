//! Drives the dispatcher: claims for free lanes, and sleeps until there is work, room, or something due.

use super::Parts;
use crate::machine::{DispatchAction, DispatchEvent, Dispatcher, Report, settlement};
use poulpe_store::{ClaimedJob, Incarnation};
use std::sync::Arc;
use std::time::Duration;

/// Dispatches until the scheduler stops.
pub(crate) async fn run(parts: Arc<Parts>) {
    let mut dispatcher = Dispatcher::new(Incarnation(rand::random()), parts.settings.lease);
    let mut pending = None;
    // When the claim under way was sent first: a repeat gives leases that date from then.
    let mut asked = (0, Duration::ZERO);
    loop {
        let now = parts.clock.monotonic();
        if parts.is_stopping() {
            dispatcher.on(DispatchEvent::Stop, now);
        }
        let event = match pending.take() {
            Some(event) => event,
            None if parts.hub.wake.take_work() => DispatchEvent::Work,
            None => DispatchEvent::Room(parts.pool.room()),
        };
        let has_more_events = !matches!(event, DispatchEvent::Room(_));
        match dispatcher.on(event, now) {
            Some(DispatchAction::Claim(claim)) => {
                if claim.request != asked.0 {
                    asked = (claim.request, now);
                }
                pending = Some(match parts.store.claim(claim).await {
                    Ok(claimed) => {
                        let leases: Vec<_> =
                            claimed.jobs.iter().map(|job| job.lease.clone()).collect();
                        if !leases.is_empty() {
                            parts.keeper.taken(leases, asked.1);
                        }
                        DispatchEvent::Claimed(claimed)
                    }
                    Err(error) => {
                        tracing::error!(%error, "claim failed");
                        DispatchEvent::ClaimFailed
                    }
                });
            }
            Some(DispatchAction::Hand {
                jobs,
                wanted,
                wants_any,
            }) => parts.pool.hand(jobs, &wanted, wants_any),
            Some(DispatchAction::GiveBack(jobs)) => give_back(&parts, jobs),
            None if has_more_events => {}
            None if parts.is_stopping() => return,
            None => {
                tokio::select! {
                    () = parts.hub.wake.woken() => {}
                    () = super::sleep_until(&*parts.clock, dispatcher.wake_at()) => pending = Some(DispatchEvent::Timer),
                }
            }
        }
    }
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
