//! The log: appends frames at its tail and syncs them. Never looks at jobs. One writer appends and syncs batches; start
//! marks go to files of their own.

use crate::book::Book;
use crate::cleaner::Desk;
use crate::disk::{Disk, DiskFile};
use crate::figures::Figures;
use crate::frame::Draft;
use crate::marks::Marks;
use crate::record::ToWrite;
use crate::segment::{self, Place, Segment};
use crate::spare::Spare;
use poulpe_store::table::{StartMark, Write};
use poulpe_store::{StoreError, StoreResult, TimeSource};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tracing::error;

/// Where the next frame goes.
pub(crate) struct Tail {
    /// The segment in use.
    pub(crate) segment: Arc<Segment>,
    /// The end of its last frame.
    pub(crate) offset: u64,
    /// Everything before this offset is synced.
    pub(crate) synced: u64,
    /// The number of the next frame.
    pub(crate) sequence: u64,
    /// The sequence of the next job.
    pub(crate) next_job: u64,
}

/// The batch that is being written.
#[derive(Default)]
struct Batch {
    draft: Draft,
    /// Where in the frame each record is, and its length.
    spans: Vec<(u32, u32)>,
}

/// The segments, and the way into them.
pub(crate) struct Log {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) segment_bytes: u64,
    pub(crate) tail: Mutex<Tail>,
    pub(crate) book: Mutex<Book>,
    pub(crate) spare: Spare,
    pub(crate) desk: Desk,
    /// For the cleaner alone.
    pub(crate) next_cold: AtomicU32,
    /// Cleaning failed last time, which was told.
    pub(crate) is_unclean: AtomicBool,
    pub(crate) marks: Marks,
    pub(crate) figures: Figures,
    time: Arc<dyn TimeSource>,
    batch: Mutex<Batch>,
    /// One sync at a time: the system reports a failure to one caller only, and no other may take the next as success.
    one_sync: Mutex<()>,
    failed: OnceLock<StoreError>,
}

impl Log {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        segment_bytes: u64,
        tail: Tail,
        book: Book,
        next_cold: u32,
        marks: Marks,
        time: Arc<dyn TimeSource>,
    ) -> Self {
        Self {
            disk,
            segment_bytes,
            tail: Mutex::new(tail),
            book: Mutex::new(book),
            spare: Spare::new(),
            desk: Desk::default(),
            next_cold: AtomicU32::new(next_cold),
            is_unclean: AtomicBool::new(false),
            marks,
            figures: Figures::default(),
            time,
            batch: Mutex::default(),
            one_sync: Mutex::new(()),
            failed: OnceLock::new(),
        }
    }

    /// The error with which everything has been refused since a write or sync failed.
    pub(crate) fn health(&self) -> StoreResult<()> {
        self.failed.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Stops the store for good.
    pub(crate) fn fail(&self, reason: String) -> StoreError {
        let failure = StoreError::Failed(reason);
        if self.failed.set(failure.clone()).is_ok() {
            error!(%failure, "nothing more is accepted, handed out or settled; restart when the cause is gone");
        }
        self.failed.get().cloned().unwrap_or(failure)
    }

    /// Stops the store for good because the system failed it.
    pub(crate) fn fail_io(&self, what: &str, segment: u32, error: &io::Error) -> StoreError {
        let file = segment::name(segment);
        self.fail(format!("failed to {what} {file}: {error}"))
    }

    /// Writes records as one frame and syncs it; gives each one's place and length.
    pub(crate) fn write(&self, writes: &[Write<Place>]) -> StoreResult<Vec<(Place, u32)>> {
        let mut batch = lock(&self.batch);
        let Batch { draft, spans } = &mut *batch;
        draft.clear();
        spans.clear();
        for write in writes {
            let span = draft.add(&to_write(write));
            spans.push(
                span.map_err(|error| self.fail(format!("a record can't be written: {error}")))?,
            );
        }
        let checksum = draft.checksum();
        let mut tail = lock(&self.tail);
        if cfg!(mutant = "sync_after_answer") {
            self.sync(tail.segment.id, &*tail.segment.file)?;
        }
        tail.next_job = writes.iter().fold(tail.next_job, next_job_after);
        let offset = self.append(&mut tail, draft, checksum)?;
        let (segment, end) = (Arc::clone(&tail.segment), tail.offset);
        drop(tail);
        if cfg!(not(any(mutant = "no_sync", mutant = "sync_after_answer"))) {
            self.sync(segment.id, &*segment.file)?;
        }
        self.now_synced(&segment, end, writes);
        self.figures.batch(writes.len());
        let place = |&(start, len): &(u32, u32)| {
            let place = Place::new(&segment, offset as u32 + start, len);
            (place, len)
        };
        let places: Vec<_> = spans.iter().map(place).collect();
        self.enter(writes, &places);
        Ok(places)
    }

    /// Writes a start mark, without a sync: it survives the process.
    pub(crate) fn mark(&self, mark: StartMark) -> StoreResult<()> {
        self.health()?;
        self.marks
            .write(mark)
            .map_err(|error| self.fail(format!("failed to write a start mark: {error}")))?;
        self.figures.start_marks.fetch_add(1, Relaxed);
        Ok(())
    }

    /// Writes a frame at the tail; gives its offset.
    fn append(&self, tail: &mut Tail, draft: &mut Draft, checksum: u32) -> StoreResult<u64> {
        self.health()?;
        let size = draft.size();
        if tail.offset + size > tail.segment.capacity {
            self.rotate(tail, size)?;
        }
        let offset = tail.offset;
        let id = tail.segment.id;
        let bytes = draft.seal(checksum, id, tail.sequence, tail.synced);
        tail.segment
            .file
            .write(bytes, offset)
            .map_err(|error| self.fail_io("write", id, &error))?;
        tail.offset += size;
        tail.sequence += 1;
        self.figures.written_bytes.fetch_add(size, Relaxed);
        Ok(offset)
    }

    /// Syncs a segment's file.
    pub(crate) fn sync(&self, id: u32, file: &dyn DiskFile) -> StoreResult<()> {
        let _turn = lock(&self.one_sync);
        self.health()?;
        let before = self.time.monotonic();
        file.sync()
            .map_err(|error| self.fail_io("sync", id, &error))?;
        self.figures.sync(self.time.monotonic() - before);
        Ok(())
    }

    /// Enters into the book what these writes replace or end.
    fn enter(&self, writes: &[Write<Place>], places: &[(Place, u32)]) {
        let mut book = lock(&self.book);
        for (write, (now, _)) in writes.iter().zip(places) {
            match write {
                Write::Put {
                    sequence,
                    previous: Some(before),
                    ..
                } => book.replaced(*sequence, before, now, false),
                Write::End {
                    sequence,
                    previous: Some(before),
                    ..
                } => book.replaced(*sequence, before, now, true),
                Write::Checkpoint {
                    previous: Some(before),
                    ..
                } => book.depend(before.segment.id, now.segment.id),
                _ => {}
            }
        }
    }

    fn now_synced(&self, segment: &Segment, end: u64, writes: &[Write<Place>]) {
        let mut tail = lock(&self.tail);
        if tail.segment.id == segment.id {
            tail.synced = tail.synced.max(end);
        }
        drop(tail);
        // The later record tells all that the start mark told.
        self.marks.settled(writes.iter().filter_map(sequence));
    }

    /// Whether new jobs can be taken; see [`Spare::has_room`].
    pub(crate) fn has_room(&self) -> bool {
        let tail = lock(&self.tail);
        let left = tail.segment.capacity - tail.offset;
        let much_left = left > tail.segment.capacity / 4;
        drop(tail);
        self.spare.has_room(much_left)
    }
}

/// Locks; a panic elsewhere changes nothing about what is on disk.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn to_write(write: &Write<Place>) -> ToWrite<'_> {
    match write {
        Write::Put {
            sequence, record, ..
        } => ToWrite::Put(*sequence, record),
        Write::End { sequence, end, .. } => ToWrite::End(*sequence, end),
        Write::Checkpoint { name, value, .. } => ToWrite::Checkpoint(name, value),
    }
}

fn sequence(write: &Write<Place>) -> Option<u64> {
    match write {
        Write::Put { sequence, .. } | Write::End { sequence, .. } => Some(*sequence),
        Write::Checkpoint { .. } => None,
    }
}

fn next_job_after(next: u64, write: &Write<Place>) -> u64 {
    next.max(sequence(write).map_or(0, |sequence| sequence + 1))
}
