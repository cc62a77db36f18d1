//! Cron files with seconds. A line is a [`Schedule`] and a task; [`Schedule::next_after`] gives its fire times in a
//! [`Zone`].
//!
//! Pure: no clock is read and nothing is run here, and the only files read are those of the system's time zone database.
#![forbid(unsafe_code)]

mod calendar;
mod entry;
mod explain;
mod expression;
mod field;
mod file;
mod fire;
#[cfg(feature = "fuzzing")]
mod fuzz;
mod identity;
mod line;
mod local;
mod mask;
mod near;
mod part;
mod problem;
mod schedule;
mod variable;
mod words;
mod zone;
mod zone_data;

pub use entry::{Entry, LATE, Misfire, Options, Overlap};
pub use expression::BadSchedule;
pub use file::{
    CronFile, Defaults, MAX_ENTRIES, MAX_FILE_BYTES, MAX_LINE_BYTES, MAX_PROBLEMS, Reader,
};
pub use fire::{FireTimes, Remark};
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use fuzz::fuzz;
pub use identity::ScheduleId;
pub use local::LocalTime;
pub use problem::Problem;
pub use schedule::Schedule;
pub use zone::{BadZone, Zone};
