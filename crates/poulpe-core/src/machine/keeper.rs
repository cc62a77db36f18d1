//! Keeps the leases of what this daemon runs or has at hand, and has attempts stopped whose lease can't be kept. Never
//! starts or settles anything. One per scheduler; every lease is told to it when taken and when ended.

use super::backoff;
use crate::CancelReason;
use poulpe_store::{Hold, LeaseId};
use std::collections::HashMap;
use std::time::Duration;

/// What the lease keeper is told.
#[derive(Debug)]
pub enum KeepEvent {
    /// These leases were asked for at that monotonic time.
    Taken(Vec<LeaseId>, Duration),
    /// These need no more keeping: they are being settled, or were given up.
    Ended(Vec<LeaseId>),
    /// The answers to the leases of the renewal under way.
    Renewed(Vec<Hold>),
    /// The renewal's answer was lost.
    RenewFailed,
    /// Time has passed.
    Timer,
}

/// What the lease keeper wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum KeepAction {
    /// Ask the store; answer with `Renewed` or `RenewFailed`.
    Renew(Vec<LeaseId>),
    /// Stop the attempts under these leases.
    Stop(Vec<LeaseId>, CancelReason),
}

/// The leases held by this daemon.
#[derive(Debug)]
pub struct LeaseKeeper {
    lease: Duration,
    /// When each was asked for last: it ends a lease's length after the store answered, which is later.
    held: HashMap<LeaseId, Duration>,
    renewing: Option<(Vec<LeaseId>, Duration)>,
    next_look: Option<Duration>,
    failures: u32,
}

impl LeaseKeeper {
    /// A keeper of leases of this length.
    pub fn new(lease: Duration) -> Self {
        Self {
            lease,
            held: HashMap::new(),
            renewing: None,
            next_look: None,
            failures: 0,
        }
    }

    /// Takes an event at monotonic time `now`.
    pub fn on(&mut self, event: KeepEvent, now: Duration) -> Vec<KeepAction> {
        match event {
            KeepEvent::Taken(leases, asked) => {
                self.held
                    .extend(leases.into_iter().map(|lease| (lease, asked)));
                // A look every sixth of a lease finds each one between a third and a half of its life.
                self.next_look = self
                    .next_look
                    .or(Some(now + self.lease / 6))
                    .filter(|_| !self.held.is_empty());
                Vec::new()
            }
            KeepEvent::Ended(leases) => {
                for lease in &leases {
                    self.held.remove(lease);
                }
                Vec::new()
            }
            KeepEvent::Renewed(holds) => self.renewed(&holds),
            KeepEvent::RenewFailed => {
                self.renewing = None;
                self.failures += 1;
                self.next_look = Some(now + backoff(self.failures));
                self.look(now, false)
            }
            KeepEvent::Timer if self.next_look.is_some_and(|at| at <= now) => self.look(now, true),
            KeepEvent::Timer => Vec::new(),
        }
    }

    /// When to send `Timer`.
    pub fn wake_at(&self) -> Option<Duration> {
        self.next_look
    }

    /// How many leases are held.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    fn renewed(&mut self, holds: &[Hold]) -> Vec<KeepAction> {
        self.failures = 0;
        let Some((leases, asked)) = self.renewing.take() else {
            return Vec::new();
        };
        let mut lost = Vec::new();
        let mut cancelled = Vec::new();
        for (lease, hold) in leases.into_iter().zip(holds) {
            let Some(since) = self.held.get_mut(&lease) else {
                continue;
            };
            *since = asked;
            match hold {
                Hold::Held => {}
                Hold::Cancelled => cancelled.push(lease),
                Hold::Lost => {
                    self.held.remove(&lease);
                    lost.push(lease);
                }
            }
        }
        let mut actions = Vec::new();
        if !lost.is_empty() {
            actions.push(KeepAction::Stop(lost, CancelReason::LeaseLost));
        }
        if !cancelled.is_empty() {
            actions.push(KeepAction::Stop(cancelled, CancelReason::Requested));
        }
        actions
    }

    /// Gives up what may end within a third of a lease, and renews what is older than a third.
    fn look(&mut self, now: Duration, may_renew: bool) -> Vec<KeepAction> {
        let give_up = self.lease * 2 / 3;
        let old: Vec<LeaseId> = self
            .held
            .iter()
            .filter(|(_, since)| now.saturating_sub(**since) >= give_up)
            .map(|(l, _)| l.clone())
            .collect();
        for lease in &old {
            self.held.remove(lease);
        }
        let mut actions = Vec::new();
        if !old.is_empty() {
            actions.push(KeepAction::Stop(old, CancelReason::LeaseLost));
        }
        if may_renew {
            self.next_look = Some(now + self.lease / 6).filter(|_| !self.held.is_empty());
        }
        if !may_renew || self.renewing.is_some() {
            return actions;
        }
        let is_due = |since: &Duration| now.saturating_sub(*since) >= self.lease / 3;
        let due: Vec<LeaseId> = self
            .held
            .iter()
            .filter(|(_, since)| is_due(since))
            .map(|(l, _)| l.clone())
            .collect();
        if !due.is_empty() {
            self.renewing = Some((due.clone(), now));
            actions.push(KeepAction::Renew(due));
        }
        actions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poulpe_job::JobId;
    use poulpe_store::Incarnation;

    const LEASE: Duration = Duration::from_secs(15);

    fn lease() -> LeaseId {
        LeaseId {
            job: JobId::new("a").expect("an id"),
            claims: 1,
            incarnation: Incarnation(1),
            nonce: 7,
        }
    }

    fn keeper() -> LeaseKeeper {
        let mut keeper = LeaseKeeper::new(LEASE);
        keeper.on(
            KeepEvent::Taken(vec![lease()], Duration::ZERO),
            Duration::ZERO,
        );
        keeper
    }

    /// Looks as often as the keeper asks until `end`; what it wanted, with the time.
    fn run(
        keeper: &mut LeaseKeeper,
        end: Duration,
        mut answer: impl FnMut() -> KeepEvent,
    ) -> Vec<(Duration, KeepAction)> {
        let mut seen = Vec::new();
        while let Some(at) = keeper.wake_at().filter(|at| *at <= end) {
            for action in keeper.on(KeepEvent::Timer, at) {
                let asks = matches!(action, KeepAction::Renew(_));
                seen.push((at, action));
                if asks {
                    seen.extend(
                        keeper
                            .on(answer(), at)
                            .into_iter()
                            .map(|action| (at, action)),
                    );
                }
            }
        }
        seen
    }

    #[test]
    fn a_lease_is_renewed_before_half_of_it_is_over() {
        let seen = run(&mut keeper(), LEASE * 4, || {
            KeepEvent::Renewed(vec![Hold::Held])
        });
        let (first, action) = &seen[0];
        assert!(*first >= LEASE / 3 && *first <= LEASE / 2, "{first:?}");
        assert_eq!(*action, KeepAction::Renew(vec![lease()]));
        assert!(
            seen.len() >= 8
                && seen
                    .iter()
                    .all(|(_, action)| matches!(action, KeepAction::Renew(_)))
        );
    }

    #[test]
    fn an_attempt_is_stopped_a_third_of_a_lease_before_the_lease_ends() {
        let seen = run(&mut keeper(), LEASE * 4, || KeepEvent::RenewFailed);
        let (at, last) = seen.last().expect("something happened");
        assert_eq!(
            *last,
            KeepAction::Stop(vec![lease()], CancelReason::LeaseLost)
        );
        assert!(*at >= LEASE * 2 / 3 && *at < LEASE, "{at:?}");
    }

    #[test]
    fn a_cancelled_job_stops_and_a_lost_one_is_forgotten() {
        let mut keeper = keeper();
        let seen = run(&mut keeper, LEASE / 2, || {
            KeepEvent::Renewed(vec![Hold::Cancelled])
        });
        assert_eq!(
            seen[1].1,
            KeepAction::Stop(vec![lease()], CancelReason::Requested)
        );
        let seen = run(&mut keeper, LEASE, || KeepEvent::Renewed(vec![Hold::Lost]));
        assert_eq!(
            seen[1].1,
            KeepAction::Stop(vec![lease()], CancelReason::LeaseLost)
        );
        assert_eq!(keeper.held(), 0);
    }

    #[test]
    fn with_nothing_held_it_sleeps() {
        let mut keeper = keeper();
        keeper.on(KeepEvent::Ended(vec![lease()]), Duration::ZERO);
        run(&mut keeper, LEASE, || KeepEvent::RenewFailed);
        assert_eq!(keeper.wake_at(), None);
    }
}
