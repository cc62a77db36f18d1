//! From the files as they are now to schedules that go on where they were: what must be loaded first, and where a schedule
//! starts that wasn't there before.

use super::cursor::{Cursor, FileMark, cursor_name, decode, mark_name};
use super::{CronDriver, Driven, File, FileContents, LEAD, ScheduleFile};
use crate::cron::{Entry, ScheduleId};
use poulpe_job::{Task, Timestamp};
use std::collections::HashMap;
use std::time::Duration;

/// Files that are about to replace those of a driver.
#[derive(Debug)]
pub struct Loading {
    files: Vec<ScheduleFile>,
    loaded: HashMap<String, Option<Vec<u8>>>,
}

impl Loading {
    /// These files instead of those before.
    pub fn new(files: Vec<ScheduleFile>) -> Self {
        Self {
            files,
            loaded: HashMap::new(),
        }
    }

    /// The files.
    pub fn files(&self) -> &[ScheduleFile] {
        &self.files
    }

    /// Gives the files back.
    pub fn into_files(self) -> Vec<ScheduleFile> {
        self.files
    }

    /// The checkpoints to load next; none if everything is there.
    pub fn wanted(&self, driver: &CronDriver) -> Vec<String> {
        let read = self.files.iter().filter(|file| entries(file).is_some());
        let marks: Vec<String> = read.clone().map(|file| mark_name(&file.name)).collect();
        let unknown = |name: &String| !self.loaded.contains_key(name);
        let wanted: Vec<String> = marks.into_iter().filter(unknown).collect();
        if !wanted.is_empty() {
            return wanted;
        }
        let mut wanted = Vec::new();
        for file in read {
            let own = entries(file).into_iter().flatten();
            wanted.extend(own.map(|entry| cursor_name(entry.id.as_str())));
            let before = self.mark(&file.name).into_iter().flat_map(|mark| mark.ids);
            wanted.extend(before.map(|id| cursor_name(&id)));
        }
        // What is driven already is known here, and maybe better: a write may be on its way.
        wanted.retain(|name| unknown(name) && driver.stored(name).is_none());
        wanted
    }

    /// Takes a checkpoint as the store has it.
    pub fn loaded(&mut self, name: String, value: Option<Vec<u8>>) {
        self.loaded.insert(name, value);
    }

    fn mark(&self, file: &str) -> Option<FileMark> {
        decode(self.loaded.get(&mark_name(file))?.as_deref()?)
    }
}

fn entries(file: &ScheduleFile) -> Option<&[Entry]> {
    match &file.contents {
        FileContents::Read { entries, .. } => Some(entries),
        FileContents::Missing(_) => None,
    }
}

impl CronDriver {
    /// Drives these files from now on. `check` says why a task can't be run.
    pub fn set(
        &mut self,
        loading: Loading,
        now: Timestamp,
        check: &dyn Fn(&Task) -> Result<(), String>,
    ) {
        let before: HashMap<String, Timestamp> = (loading.files.iter())
            .filter_map(|file| Some((file.name.clone(), self.driven_to(&loading, file, now)?)))
            .collect();
        let Loading { files, mut loaded } = loading;
        let old = std::mem::take(self);
        let mut known: HashMap<ScheduleId, Driven> = (old.schedules.into_iter())
            .map(|driven| (driven.entry.id.clone(), driven))
            .collect();
        for file in files {
            let stored = loaded.remove(&mark_name(&file.name)).flatten();
            let mark: Option<FileMark> = stored.as_deref().and_then(decode);
            let is_twice = self.files.iter().any(|known| known.name == file.name);
            let contents = if is_twice {
                FileContents::Missing("another file has this name".into())
            } else {
                file.contents
            };
            let (entries, problems, missing) = match contents {
                FileContents::Read { entries, problems } => (entries, problems, None),
                FileContents::Missing(reason) => (Vec::new(), Vec::new(), Some(reason)),
            };
            let index = self.files.len();
            for entry in entries {
                let name = cursor_name(entry.id.as_str());
                let driven = match known.remove(&entry.id) {
                    Some(driven) => Driven { entry, ..driven },
                    None => {
                        let was_there = mark
                            .as_ref()
                            .filter(|mark| mark.ids.iter().any(|id| id == entry.id.as_str()));
                        let start = match was_there {
                            Some(mark) => Start::GoesOn(mark.driven_to.min(now)),
                            None => Start::IsNew(before.get(&file.name).copied().unwrap_or(now)),
                        };
                        Driven::new(entry, loaded.remove(&name).flatten(), start)
                    }
                };
                self.add(
                    Driven {
                        file: index,
                        ..driven
                    },
                    check,
                );
            }
            self.files.push(File {
                name: file.name,
                missing,
                problems,
                mark,
                stored,
                needs_mark: false,
            });
            self.files[index].needs_mark = !self.is_marked(index);
        }
        self.stale = old.stale;
        self.stale.retain(|name| {
            self.by_id
                .keys()
                .any(|id| cursor_name(id.as_str()) == *name)
        });
    }

    fn add(&mut self, mut driven: Driven, check: &dyn Fn(&Task) -> Result<(), String>) {
        let index = self.schedules.len();
        driven.planned = None;
        driven.refusal = check(&driven.entry.task(Timestamp::default())).err();
        let id = driven.entry.id.clone();
        if self.by_id.contains_key(&id) {
            driven.refusal = Some(format!("another entry has the id {id}"));
            self.schedules.push(driven);
            return;
        }
        self.by_id.insert(id, index);
        self.schedules.push(driven);
        self.plan(index);
    }

    /// Up to when the version before of a file was driven; `None` if there was none.
    fn driven_to(
        &self,
        loading: &Loading,
        file: &ScheduleFile,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let is_it = |known: &File| known.name == file.name && known.missing.is_none();
        if let Some(index) = self.files.iter().position(is_it) {
            let of_it = self.schedules.iter().filter(|driven| driven.file == index);
            let mut latest = now;
            let mut behind: Option<Timestamp> = None;
            for driven in of_it {
                latest = latest.max(driven.cursor.driven_to);
                let undecided = driven.entry.next_after(driven.cursor.driven_to);
                let is_due = driven.planned.is_some_and(|planned| planned <= now);
                if let Some(fire) = undecided.filter(|_| is_due) {
                    let before = fire.before(Duration::from_millis(1));
                    behind = Some(behind.map_or(before, |other| other.min(before)));
                }
            }
            return Some(behind.unwrap_or(latest).min(now.after(LEAD)));
        }
        let mark = loading.mark(&file.name)?;
        let cursor = |id: &String| {
            let bytes = loading.loaded.get(&cursor_name(id))?.as_deref()?;
            decode::<Cursor>(bytes).map(|cursor| cursor.driven_to)
        };
        let latest = mark.ids.iter().filter_map(cursor).max();
        let start = latest.map_or(mark.driven_to, |latest| latest.max(mark.driven_to));
        // Not ahead of the clock, that of the last daemon may have been wrong.
        Some(start.min(now.after(LEAD)))
    }
}

/// Where a schedule starts that has no cursor in this process.
enum Start {
    /// The version before of its file had it: where its cursor is, or where the file was.
    GoesOn(Timestamp),
    /// It is new: after this, wherever an old cursor of it lies.
    IsNew(Timestamp),
}

impl Driven {
    fn new(entry: Entry, stored: Option<Vec<u8>>, start: Start) -> Self {
        let known: Option<Cursor> = stored.as_deref().and_then(decode);
        let is_unreadable = known.is_none() && stored.is_some();
        let (cursor, needs_cursor) = match (known, start) {
            (Some(cursor), Start::GoesOn(_)) => (cursor, false),
            (None, Start::GoesOn(at) | Start::IsNew(at)) => (Cursor::new(at), false),
            (Some(cursor), Start::IsNew(at)) => {
                // Written, or the next start would find the old one and make up for the time between.
                let is_behind = cursor.driven_to < at;
                let driven_to = cursor.driven_to.max(at);
                let cursor = Cursor {
                    driven_to,
                    ..cursor
                };
                (cursor, is_behind)
            }
        };
        Self {
            entry,
            file: 0,
            cursor,
            stored,
            needs_cursor,
            is_unreadable,
            refusal: None,
            planned: None,
        }
    }
}
