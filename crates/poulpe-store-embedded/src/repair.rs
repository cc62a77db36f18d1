//! The repair of a damaged store: copies what can be read into a new directory, and lists what can't. Never writes into
//! the damaged one; that may be the only copy of what somebody can still get out of it.

use crate::check::check;
use crate::disk::{self, Disk, RealDisk};
use crate::error::{OpenError, RepairError};
use crate::latest::{Fate, Latest, Newest};
use crate::lock::{self, DirLock};
use crate::readable::{Hole, Readable};
use crate::record::{self, Logged};
use crate::report::{Advance, CheckReport, Lost, RepairReport};
use crate::rescue::{Between, rescue};
use crate::rewrite::Rewriter;
use crate::segment::{self, Segment};
use crate::snapshot::Snapshot;
use crate::{format, marks};
use poulpe_store::{Limits, TimeSource};
use std::collections::HashMap;
use std::io;
use std::path::Path;

/// Copies what can be read of the store in `dir` to `into`, which must be new or empty.
pub fn repair(
    dir: &Path,
    into: &Path,
    time: &dyn TimeSource,
    progress: &mut dyn FnMut(Advance),
) -> Result<RepairReport, RepairError> {
    is_usable(dir, into)?;
    let _lock = DirLock::take_to_read(dir)?;
    let snapshot = Snapshot::take(dir)?;
    let mut repair = Repair {
        snapshot: &snapshot,
        latest: Latest {
            next_job: 1,
            by_id: Some(HashMap::new()),
            ..Latest::default()
        },
        report: RepairReport {
            living: 0,
            dead: 0,
            ends: 0,
            checkpoints: 0,
            rescued_records: 0,
            may_run_again: 0,
            superseded: 0,
            lost: Vec::new(),
            made: CheckReport::default(),
        },
        lost_until: 0,
    };
    if let Err(OpenError::Damaged { offset, reason, .. }) = &snapshot.format {
        let hole = Hole {
            offset: *offset,
            len: 0,
            what: reason.clone(),
        };
        repair.lost(format::NAME.into(), hole, 0);
    }
    repair.read(progress)?;
    lock::create_dir(into)?;
    let made = DirLock::take(into)?;
    let failed = |error| OpenError::io(into, "write the copy", error);
    let disk = RealDisk::open(into).map_err(failed)?;
    repair.write(&disk).map_err(failed)?;
    drop(made);
    let Repair { mut report, .. } = repair;
    report.made = check(into, Limits::default(), time, &mut |_| {})?;
    Ok(report)
}

/// Refuses to write over anything, and into what is to be repaired.
fn is_usable(dir: &Path, into: &Path) -> Result<(), RepairError> {
    let into_path = || into.to_path_buf();
    let is_taken = match std::fs::read_dir(into) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    };
    if is_taken {
        return Err(RepairError::NotEmpty { into: into_path() });
    }
    let Ok(dir) = dir.canonicalize() else {
        // Reading it will tell what is wrong.
        return Ok(());
    };
    let absolute = std::path::absolute(into).unwrap_or_else(|_| into_path());
    let existing = absolute
        .ancestors()
        .find_map(|path| path.canonicalize().ok());
    if existing.is_some_and(|path| path.starts_with(dir)) {
        return Err(RepairError::Inside { into: into_path() });
    }
    Ok(())
}

struct Repair<'a> {
    snapshot: &'a Snapshot,
    latest: Latest,
    report: RepairReport,
    /// Frames with lower numbers than this may be among what was lost.
    lost_until: u64,
}

impl Repair<'_> {
    fn read(&mut self, progress: &mut dyn FnMut(Advance)) -> Result<(), OpenError> {
        let snapshot = self.snapshot;
        let all = snapshot.hot.iter().chain(&snapshot.cold);
        let mut advance = Advance {
            read_bytes: 0,
            total_bytes: all.map(|segment| segment.capacity).sum(),
        };
        let mut step = |bytes: &[u8]| {
            advance.read_bytes += bytes.len() as u64;
            progress(advance);
        };
        for cold in &snapshot.cold {
            let (bytes, readable) = snapshot.cold(cold)?;
            self.segment(cold, &bytes, readable, None);
            step(&bytes);
        }
        let mut number = 0;
        for (index, hot) in snapshot.hot.iter().enumerate() {
            let (bytes, readable) = snapshot.hot(index)?;
            let last = readable.frames.last().map(|at| at.header.sequence);
            self.segment(hot, &bytes, readable, Some(number));
            number = last.unwrap_or(number);
            step(&bytes);
        }
        Ok(())
    }

    /// Takes in a segment. `number` is that of the last frame before a hot one.
    fn segment(
        &mut self,
        segment: &Segment,
        bytes: &[u8],
        readable: Readable,
        number: Option<u64>,
    ) {
        let Readable { frames, holes, .. } = readable;
        for at in &frames {
            let (range, sequence) = (at.records(), at.header.sequence);
            let records = &bytes[range.clone()];
            let read = self
                .latest
                .frame(segment.id, sequence, range.start as u64, records);
            if let Err((offset, error)) = read {
                let hole = Hole {
                    offset,
                    len: range.end as u64 - offset,
                    what: error.to_string(),
                };
                self.lost(segment::name(segment.id), hole, 0);
                self.lost_until = self.lost_until.max(sequence.saturating_add(1));
            }
        }
        for hole in holes {
            let before = frames.iter().rfind(|at| at.offset < hole.offset);
            let after = frames
                .iter()
                .find(|at| at.offset >= hole.offset + hole.len.max(1));
            let between = match number {
                Some(number) => Between {
                    before: before.map_or(number, |at| at.header.sequence),
                    after: after.map_or(u64::MAX, |at| at.header.sequence),
                },
                None => Between {
                    before: 0,
                    after: u64::MAX,
                },
            };
            self.lost_until = self.lost_until.max(between.after);
            let rescued = self.rescue(segment.id, bytes, &hole, between);
            self.lost(segment::name(segment.id), hole, rescued);
        }
    }

    fn rescue(&mut self, id: u32, bytes: &[u8], hole: &Hole, between: Between) -> u64 {
        let range = hole.offset as usize..(hole.offset + hole.len) as usize;
        if range.is_empty() {
            return 0;
        }
        let mut count = 0;
        for found in rescue(bytes, range, id, between) {
            let (offset, rest) = (found.offset as u64, &bytes[found.offset..]);
            let noted = self.latest.record(id, found.number, offset, rest);
            count += u64::from(noted.is_ok());
        }
        count
    }

    fn lost(&mut self, file: String, hole: Hole, rescued_records: u64) {
        self.report.rescued_records += rescued_records;
        self.report.lost.push(Lost {
            file,
            offset: hole.offset,
            bytes: hole.len,
            rescued_records,
            what: hole.what,
        });
    }

    /// Writes what counts, in the order in which it was written first.
    fn write(&mut self, disk: &dyn Disk) -> io::Result<()> {
        let jobs = self.latest.jobs.iter();
        let jobs = jobs.map(|(sequence, newest)| (Some(*sequence), *newest));
        let checkpoints = self.latest.checkpoints.values();
        let mut all: Vec<(Option<u64>, Newest)> = jobs
            .chain(checkpoints.map(|newest| (None, *newest)))
            .filter(|(_, newest)| newest.fate != Fate::Removed)
            .collect();
        all.sort_unstable_by_key(|(_, newest)| (newest.number, newest.segment, newest.offset));
        let segments = self.snapshot.hot.iter().chain(&self.snapshot.cold);
        let segments: HashMap<u32, &Segment> = segments.map(|one| (one.id, &**one)).collect();
        let mut rewriter = Rewriter::start(disk, self.latest.next_job)?;
        let mut bytes = Vec::new();
        for (sequence, newest) in all {
            bytes.resize(newest.len as usize, 0);
            let segment = segments[&newest.segment];
            segment.file.read(&mut bytes, u64::from(newest.offset))?;
            if self.counts(sequence, newest, &bytes) {
                rewriter.add(&bytes)?;
            }
        }
        rewriter.finish()?;
        self.copy_marks(disk)?;
        format::write(disk)
    }

    /// Whether this record is to be copied; counts it.
    fn counts(&mut self, sequence: Option<u64>, newest: Newest, bytes: &[u8]) -> bool {
        let Some(sequence) = sequence else {
            self.report.checkpoints += 1;
            return true;
        };
        match newest.fate {
            Fate::Dead => self.report.dead += 1,
            Fate::Done => self.report.ends += 1,
            Fate::Removed => return false,
            Fate::Living => {
                if self.is_superseded(sequence, bytes) {
                    self.report.superseded += 1;
                    return false;
                }
                self.report.living += 1;
                self.report.may_run_again += u64::from(newest.number < self.lost_until);
            }
        }
        true
    }

    /// Whether a later job had the id of this one, which can be only if this one had ended.
    fn is_superseded(&self, sequence: u64, bytes: &[u8]) -> bool {
        let Ok((Logged::Put(_, record), _)) = record::decode(bytes) else {
            return false;
        };
        let by_id = self.latest.by_id.as_ref();
        let last = by_id.and_then(|by_id| by_id.get(&record.job.id));
        last.is_some_and(|last| *last > sequence)
    }

    /// Attempts that were running count as lost in the copy too. What can't be read of these files says nothing.
    fn copy_marks(&self, to: &dyn Disk) -> io::Result<()> {
        let Snapshot { disk, names, .. } = self.snapshot;
        for name in names.iter().filter(|name| marks::is_marks(name)) {
            let read = disk.open(name).and_then(|file| disk::contents(&*file));
            let Ok(bytes) = read else { continue };
            let file = to.create(name)?;
            file.write(&bytes, 0)?;
            file.sync()?;
        }
        Ok(())
    }
}
