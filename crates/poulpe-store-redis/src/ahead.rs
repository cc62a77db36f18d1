//! Starts that a claim has marked already, for the worker that gets to them within moments: it needn't ask. Knows only what
//! Redis told; whatever is old, cancelled or in doubt is asked for.

use poulpe_job::JobId;
use poulpe_store::LeaseId;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// For how long the mark of a claim is taken for the start: jobs at hand wait for milliseconds, or are given back.
const FRESH: Duration = Duration::from_millis(250);

/// Of the lease so much at most.
const OF_LEASE: u32 = 4;

/// The number of the attempt, and until when it may begin without asking.
struct Marked {
    number: u32,
    until: Instant,
}

/// The leases whose starts are marked and which haven't started.
#[derive(Default)]
pub(crate) struct Ahead {
    marked: Mutex<HashMap<LeaseId, Marked>>,
}

impl Ahead {
    /// Takes the marks of a claim that was sent at `asked`.
    pub(crate) fn marked(
        &self,
        starts: impl IntoIterator<Item = (LeaseId, u32)>,
        asked: Instant,
        lease: Duration,
    ) {
        let until = asked + FRESH.min(lease / OF_LEASE);
        let mut marked = self.lock();
        marked.retain(|_, mark| mark.until > asked);
        let starts = starts.into_iter();
        marked.extend(starts.map(|(lease, number)| (lease, Marked { number, until })));
    }

    /// The number of a start that is marked and may begin at `now`.
    pub(crate) fn take(&self, lease: &LeaseId, now: Instant) -> Option<u32> {
        let mark = self.lock().remove(lease)?;
        (now < mark.until).then_some(mark.number)
    }

    /// Has the start asked for.
    pub(crate) fn forget(&self, lease: &LeaseId) {
        self.lock().remove(lease);
    }

    /// Has the starts of a job asked for.
    pub(crate) fn forget_job(&self, id: &JobId) {
        self.lock().retain(|lease, _| lease.job != *id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LeaseId, Marked>> {
        self.marked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poulpe_store::Incarnation;

    fn lease(id: &str) -> LeaseId {
        LeaseId {
            job: JobId::new(id).expect("an id"),
            claims: 1,
            incarnation: Incarnation(1),
            nonce: 7,
        }
    }

    #[test]
    fn a_mark_is_taken_once_while_it_is_fresh() {
        let ahead = Ahead::default();
        let long = Duration::from_secs(15);
        let now = Instant::now();
        ahead.marked([(lease("a"), 1), (lease("b"), 2)], now, long);
        assert_eq!(ahead.take(&lease("a"), now), Some(1));
        assert_eq!(ahead.take(&lease("a"), now), None);
        assert_eq!(ahead.take(&lease("b"), now + FRESH), None);
        ahead.marked([(lease("c"), 1)], now, FRESH);
        assert_eq!(ahead.take(&lease("c"), now + FRESH / OF_LEASE), None);
    }

    #[test]
    fn what_was_cancelled_is_asked_for() {
        let ahead = Ahead::default();
        let long = Duration::from_secs(15);
        let now = Instant::now();
        ahead.marked([(lease("a"), 1), (lease("b"), 1)], now, long);
        ahead.forget(&lease("a"));
        ahead.forget_job(&lease("b").job);
        assert_eq!(ahead.take(&lease("a"), now), None);
        assert_eq!(ahead.take(&lease("b"), now), None);
    }
}
