//! The audit of a store: reads all of it, checks every checksum, and looks whether what an opening would make of it
//! agrees with what is written. Changes nothing; the store may be in use.

use crate::error::OpenError;
use crate::latest::{Fate, Latest, Newest};
use crate::lock::{self, Holder};
use crate::readable::Readable;
use crate::record::{self, BadRecord, Logged};
use crate::replay::Replay;
use crate::report::{Advance, CheckReport, Problem};
use crate::segment::{self, Place, Segment};
use crate::snapshot::Snapshot;
use crate::{format, marks};
use poulpe_job::State;
use poulpe_store::table::{Now, Owner, Table};
use poulpe_store::{Limits, TimeSource};
use std::path::Path;
use std::sync::Arc;

/// Checks the store in a directory, and tells what it finds; an error means that it couldn't look. `limits` are those
/// that the store is opened with.
pub fn check(
    dir: &Path,
    limits: Limits,
    time: &dyn TimeSource,
    progress: &mut dyn FnMut(Advance),
) -> Result<CheckReport, OpenError> {
    let snapshot = Snapshot::take(dir)?;
    let now = Now {
        wall: time.wall(),
        mono: time.monotonic(),
    };
    let mut check = Check {
        snapshot: &snapshot,
        report: CheckReport::default(),
        replay: Replay::new(limits, now),
        latest: Latest::default(),
        progress,
        advance: Advance {
            read_bytes: 0,
            // Cold ones are read twice.
            total_bytes: bytes(&snapshot.hot) + 2 * bytes(&snapshot.cold),
        },
    };
    check.directory()?;
    check.segments()?;
    check.agreement(now)?;
    Ok(check.report)
}

struct Check<'a> {
    snapshot: &'a Snapshot,
    report: CheckReport,
    replay: Replay,
    latest: Latest,
    progress: &'a mut dyn FnMut(Advance),
    advance: Advance,
}

impl Check<'_> {
    /// What there is beside segments.
    fn directory(&mut self) -> Result<(), OpenError> {
        let Snapshot { dir, hot, cold, .. } = self.snapshot;
        match &self.snapshot.format {
            Ok(format) => self.report.format = *format,
            Err(OpenError::Damaged { offset, reason, .. }) => {
                let reason = reason.clone();
                self.problem(Some(format::NAME.into()), Some(*offset), reason);
            }
            Err(_) => self.problem(Some(format::NAME.into()), None, "it can't be read".into()),
        }
        if let Holder::Process(pid) = lock::holder(dir)? {
            self.report.in_use = true;
            self.report.pid = pid;
        }
        self.report.segments.hot = hot.len() as u64;
        self.report.segments.cold = cold.len() as u64;
        self.report.segments.bytes = bytes(hot) + bytes(cold);
        Ok(())
    }

    /// Reads all segments, in the order of an opening.
    fn segments(&mut self) -> Result<(), OpenError> {
        let snapshot = self.snapshot;
        for cold in &snapshot.cold {
            let (bytes, readable) = snapshot.cold(cold)?;
            self.found(cold.id, &readable);
            for at in &readable.frames {
                let (number, offset) = (at.header.sequence, at.records().start as u64);
                let records = &bytes[at.records()];
                let noted = self.replay.note_cold(cold.id, number, offset, records);
                let noted =
                    noted.and_then(|()| self.latest.frame(cold.id, number, offset, records));
                self.bad_record(cold.id, noted);
            }
            self.advance(bytes.len());
        }
        for (index, hot) in snapshot.hot.iter().enumerate() {
            let (bytes, readable) = snapshot.hot(index)?;
            self.found(hot.id, &readable);
            self.report.torn_bytes += readable.torn;
            for at in &readable.frames {
                let (number, offset) = (at.header.sequence, at.records().start as u64);
                let records = &bytes[at.records()];
                let read = self.replay.frame(hot, number, offset, records);
                let read = read.and_then(|()| self.latest.frame(hot.id, number, offset, records));
                self.bad_record(hot.id, read);
            }
            self.advance(bytes.len());
        }
        for cold in &snapshot.cold {
            let (bytes, readable) = snapshot.cold(cold)?;
            for at in &readable.frames {
                let (number, offset) = (at.header.sequence, at.records().start as u64);
                // What is wrong with it was said at the first reading.
                let records = &bytes[at.records()];
                drop(self.replay.cold_frame(cold, number, offset, records));
            }
            self.advance(bytes.len());
        }
        self.report.records = self.latest.counts;
        Ok(())
    }

    /// Whether the table that an opening fills and the records agree.
    fn agreement(&mut self, now: Now) -> Result<(), OpenError> {
        let marks = marks::look(&self.snapshot.disk, &self.snapshot.names)
            .map_err(|error| self.snapshot.io("read the start marks", error))?;
        self.report.start_marks = marks.len() as u64;
        for mark in &marks {
            self.replay.table.restore_start(mark);
        }
        self.report.jobs = self.replay.table.counts(now).into();
        for (name, figure) in self.replay.table.figures() {
            match name {
                "results" => self.report.results = figure,
                "result_bytes" => self.report.result_bytes = figure,
                _ => {}
            }
        }
        let segments = self.snapshot.hot.iter().chain(&self.snapshot.cold);
        self.report.segments.live_bytes = segments.map(|segment| segment.live()).sum();
        for what in self.replay.table.audit() {
            self.problem(None, None, what);
        }
        let mut counted = Vec::new();
        self.replay.table.each_counted(|one| {
            counted.push((one.owner, one.state, one.place.clone()));
        });
        // In the order of the disk.
        counted.sort_by_key(|(_, _, place)| (place.segment.id, place.offset));
        for (owner, state, place) in counted {
            self.report.checkpoints += u64::from(matches!(owner, Owner::Checkpoint(_)));
            self.counts(&owner, state, &place);
        }
        self.left_over();
        Ok(())
    }

    /// Whether a record that the index points at is the latest of its job.
    fn counts(&mut self, owner: &Owner, state: State, place: &Place) {
        let newest = match owner {
            // What is left behind isn't in the index.
            Owner::Job { sequence, .. } => self.latest.jobs.remove(sequence),
            Owner::Checkpoint(name) => self.latest.checkpoints.remove(name),
        };
        let fate = match state {
            State::Dead => Fate::Dead,
            State::Done if matches!(owner, Owner::Job { .. }) => Fate::Done,
            _ => Fate::Living,
        };
        let wrong = wrong(&self.replay.table, owner, fate, place, newest);
        if let Some(what) = wrong {
            let file = segment::name(place.segment.id);
            self.problem(Some(file), Some(u64::from(place.offset)), what);
        }
    }

    /// Jobs and checkpoints that the index should have, but hasn't.
    fn left_over(&mut self) {
        let jobs = self.latest.jobs.iter();
        let mut missing: Vec<(Newest, String)> = jobs
            .filter(|(_, newest)| matches!(newest.fate, Fate::Living | Fate::Dead))
            .map(|(sequence, newest)| (*newest, format!("job number {sequence}")))
            .collect();
        let checkpoints = self.latest.checkpoints.iter();
        missing.extend(checkpoints.map(|(name, newest)| (*newest, format!("checkpoint {name:?}"))));
        missing.sort_by_key(|(newest, _)| (newest.segment, newest.offset));
        for (newest, whose) in missing {
            let file = segment::name(newest.segment);
            let what =
                format!("{whose} is there by its latest record, but the index doesn't have it");
            self.problem(Some(file), Some(u64::from(newest.offset)), what);
        }
    }

    fn found(&mut self, id: u32, readable: &Readable) {
        self.report.frames += readable.frames.len() as u64;
        for hole in &readable.holes {
            let extent = match hole.len {
                0 => String::new(),
                len => format!(" ({len} bytes up to where the next can be read, or the end)"),
            };
            let what = format!("{}{extent}", hole.what);
            self.problem(Some(segment::name(id)), Some(hole.offset), what);
        }
    }

    fn bad_record(&mut self, id: u32, read: Result<(), (u64, BadRecord)>) {
        if let Err((offset, error)) = read {
            self.problem(Some(segment::name(id)), Some(offset), error.to_string());
        }
    }

    fn problem(&mut self, file: Option<String>, offset: Option<u64>, what: String) {
        self.report.problems.push(Problem { file, offset, what });
    }

    fn advance(&mut self, bytes: usize) {
        self.advance.read_bytes += bytes as u64;
        (self.progress)(self.advance);
    }
}

/// What is wrong with a record that the index points at.
fn wrong(
    table: &Table<Place>,
    owner: &Owner,
    fate: Fate,
    place: &Place,
    newest: Option<Newest>,
) -> Option<String> {
    let mut bytes = vec![0; place.len as usize];
    let read = place.segment.file.read(&mut bytes, u64::from(place.offset));
    if let Err(error) = read {
        return Some(format!("a record that counts can't be read: {error}"));
    }
    let logged = match record::decode(&bytes) {
        Ok((logged, _)) => logged,
        Err(error) => return Some(format!("a record that counts can't be read: {error}")),
    };
    let whose = match logged {
        Logged::Put(sequence, record) => table.owner(sequence, record.job.id.as_str()),
        Logged::End(sequence, end) => table.owner(sequence, end.id.as_str()),
        Logged::Checkpoint(name, _) => Owner::Checkpoint(name),
        Logged::Head(_) | Logged::Start(_) => {
            return Some("the index points at a record of another kind".into());
        }
    };
    if whose != *owner {
        return Some("the index points at the record of another job".into());
    }
    let Some(newest) = newest else {
        return Some("a job is in two states at once".into());
    };
    let is_latest = newest.checksum == record::checksum(&bytes) && newest.fate == fate;
    (!is_latest).then(|| {
        let file = segment::name(newest.segment);
        let offset = newest.offset;
        format!("the index points at a record that {file}, offset {offset}, has replaced")
    })
}

fn bytes(segments: &[Arc<Segment>]) -> u64 {
    segments.iter().map(|segment| segment.capacity).sum()
}
