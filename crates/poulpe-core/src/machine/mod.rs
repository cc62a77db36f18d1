//! The actors of the scheduler as plain state machines: events and the time go in, actions come out. No clocks, no
//! threads, no tokio types, so that the simulator can replay them; thin tasks in `scheduler` drive them.

mod cron;
mod dispatcher;
mod keeper;
mod lanes;
mod settler;
mod verdict;

pub use cron::{Change, CronDriver, Fired, Firing, Loading, SkipReason};
pub use dispatcher::{DispatchAction, DispatchEvent, Dispatcher};
pub use keeper::{KeepAction, KeepEvent, LeaseKeeper};
pub use lanes::{Lanes, Room};
pub use settler::{SettleAction, SettleEvent, Settler};
pub use verdict::{Ended, Report, settlement};

use std::time::Duration;

/// The longest wait for something that isn't due: the wait is monotonic, the due time is the wall clock's, and that may be
/// set forward, or have run on while the machine was suspended. Five seconds cost an idle daemon nothing.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The wait before the n-th repeat of a call that failed: 50 ms doubled each time, at most 2 s, so that work resumes
/// soon after a store is back and a dead one isn't hammered.
pub(crate) fn backoff(failures: u32) -> Duration {
    Duration::from_millis(50 << failures.saturating_sub(1).min(5)).min(Duration::from_secs(2))
}
