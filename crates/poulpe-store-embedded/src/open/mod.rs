//! Opening: reads the log into a table, refuses damage, cuts what is torn. What was written without proof that it was
//! synced is written again and synced before anything is served: after a kill the page cache proves nothing.

mod cold;
mod hot;

use crate::book::Kept;
use crate::disk::Disk;
use crate::error::OpenError;
use crate::frame::{self, Draft, Found};
use crate::log::{Log, Tail};
use crate::marks::Marks;
use crate::medium::LogMedium;
use crate::options::Options;
use crate::queue::Queue;
use crate::record::BadRecord;
use crate::replay::Replay;
use crate::rotate::{first_segment, head_frame};
use crate::scan::{self, Bad};
use crate::segment::{self, Segment};
use crate::{format, spare};
use poulpe_store::table::{Now, StartMark};
use poulpe_store::{TableStore, TimeSource};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tracing::info;

/// How large the first segment of a process is at most: quickly zeroed, and enough until the spare is ready.
const FIRST_BYTES: u64 = 4 * 1024 * 1024;

/// Frames that have to be written again: their records, and how many.
struct Carried {
    records: Vec<u8>,
    count: u32,
}

/// What the last segment ended with.
struct Tailing {
    /// Which segments are to be cut, and where: the last one, and those whose cut was interrupted by a crash.
    cuts: Vec<(u32, u64)>,
    carried: Vec<Carried>,
    /// The number of the next frame.
    sequence: u64,
}

/// Opens the log in a directory that is locked.
pub(crate) fn open(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    options: Options,
    time: Arc<dyn TimeSource>,
) -> Result<TableStore<LogMedium>, OpenError> {
    let opening = Opening { disk: &**disk, dir };
    let ids = opening.prepare()?;
    let now = Now {
        wall: time.wall(),
        mono: time.monotonic(),
    };
    let mut replay = Replay::new(options.limits, now);
    let (hot, cold) = ids.split_at(ids.partition_point(|id| !segment::is_cold(*id)));
    let id = hot.last().map_or(1, |last| last + 1);
    let next_cold = cold.last().map_or(segment::FIRST_COLD, |last| last + 1);
    let cold = opening.note_cold(cold, &mut replay)?;
    let tailing = opening.read(hot, &mut replay)?;
    let (segment, offset) = opening.carry(id, &tailing, &mut replay, options)?;
    opening.read_cold(&cold, &mut replay)?;
    let (marks, started) = opening.marks()?;
    let mut table = replay.table;
    for mark in &started {
        table.restore_start(mark);
    }
    table.restore_sequence(replay.next_job);
    let tail = Tail {
        segment,
        offset,
        synced: offset,
        sequence: tailing.sequence + 1 + tailing.carried.len() as u64,
        next_job: replay.next_job,
    };
    let log = Log::new(
        Arc::clone(disk),
        options.segment_size(),
        tail,
        replay.book,
        next_cold,
        marks,
        Arc::clone(&time),
    );
    let medium = LogMedium {
        log: Arc::new(log),
        queue: Queue::default(),
        place: dir.display().to_string(),
    };
    Ok(TableStore::new(table, medium, time))
}

struct Opening<'a> {
    disk: &'a dyn Disk,
    dir: &'a Path,
}

impl Opening<'_> {
    /// Checks the format, tidies up, and lists the segments in order.
    fn prepare(&self) -> Result<Vec<u32>, OpenError> {
        let names = self
            .disk
            .list()
            .map_err(|error| self.io("list the files", error))?;
        format::check(self.disk, self.dir, &names)?;
        for name in spare::LEFTOVERS {
            if names.iter().any(|other| other == name) {
                self.disk
                    .remove(name)
                    .map_err(|error| self.io("remove a half-made file", error))?;
            }
        }
        Ok(segment::ids(&names))
    }

    /// The start marks of the previous process, and the files for those of this one.
    fn marks(&self) -> Result<(Marks, Vec<StartMark>), OpenError> {
        let opened = self
            .disk
            .list()
            .and_then(|names| Marks::open(self.disk, &names));
        opened.map_err(|error| self.io("open the start marks", error))
    }

    /// Writes the unproven frames into a new segment, cuts them off the old one, and reads them.
    fn carry(
        &self,
        id: u32,
        tailing: &Tailing,
        replay: &mut Replay,
        options: Options,
    ) -> Result<(Arc<Segment>, u64), OpenError> {
        let mut drafts = vec![head_frame(replay.next_job)];
        for carried in &tailing.carried {
            let mut draft = Draft::default();
            draft.clear();
            draft.add_encoded(&carried.records, carried.count);
            drafts.push(draft);
        }
        let used: u64 = drafts.iter().map(Draft::size).sum();
        let mut frames = Vec::with_capacity(drafts.len());
        for (sequence, draft) in (tailing.sequence..).zip(&mut drafts) {
            let checksum = draft.checksum();
            // All of them are synced before the segment gets its name.
            frames.push(draft.seal(checksum, id, sequence, used).to_vec());
        }
        let room = options.segment_size().min(FIRST_BYTES);
        let (file, capacity) = first_segment(self.disk, id, &frames, room)
            .map_err(|error| self.io("make the next segment", error))?;
        for &(old, end) in &tailing.cuts {
            let old = self.segment(old, end)?;
            self.cut(&old, end)?;
        }
        let segment = Segment::new(id, file, capacity);
        let kept = Kept::new(&segment, 0);
        replay.book.segments.insert(id, kept);
        let mut offset = 0;
        for (number, frame) in (tailing.sequence..).zip(&frames) {
            self.replay(replay, &segment, number, offset, &frame[frame::HEADER..])?;
            offset += frame::padded(frame.len());
        }
        if !tailing.carried.is_empty() {
            info!(
                frames = tailing.carried.len(),
                "wrote the unproven end of the log again"
            );
        }
        Ok((segment, used))
    }

    fn replay(
        &self,
        replay: &mut Replay,
        segment: &Arc<Segment>,
        number: u64,
        offset: u64,
        records: &[u8],
    ) -> Result<(), OpenError> {
        replay
            .frame(segment, number, offset + frame::HEADER as u64, records)
            .map_err(|(offset, error)| self.bad_record(segment.id, offset, &error))
    }

    fn bad_record(&self, id: u32, offset: u64, error: &BadRecord) -> OpenError {
        match error {
            BadRecord::Newer(version) => self.newer(*version),
            error => self.damaged(id, offset, error.to_string()),
        }
    }

    /// The number of a segment's first frame, which was synced before the segment got its name.
    fn first_sequence(&self, id: u32) -> Result<u64, OpenError> {
        let file = self.disk.open(&segment::name(id));
        let first = file.and_then(|file| scan::first(&*file));
        match first.map_err(|error| self.io("read a segment", error))? {
            Found::Frame(header) if header.segment == id => Ok(header.sequence),
            Found::Newer(version) => Err(self.newer(version)),
            _ => Err(self.damaged(id, 0, "the first frame can't be read".into())),
        }
    }

    fn segment(&self, id: u32, capacity: u64) -> Result<Arc<Segment>, OpenError> {
        let file = self
            .disk
            .open(&segment::name(id))
            .map_err(|error| self.io("open a segment", error))?;
        Ok(Segment::new(id, file, capacity))
    }

    fn cut(&self, segment: &Segment, end: u64) -> Result<(), OpenError> {
        let cut = segment.file.set_len(end).and_then(|()| segment.file.sync());
        cut.map_err(|error| self.io("cut a segment", error))
    }

    fn io(&self, what: &'static str, error: io::Error) -> OpenError {
        OpenError::io(self.dir, what, error)
    }

    fn bad(&self, id: u32, bad: Bad) -> OpenError {
        match bad {
            Bad::Newer(version) => self.newer(version),
            Bad::Damaged { offset, reason } => self.damaged(id, offset, reason),
        }
    }

    fn newer(&self, version: u8) -> OpenError {
        OpenError::Newer {
            dir: self.dir.to_path_buf(),
            found: u32::from(version),
            known: u32::from(frame::VERSION),
        }
    }

    fn damaged(&self, id: u32, offset: u64, reason: String) -> OpenError {
        OpenError::Damaged {
            file: self.dir.join(segment::name(id)),
            offset,
            reason,
        }
    }
}
