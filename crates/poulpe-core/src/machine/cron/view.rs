//! What people see of schedules.

use super::cursor::Cursor;
use super::{CronDriver, Driven, job_id};
use crate::cron::ScheduleId;
use crate::{CURSOR_AHEAD, LastFire, ScheduleFileView, ScheduleView, SchedulesView};
use poulpe_job::Timestamp;

/// How many fire times are told ahead.
const NEXT: usize = 5;

impl CronDriver {
    /// All files and the first `max` schedules at a glance. Of last jobs only the names are known here.
    pub fn view(&self, now: Timestamp, max: usize) -> SchedulesView {
        let files = self.files.iter().map(|file| ScheduleFileView {
            name: file.name.clone(),
            missing: file.missing.clone(),
            problems: file.problems.clone(),
        });
        let schedules = self.schedules.iter().take(max);
        SchedulesView {
            files: files.collect(),
            schedules: schedules
                .map(|driven| self.view_driven(driven, now))
                .collect(),
            count: self.schedules.len(),
        }
    }

    /// One of the schedules at a glance.
    pub fn view_one(&self, id: &str, now: Timestamp) -> Option<ScheduleView> {
        let index = *self.by_id.get(&ScheduleId::new(id).ok()?)?;
        Some(self.view_driven(&self.schedules[index], now))
    }

    fn view_driven(&self, driven: &Driven, now: Timestamp) -> ScheduleView {
        driven.view(self.files[driven.file].name.clone(), now)
    }

    /// The schedules that won't fire for long because their cursor lies ahead of the clock.
    pub fn ahead(&self, now: Timestamp) -> usize {
        let schedules = self.schedules.iter();
        schedules
            .filter(|driven| is_ahead(&driven.cursor, now))
            .count()
    }
}

pub(super) fn is_ahead(cursor: &Cursor, now: Timestamp) -> bool {
    cursor.driven_to.since(now) > CURSOR_AHEAD
}

impl Driven {
    fn view(&self, file: String, now: Timestamp) -> ScheduleView {
        let Cursor {
            driven_to,
            is_paused,
            missed,
            skipped,
            last_skip,
            recent,
        } = &self.cursor;
        let ahead = is_ahead(&self.cursor, now).then(|| {
            "it was driven to a time that lies ahead of the clock, and fires nothing before that; if the clock is right, reset it".to_string()
        });
        let trouble = self.trouble().map(str::to_string).or(ahead);
        let fires = !is_paused && self.trouble().is_none();
        let next = self.entry.schedule.after(*driven_to, &self.entry.zone);
        ScheduleView {
            id: self.entry.id.to_string(),
            file,
            line: self.entry.line,
            text: self.entry.text.clone(),
            zone: self.entry.zone.name().into(),
            words: self.entry.schedule.describe(),
            next: next.take(if fires { NEXT } else { 0 }).collect(),
            is_paused: *is_paused,
            trouble,
            driven_to: self.stored.as_ref().map(|_| *driven_to),
            last: recent.last().map(|at| LastFire {
                at: *at,
                job: job_id(&self.entry.id, *at),
                state: None,
                result: None,
            }),
            missed: *missed,
            skipped: *skipped,
            last_skip: last_skip.map(|(at, reason)| (at, reason.as_str().into())),
        }
    }
}
