//! Wakes tasks to within a tenth of a millisecond, for the last stretch before a job is due: the runtime's own timers
//! count whole milliseconds. One thread per clock, asleep unless something is due in a moment.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot;

#[derive(Default)]
struct State {
    waiting: BTreeMap<(Instant, u64), oneshot::Sender<()>>,
    next: u64,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// Wakes tasks at exact times.
pub(super) struct Alarm {
    shared: Arc<Shared>,
}

impl Alarm {
    /// Starts the thread; `None` if the system gives none, and then the runtime's timers have to do.
    pub(super) fn start() -> Option<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = shared.clone();
        let thread = std::thread::Builder::new().name("poulpe-alarm".into());
        thread.spawn(move || run(&of_thread)).ok()?;
        Some(Self { shared })
    }

    /// Resolves at this time.
    pub(super) fn at(&self, time: Instant) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.shared.state();
        state.next += 1;
        let key = (time, state.next);
        let is_first = state
            .waiting
            .first_key_value()
            .is_none_or(|(first, _)| key < *first);
        state.waiting.insert(key, sender);
        drop(state);
        if is_first {
            self.shared.changed.notify_one();
        }
        receiver
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run(shared: &Shared) {
    let mut state = shared.state();
    while !state.closed {
        let Some(first) = state.waiting.first_entry() else {
            state = shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let left = first.key().0.saturating_duration_since(Instant::now());
        if left.is_zero() || first.get().is_closed() {
            // Whoever has stopped waiting needs no alarm.
            let _ = first.remove().send(());
            continue;
        }
        let waited = shared.changed.wait_timeout(state, left);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}
