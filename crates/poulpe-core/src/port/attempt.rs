//! One run of a job, as its executor sees it.

use poulpe_job::Lane;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Why an attempt should stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelReason {
    /// Somebody cancelled the job.
    Requested,
    /// The daemon is shutting down and can't wait any longer.
    Shutdown,
    /// The lease ended: another worker may take the job any moment.
    LeaseLost,
}

/// One run of a job: its number, its deadline, and whether it should stop.
#[derive(Debug)]
pub struct Attempt {
    /// Counted from 1; no two runs of a job share a number.
    pub number: u32,
    /// The lane whose worker runs it.
    pub lane: Lane,
    /// The instant by which the executor must return.
    pub deadline: Instant,
    canceller: Canceller,
}

impl Attempt {
    /// An attempt that `canceller` can stop.
    pub fn new(number: u32, lane: Lane, deadline: Instant, canceller: Canceller) -> Self {
        Self {
            number,
            lane,
            deadline,
            canceller,
        }
    }

    /// An attempt for trying an executor out: number 1, lane 0, with this much time.
    pub fn for_test(time: Duration) -> (Self, Canceller) {
        let canceller = Canceller::default();
        (
            Self::new(1, 0, Instant::now() + time, canceller.clone()),
            canceller,
        )
    }

    /// The time left; zero past the deadline.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Why it should stop, if it should.
    pub fn cancelled(&self) -> Option<CancelReason> {
        self.canceller.state().reason
    }

    /// Calls `hook` once when the attempt is cancelled, at once if it already is. The hook runs on the thread that
    /// cancels and must not block. Dropping the returned guard removes the hook; when that returns, the hook isn't
    /// running and never will be.
    pub fn on_cancel(&self, hook: impl FnOnce(CancelReason) + Send + 'static) -> CancelHook {
        self.canceller.add_hook(Box::new(hook))
    }
}

type Hook = Box<dyn FnOnce(CancelReason) + Send>;

#[derive(Default)]
struct CancelState {
    reason: Option<CancelReason>,
    hook: Option<Hook>,
}

impl std::fmt::Debug for CancelState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CancelState({:?})", self.reason)
    }
}

/// Stops an attempt.
#[derive(Debug, Clone, Default)]
pub struct Canceller {
    state: Arc<Mutex<CancelState>>,
}

impl Canceller {
    /// Tells the attempt to stop. The first reason stands.
    pub fn cancel(&self, reason: CancelReason) {
        let mut state = self.state();
        if state.reason.is_some() {
            return;
        }
        state.reason = Some(reason);
        // Called under the lock: a guard that is dropped meanwhile waits until the hook has returned.
        if let Some(hook) = state.hook.take() {
            hook(reason);
        }
    }

    /// Why it was told to stop, if it was.
    pub fn reason(&self) -> Option<CancelReason> {
        self.state().reason
    }

    fn add_hook(&self, hook: Hook) -> CancelHook {
        let mut state = self.state();
        match state.reason {
            Some(reason) => hook(reason),
            None => state.hook = Some(hook),
        }
        CancelHook {
            canceller: self.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, CancelState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a hook in place; see [`Attempt::on_cancel`].
#[derive(Debug)]
#[must_use = "dropping it removes the hook"]
pub struct CancelHook {
    canceller: Canceller,
}

impl Drop for CancelHook {
    fn drop(&mut self) {
        self.canceller.state().hook = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn counting() -> (Arc<AtomicU32>, impl FnOnce(CancelReason) + Send + 'static) {
        let count = Arc::new(AtomicU32::new(0));
        let inner = count.clone();
        (count, move |_| {
            inner.fetch_add(1, Ordering::SeqCst);
        })
    }

    #[test]
    fn the_first_reason_stands_and_the_hook_runs_once() {
        let (attempt, canceller) = Attempt::for_test(Duration::from_secs(1));
        let (count, hook) = counting();
        let _guard = attempt.on_cancel(hook);
        canceller.cancel(CancelReason::Requested);
        canceller.cancel(CancelReason::Shutdown);
        assert_eq!(
            (attempt.cancelled(), count.load(Ordering::SeqCst)),
            (Some(CancelReason::Requested), 1)
        );
    }

    #[test]
    fn a_hook_set_too_late_runs_at_once() {
        let (attempt, canceller) = Attempt::for_test(Duration::from_secs(1));
        canceller.cancel(CancelReason::LeaseLost);
        let (count, hook) = counting();
        let _guard = attempt.on_cancel(hook);
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_removed_hook_never_runs() {
        let (attempt, canceller) = Attempt::for_test(Duration::from_secs(1));
        let (count, hook) = counting();
        drop(attempt.on_cancel(hook));
        canceller.cancel(CancelReason::Requested);
        assert_eq!(count.load(Ordering::SeqCst), 0);
    }
}
