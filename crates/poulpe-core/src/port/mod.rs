//! The ports: what plugins implement, and what they are given.

mod alarm;
mod attempt;
mod clock;
mod executor;
mod feed;
mod follow;
mod ingress;
mod operate;
mod retry;
mod schedule;
mod submit;

pub use attempt::{Attempt, CancelHook, CancelReason, Canceller};
pub use clock::{Clock, SystemClock};
pub use executor::{Executor, Failure, Output, RetryAdvice};
pub use feed::{Fed, Feed, FeedAnswer, FeedPart, FeedView, Letter, Taken};
pub use follow::Follow;
pub use ingress::{Ingress, IngressError, Phase, Stop, StopHandle};
pub use operate::{DaemonView, KindFigures, LaneState, LaneView, Operate, Overview, ReadyCheck};
pub use retry::{FixedInterval, RetryPolicy};
pub use schedule::{
    CURSOR_AHEAD, FileContents, LastFire, ScheduleAction, ScheduleChanged, ScheduleFile,
    ScheduleFileView, ScheduleView, SchedulesView,
};
pub use submit::{Submit, Submitted, Waited};
