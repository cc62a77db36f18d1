//! The port for people and their tools.

use super::{FeedView, ScheduleAction, ScheduleChanged, ScheduleView, SchedulesView};
use poulpe_job::{Door, JobId, Lane, State, Timestamp};
use poulpe_store::{
    BoxFuture, Counts, Histogram, JobView, Member, Page, PageRequest, Revived, StoreError,
    StoreStats,
};
use std::time::Duration;

/// What an operator sees and does.
pub trait Operate: Send + Sync {
    /// Everything at a glance.
    fn overview(&self) -> BoxFuture<'_, Result<Overview, StoreError>>;

    /// A job, alive, dead or done.
    fn job(&self, id: &JobId) -> BoxFuture<'_, Result<Option<JobView>, StoreError>>;

    /// The newest dead letter with this id.
    fn dead(&self, id: &JobId) -> BoxFuture<'_, Result<Option<JobView>, StoreError>>;

    /// Jobs of one state in order of acceptance.
    fn list(&self, request: PageRequest) -> BoxFuture<'_, Result<Page, StoreError>>;

    /// Puts a dead letter back and removes its file.
    fn revive(&self, id: &JobId) -> BoxFuture<'_, Result<Revived, StoreError>>;

    /// Removes a dead letter and its file for good; false if there is none.
    fn purge(&self, id: &JobId) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// The first so many schedules, in order of files and lines, and the files that they come from.
    fn schedules(&self, max: usize) -> BoxFuture<'_, Result<SchedulesView, StoreError>>;

    /// The schedule with this id.
    fn schedule(&self, id: &str) -> BoxFuture<'_, Result<Option<ScheduleView>, StoreError>>;

    /// Has a schedule do something.
    fn change_schedule(
        &self,
        id: &str,
        action: ScheduleAction,
    ) -> BoxFuture<'_, Result<ScheduleChanged, StoreError>>;

    /// Whether the process works at all; the error says why not.
    fn health(&self) -> Result<(), String>;

    /// What must hold for this daemon to be given work, each with its state.
    fn readiness(&self) -> Vec<ReadyCheck>;
}

/// Everything at a glance.
#[derive(Debug, Clone)]
pub struct Overview {
    /// How many jobs there are.
    pub counts: Counts,
    /// Each lane of this daemon.
    pub lanes: Vec<LaneView>,
    /// Jobs at hand in this daemon, claimed but not started.
    pub prefetched: u64,
    /// Tasks handed in and not yet durable.
    pub admitting: u64,
    /// The kinds that this daemon runs.
    pub kinds: Vec<String>,
    /// Jobs given back because this daemon has no executor for their kind, by kind, since the start.
    pub unrunnable: Vec<(String, u64)>,
    /// Jobs ended since the start: succeeded, buried, cancelled.
    pub ended: (u64, u64, u64),
    /// Failed attempts that were followed by another one, since the start.
    pub retried: u64,
    /// Leases lost since the start.
    pub lost: u64,
    /// How long after their due time attempts started, in microseconds, since the start.
    pub start_lag: Histogram,
    /// The figures of each kind that this daemon runs, by name, since the start.
    pub by_kind: Vec<KindFigures>,
    /// Fire times of schedules that gave no job, by reason, since the start.
    pub fires_given_up: Vec<(&'static str, u64)>,
    /// The way in that reads a log, if there is one.
    pub feed: Option<FeedView>,
    /// The store.
    pub store: StoreStats,
    /// The daemons that share the store, this one first; of very many only some.
    pub daemons: Vec<DaemonView>,
    /// Time since the start.
    pub uptime: Duration,
}

/// What became of the jobs of one kind.
#[derive(Debug, Clone)]
pub struct KindFigures {
    /// The kind.
    pub kind: String,
    /// Jobs accepted, by the door that they came in.
    pub accepted: Vec<(Door, u64)>,
    /// Attempts that succeeded.
    pub succeeded: u64,
    /// Attempts that were the last: the job lies dead.
    pub buried: u64,
    /// Attempts that ended because the job was cancelled.
    pub cancelled: u64,
    /// Attempts that failed and are followed by another one.
    pub retried: u64,
    /// How long attempts ran, in microseconds.
    pub run_time: Histogram,
}

/// A lane at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneView {
    /// Its number.
    pub lane: Lane,
    /// What it does.
    pub state: LaneState,
    /// Ready jobs that are confined to lanes and may run on this one.
    pub waiting: u64,
}

/// What a lane does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaneState {
    /// Waits for work.
    Idle,
    /// Runs an attempt of this job, since then.
    Running(JobId, u32, Timestamp),
    /// Runs an attempt that should have returned long ago.
    Stuck(JobId, u32, Timestamp),
}

/// A daemon at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonView {
    /// What it tells of itself.
    pub member: Member,
    /// When it told last.
    pub beat_at: Timestamp,
    /// How long ago that is.
    pub silent: Duration,
    /// It is the one that was asked.
    pub is_this: bool,
    /// It should have told again by now.
    pub is_gone: bool,
}

/// One condition of readiness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyCheck {
    /// Of what.
    pub name: &'static str,
    /// Whether it holds.
    pub ok: bool,
    /// Why not, or a warning.
    pub reason: String,
}

impl Overview {
    /// How many jobs are in this state.
    pub fn count(&self, state: State) -> u64 {
        match state {
            State::Delayed => self.counts.delayed,
            State::Ready => self.counts.ready,
            State::Running => self.counts.running,
            State::Retrying => self.counts.retrying,
            State::Dead => self.counts.dead,
            State::Done => self.counts.done,
        }
    }
}
