//! Decides which fire times of which schedules become jobs, and when to look again. Does no I/O: whoever drives it loads
//! and writes what it asks for. A fire time is decided once, in the write that moves its schedule's cursor.

mod cursor;
mod decide;
mod load;
mod view;

pub use cursor::SkipReason;
pub use load::Loading;

use crate::cron::{Entry, Overlap, Problem, ScheduleId};
use crate::{FileContents, ScheduleAction, ScheduleFile};
use cursor::{Cursor, FileMark, cursor_name, decode, encode, mark_name};
use decide::decide;
use poulpe_job::{Due, JobId, Task, Timestamp};
use poulpe_store::{Accepted, Checkpoint, GroupAnswer};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

/// So long before a fire time its job is handed to the store, which holds it until then: the write is no part of its
/// lateness. Not for schedules that skip overlaps: whether the job before has ended is known at the fire time only.
const LEAD: Duration = Duration::from_millis(250);

/// How many schedules are decided at once.
const TICK_MAX: usize = 1_000;

/// Marks of files are renewed beside other writes when they are so old: where changed lines start after a crash.
const MARK_AGE: Duration = Duration::from_secs(60);

/// Why a schedule isn't driven whose cursor can't be read.
const UNREADABLE: &str =
    "how far it was driven was written by a newer poulpe; run that one, or reset the schedule";

/// How many jobs go to the store at once; one schedule may have more.
const JOBS_MAX: usize = 10_000;

/// Fires schedules.
#[derive(Debug, Default)]
pub struct CronDriver {
    files: Vec<File>,
    schedules: Vec<Driven>,
    by_id: HashMap<ScheduleId, usize>,
    /// When each is to be decided next.
    agenda: BTreeSet<(Timestamp, usize)>,
    /// Schedules and files whose checkpoint somebody else has moved, by its name.
    stale: BTreeSet<String>,
}

#[derive(Debug)]
struct File {
    name: String,
    missing: Option<String>,
    problems: Vec<Problem>,
    mark: Option<FileMark>,
    /// The mark as the store has it.
    stored: Option<Vec<u8>>,
    /// Its version has changed since the mark was written.
    needs_mark: bool,
}

#[derive(Debug)]
struct Driven {
    entry: Entry,
    /// Its place among the files.
    file: usize,
    cursor: Cursor,
    /// The cursor as the store has it.
    stored: Option<Vec<u8>>,
    /// The cursor must be written though nothing fires.
    needs_cursor: bool,
    /// The cursor in the store is of a newer poulpe.
    is_unreadable: bool,
    /// Why its task can't be run.
    refusal: Option<String>,
    /// Where it stands in the agenda.
    planned: Option<Timestamp>,
}

/// Something to write: jobs and the checkpoint that moves with them.
#[derive(Debug, Clone, PartialEq)]
pub struct Firing {
    /// What becomes jobs, in this order.
    pub tasks: Vec<Task>,
    /// Moves in the same write.
    pub checkpoint: Checkpoint,
    /// Fire times that were given up: how many, and why.
    pub given_up: Vec<(u64, SkipReason)>,
}

/// What a person's wish comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// This is to be written.
    Write(Firing),
    /// It can't be, and why.
    Refused(String),
    /// There is no such schedule.
    Unknown,
}

/// What became of a [`Firing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fired {
    /// It stands.
    Done,
    /// Another daemon, or a person, was first: the checkpoint is to be loaded again.
    Moved,
    /// The store has no room: to be tried again.
    Full,
}

impl CronDriver {
    /// When to look next; `None` if nothing will ever fire.
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.agenda.first().map(|(at, _)| *at)
    }

    /// The jobs that may still run, of schedules that are due and mustn't overlap, by schedule: the store is to be asked
    /// whether one lives.
    pub fn may_overlap(&self, now: Timestamp) -> Vec<(ScheduleId, Vec<JobId>)> {
        let due = self.due(now).map(|index| &self.schedules[index]);
        let mustn_t = due.filter(|driven| driven.entry.options.overlap == Overlap::Skip);
        let asked = mustn_t.filter(|driven| !driven.cursor.recent.is_empty());
        asked
            .map(|driven| {
                let recent = driven.cursor.recent.iter();
                let id = &driven.entry.id;
                (id.clone(), recent.map(|at| job_id(id, *at)).collect())
            })
            .collect()
    }

    /// What is to be written now. A schedule among `overlapping` has a job that lives.
    pub fn firings(&mut self, now: Timestamp, overlapping: &HashSet<ScheduleId>) -> Vec<Firing> {
        let due: Vec<usize> = self.due(now).collect();
        let mut firings = Vec::with_capacity(due.len());
        let mut jobs = 0;
        for index in &due {
            if jobs >= JOBS_MAX {
                break;
            }
            let overlaps = overlapping.contains(&self.schedules[*index].entry.id);
            match self.schedules[*index].fire(now, overlaps) {
                Some(firing) => {
                    jobs += firing.tasks.len();
                    firings.push(firing);
                }
                // The clock was set back since it was put there.
                None => self.plan(*index),
            }
        }
        let is_due = |index: &usize| due.contains(index);
        for (index, driven) in self.schedules.iter().enumerate() {
            if driven.needs_cursor && !is_due(&index) {
                firings.push(driven.write(&driven.cursor, Vec::new(), Vec::new()));
            }
        }
        let refresh = !firings.is_empty();
        firings.extend(self.marks(now, |file| {
            file.needs_mark || (refresh && file.is_mark_old(now))
        }));
        firings
    }

    /// The marks to write before the driver ends: up to when each file was driven, so that a line that is changed before
    /// the next start starts here.
    pub fn last_marks(&self, now: Timestamp) -> Vec<Firing> {
        self.marks(now, |file| file.missing.is_none())
    }

    /// Marks of files of which everything has been decided: one that told of more would hide a fire time after a crash.
    fn marks(&self, now: Timestamp, is_wanted: impl Fn(&File) -> bool) -> Vec<Firing> {
        let files = self.files.iter().enumerate();
        let wanted: Vec<(usize, &File)> = files.filter(|(_, file)| is_wanted(file)).collect();
        if wanted.is_empty() {
            return Vec::new();
        }
        let due = self.agenda.iter().take_while(|(at, _)| *at <= now);
        let behind: HashSet<usize> = due.map(|(_, i)| self.schedules[*i].file).collect();
        let decided = wanted
            .into_iter()
            .filter(|(index, _)| !behind.contains(index));
        decided
            .map(|(index, file)| {
                file.write(
                    now,
                    self.schedules.iter().filter(|driven| driven.file == index),
                )
            })
            .collect()
    }

    /// Takes what became of a firing.
    pub fn fired(&mut self, firing: &Firing, answer: &GroupAnswer) -> Fired {
        let Checkpoint {
            name,
            expected,
            next,
        } = &firing.checkpoint;
        match answer {
            GroupAnswer::Taken(accepted) if accepted.contains(&Accepted::Full) => Fired::Full,
            GroupAnswer::Taken(_) => {
                // Unless somebody here has written it since.
                if self.stored(name) == Some(expected) {
                    self.stale.remove(name);
                    self.take(name, Some(next.clone()));
                } else {
                    self.stale.insert(name.clone());
                }
                Fired::Done
            }
            GroupAnswer::CheckpointMoved => {
                self.stale.insert(name.clone());
                Fired::Moved
            }
        }
    }

    /// The checkpoints that somebody else has moved: each is to be loaded and told by [`reloaded`](Self::reloaded).
    pub fn stale(&self) -> Vec<String> {
        self.stale.iter().cloned().collect()
    }

    /// Takes a stale checkpoint as the store has it. Ignored if it was written from here meanwhile.
    pub fn reloaded(&mut self, name: &str, value: Option<Vec<u8>>) {
        if self.stale.remove(name) {
            self.take(name, value);
        }
    }

    /// Whether schedules don't fire for a reason that another daemon could take away, of which nothing here would tell:
    /// now and then [`doubt`](Self::doubt) has them looked at again.
    pub fn has_doubts(&self, now: Timestamp) -> bool {
        self.schedules.iter().any(|driven| driven.is_doubtful(now))
    }

    /// Has the schedules loaded again that don't fire for a reason that another daemon may have taken away.
    pub fn doubt(&mut self, now: Timestamp) {
        let schedules = self.schedules.iter();
        let doubtful = schedules.filter(|driven| driven.is_doubtful(now));
        self.stale
            .extend(doubtful.map(|driven| cursor_name(driven.entry.id.as_str())));
    }

    /// What a person wants of a schedule.
    pub fn change(&self, id: &str, action: ScheduleAction, now: Timestamp) -> Change {
        let id = ScheduleId::new(id).ok();
        let Some(index) = id.and_then(|id| self.by_id.get(&id)) else {
            return Change::Unknown;
        };
        let driven = &self.schedules[*index];
        // Anything but a reset would lose what the newer poulpe knows.
        if driven.is_unreadable && action != ScheduleAction::Reset {
            return Change::Refused(UNREADABLE.into());
        }
        let mut cursor = driven.cursor.clone();
        let mut tasks = Vec::new();
        match action {
            ScheduleAction::Run => {
                let time = run_time(now);
                cursor.ran(&[time]);
                let mut task = driven.entry.task(now);
                task.id = Some(job_id(&driven.entry.id, time));
                task.due = Due::NOW;
                tasks.push(task);
            }
            ScheduleAction::Pause => cursor.is_paused = true,
            ScheduleAction::Resume => {
                if cursor.is_paused {
                    cursor.driven_to = cursor.driven_to.max(now);
                }
                cursor.is_paused = false;
            }
            ScheduleAction::Reset => cursor.driven_to = now,
        }
        Change::Write(driven.write(&cursor, tasks, Vec::new()))
    }

    /// The schedules to decide now.
    fn due(&self, now: Timestamp) -> impl Iterator<Item = usize> {
        let due = self.agenda.iter().take_while(move |(at, _)| *at <= now);
        due.map(|(_, index)| *index).take(TICK_MAX)
    }

    /// The checkpoint of this name as the store was last known to have it; `None` if nothing here has it.
    fn stored(&self, name: &str) -> Option<&Option<Vec<u8>>> {
        if let Some(index) = self.index_of(name) {
            return Some(&self.schedules[index].stored);
        }
        Some(&self.files[self.file_of(name)?].stored)
    }

    /// The file whose mark has this name.
    fn file_of(&self, name: &str) -> Option<usize> {
        let mut files = self.files.iter();
        files.position(|file| mark_name(&file.name) == name)
    }

    fn index_of(&self, name: &str) -> Option<usize> {
        let id = name.strip_prefix("cron/")?;
        self.by_id.get(&ScheduleId::new(id).ok()?).copied()
    }

    /// Takes over what the store has.
    fn take(&mut self, name: &str, value: Option<Vec<u8>>) {
        if let Some(index) = self.index_of(name) {
            let driven = &mut self.schedules[index];
            let cursor = value.as_deref().and_then(decode);
            driven.is_unreadable = value.is_some() && cursor.is_none();
            if let Some(cursor) = cursor {
                driven.cursor = cursor;
                driven.needs_cursor = false;
            }
            driven.stored = value;
            self.plan(index);
            return;
        }
        let Some(index) = self.file_of(name) else {
            return;
        };
        let file = &mut self.files[index];
        file.mark = value.as_deref().and_then(decode);
        file.stored = value;
        self.files[index].needs_mark = !self.is_marked(index);
    }

    /// Whether the mark tells of this version of the file.
    fn is_marked(&self, file: usize) -> bool {
        let ids = self.schedules.iter().filter(|driven| driven.file == file);
        let ids = ids.map(|driven| driven.entry.id.as_str());
        let File { mark, missing, .. } = &self.files[file];
        missing.is_some() || mark.as_ref().is_some_and(|mark| ids.eq(mark.ids.iter()))
    }

    /// Puts a schedule into the agenda where it now belongs.
    fn plan(&mut self, index: usize) {
        let driven = &mut self.schedules[index];
        if let Some(planned) = driven.planned.take() {
            self.agenda.remove(&(planned, index));
        }
        if driven.cursor.is_paused || driven.trouble().is_some() {
            return;
        }
        let fire = driven.entry.next_after(driven.cursor.driven_to);
        driven.planned = fire.map(|fire| fire.before(driven.lead()));
        if let Some(planned) = driven.planned {
            self.agenda.insert((planned, index));
        }
    }
}

impl Driven {
    /// Why it can't be driven.
    fn trouble(&self) -> Option<&str> {
        if self.is_unreadable {
            return Some(UNREADABLE);
        }
        self.refusal.as_deref()
    }

    /// Whether it doesn't fire although it could, for all that its entry says.
    fn is_doubtful(&self, now: Timestamp) -> bool {
        self.cursor.is_paused || self.is_unreadable || view::is_ahead(&self.cursor, now)
    }

    /// How long before a fire time it may be decided.
    fn lead(&self) -> Duration {
        match self.entry.options.overlap {
            Overlap::Allow => LEAD,
            Overlap::Skip => Duration::ZERO,
        }
    }

    /// What becomes of the fire times up to now.
    fn fire(&self, now: Timestamp, overlaps: bool) -> Option<Firing> {
        let next_after = |after| self.entry.next_after(after);
        let horizon = now.after(self.lead());
        let misfire = self.entry.options.misfire;
        let from = self.cursor.driven_to;
        let decision = decide(&next_after, misfire, from, now, horizon)?;
        let mut cursor = self.cursor.clone();
        cursor.driven_to = decision.driven_to;
        cursor.missed += decision.missed;
        let mut given_up = Vec::new();
        if let Some(last) = decision.last_missed {
            cursor.last_skip = Some((last, SkipReason::Missed));
            given_up.push((decision.missed, SkipReason::Missed));
        }
        let mut fires = decision.fires;
        if self.entry.options.overlap == Overlap::Skip {
            // Of several that are late the first runs, and the others find that it hasn't ended.
            let skipped = fires.split_off(usize::from(!overlaps).min(fires.len()));
            if let Some(last) = skipped.last() {
                cursor.skipped += skipped.len() as u64;
                cursor.last_skip = Some((*last, SkipReason::Overlap));
                given_up.push((skipped.len() as u64, SkipReason::Overlap));
            }
        }
        cursor.ran(&fires);
        let tasks = fires.iter().map(|fire| self.entry.task(*fire));
        Some(self.write(&cursor, tasks.collect(), given_up))
    }

    fn write(&self, cursor: &Cursor, tasks: Vec<Task>, given_up: Vec<(u64, SkipReason)>) -> Firing {
        let checkpoint = Checkpoint {
            name: cursor_name(self.entry.id.as_str()),
            expected: self.stored.clone(),
            next: encode(cursor),
        };
        Firing {
            tasks,
            checkpoint,
            given_up,
        }
    }
}

impl File {
    /// Whether the mark tells of a time long ago, or ahead of the clock.
    fn is_mark_old(&self, now: Timestamp) -> bool {
        let Some(mark) = &self.mark else {
            return false;
        };
        now.since(mark.driven_to) > MARK_AGE || mark.driven_to.since(now) > MARK_AGE
    }

    fn write<'a>(&self, now: Timestamp, schedules: impl Iterator<Item = &'a Driven>) -> Firing {
        let mark = FileMark {
            driven_to: now,
            ids: schedules
                .map(|driven| driven.entry.id.to_string())
                .collect(),
        };
        let checkpoint = Checkpoint {
            name: mark_name(&self.name),
            expected: self.stored.clone(),
            next: encode(&mark),
        };
        Firing {
            tasks: Vec::new(),
            checkpoint,
            given_up: Vec::new(),
        }
    }
}

/// The id of a schedule's job. Fire times are whole seconds; others are times at which a person had it run.
fn job_id(schedule: &ScheduleId, at: Timestamp) -> JobId {
    if at.as_millis() % 1_000 == 0 {
        return schedule.job_id(at);
    }
    let text = format!("{schedule}@now-{}", at.as_millis());
    JobId::new(&text).unwrap_or_else(|_| schedule.job_id(at))
}

/// The time by which a run at a person's wish is known: never a whole second, which would be a fire time's.
fn run_time(now: Timestamp) -> Timestamp {
    let millis = now.as_millis();
    Timestamp::from_millis(millis + i64::from(millis % 1_000 == 0))
}
