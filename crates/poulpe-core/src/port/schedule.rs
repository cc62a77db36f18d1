//! Schedules: what the cron driver is given, and what people see of it and have it do.

use super::Submitted;
use crate::cron::{Entry, Problem};
use poulpe_job::{JobId, JobResult, State, Timestamp};
use std::time::Duration;

/// A cron file as it is now, or whatever an embedder keeps its entries in.
#[derive(Debug, Clone)]
pub struct ScheduleFile {
    /// For people, and the key under which the store remembers how far it was driven: the same after each restart.
    pub name: String,
    /// What it holds.
    pub contents: FileContents,
}

/// What a cron file holds.
#[derive(Debug, Clone)]
pub enum FileContents {
    /// It was read.
    Read {
        /// The entries that can be driven.
        entries: Vec<Entry>,
        /// What is wrong with the other lines.
        problems: Vec<Problem>,
    },
    /// It isn't there, or can't be read: the reason. Nothing of it fires; when it is back it goes on where it was, and
    /// what was missed meanwhile is dealt with as after an outage.
    Missing(String),
}

/// Files and schedules.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SchedulesView {
    /// The files, in the order in which they were given.
    pub files: Vec<ScheduleFileView>,
    /// Their schedules, in order of files and lines, as many as were asked for.
    pub schedules: Vec<ScheduleView>,
    /// How many schedules there are.
    pub count: usize,
}

/// A cron file at a glance.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleFileView {
    /// Its name.
    pub name: String,
    /// Why it can't be read, if it can't.
    pub missing: Option<String>,
    /// What is wrong with lines of it.
    pub problems: Vec<Problem>,
}

/// A schedule at a glance.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleView {
    /// Its id.
    pub id: String,
    /// The name of its file.
    pub file: String,
    /// Its line there, from 1.
    pub line: usize,
    /// The line as written.
    pub text: String,
    /// The name of its time zone.
    pub zone: String,
    /// When it fires, in words.
    pub words: String,
    /// The next fire times, five at most; none while it is paused or can't be run.
    pub next: Vec<Timestamp>,
    /// Somebody paused it.
    pub is_paused: bool,
    /// Why it doesn't fire, or what is odd about it.
    pub trouble: Option<String>,
    /// Up to when it was driven: no fire time up to here is looked at again. `None` until its first one.
    pub driven_to: Option<Timestamp>,
    /// The last fire time that gave a job.
    pub last: Option<LastFire>,
    /// How many fire times passed while nobody ran them and were given up by the rules of `MISFIRE`.
    pub missed: u64,
    /// How many fire times were skipped.
    pub skipped: u64,
    /// The last fire time that was missed or skipped, and why.
    pub last_skip: Option<(Timestamp, String)>,
}

/// The last job of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct LastFire {
    /// Its fire time.
    pub at: Timestamp,
    /// The job's id.
    pub job: JobId,
    /// Where the job is; `None` if it is no longer known.
    pub state: Option<State>,
    /// Its result, if it has ended and that is still kept.
    pub result: Option<JobResult>,
}

/// What a person has a schedule do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleAction {
    /// Run now, beside its fire times.
    Run,
    /// Fire no more until it is resumed, restarts included.
    Pause,
    /// Fire again from now on. What passed meanwhile is not made up for.
    Resume,
    /// Be driven from now on, although its cursor lies elsewhere: after a clock that went wrong.
    Reset,
}

/// What became of a [`ScheduleAction`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleChanged {
    /// It is done.
    Done,
    /// It was run: what became of the task.
    Ran(Submitted),
    /// It can't be changed as it is: why not, and what to do.
    Refused(String),
    /// There is no such schedule.
    Unknown,
}

/// A cursor that lies further ahead of the clock than this is told of: for so long nothing would fire.
pub const CURSOR_AHEAD: Duration = Duration::from_secs(3_600);
