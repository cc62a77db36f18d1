//! The thread that gives space back: unlinks dead segments, cleans sparse ones. Never in the writer's way for longer
//! than a few records take to be re-pointed.

use crate::clean::{self, Around, Outcome};
use crate::log::lock;
use crate::medium::LogMedium;
use crate::queue::Errand;
use poulpe_store::{Shared, StoreResult};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How many times as long as a step of work takes, the pause after it is: three quarters of the disk and of a core stay
/// with the jobs.
const PAUSE_FACTOR: u32 = 3;

/// A step that seems to have taken longer was measured while the clock jumped, or the machine slept.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// How long to wait for a reader to let go of a segment.
const MOMENT: Duration = Duration::from_millis(5);

#[derive(Default)]
struct State {
    is_asked: bool,
    is_closing: bool,
}

/// What the cleaner is to do.
#[derive(Default)]
pub(crate) struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

impl Desk {
    /// Asks for a look at what can be given back.
    pub(crate) fn ask(&self) {
        lock(&self.state).is_asked = true;
        self.changed.notify_all();
    }

    /// Lets the cleaner stop.
    pub(crate) fn close(&self) {
        lock(&self.state).is_closing = true;
        self.changed.notify_all();
    }

    /// Waits until it is asked; false when it is time to stop.
    fn wait(&self) -> bool {
        let state = lock(&self.state);
        let is_idle = |state: &mut State| !state.is_asked && !state.is_closing;
        let waited = self.changed.wait_while(state, is_idle);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_asked = false;
        !state.is_closing
    }

    /// Waits so long; false when it is time to stop.
    fn pause(&self, pause: Duration) -> bool {
        let state = lock(&self.state);
        let waited = self
            .changed
            .wait_timeout_while(state, pause, |state| !state.is_closing);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !state.is_closing
    }
}

/// Works until the log is closed or has failed, and has said so.
pub(crate) fn run(shared: &Arc<Shared<LogMedium>>) {
    let log = &shared.medium.log;
    // What the previous process left.
    log.desk.ask();
    while log.desk.wait() {
        if tidy(shared).is_err() {
            return;
        }
    }
}

fn tidy(shared: &Arc<Shared<LogMedium>>) -> StoreResult<()> {
    let log = &shared.medium.log;
    log.reclaim()?;
    while let Outcome::Done(victims) = clean::clean(shared, &BesideWriter { shared })? {
        log.reclaim()?;
        // Another cleaning may start only when these are gone.
        while victims.iter().any(|id| log.has_segment(*id)) {
            if !log.desk.pause(MOMENT) {
                return Ok(());
            }
            log.reclaim()?;
        }
    }
    Ok(())
}

/// Cleaning beside a writer that works.
struct BesideWriter<'a> {
    shared: &'a Shared<LogMedium>,
}

impl Around for BesideWriter<'_> {
    fn between(&self, errand: Errand) -> bool {
        self.shared.medium.queue.between(errand)
    }

    fn pause(&self, worked: Duration) -> bool {
        let log = &self.shared.medium.log;
        // Space that isn't given back in time is worse than a slower submit.
        let pause = if log.is_behind() {
            Duration::ZERO
        } else {
            (worked * PAUSE_FACTOR).min(LONGEST_PAUSE)
        };
        log.desk.pause(pause)
    }
}
