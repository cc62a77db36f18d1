//! Writing a store anew, record by record, into an empty directory. The directory gets its format last: half of a store
//! can't be opened.

use crate::disk::{Disk, DiskFile};
use crate::frame::Draft;
use crate::rotate::{head_frame, name_segment};
use crate::spare::TAKEN;
use std::io;
use std::sync::Arc;

/// How much goes into one frame.
const FRAME: u64 = 1024 * 1024;

/// How much goes into one segment.
const SEGMENT: u64 = 64 * 1024 * 1024;

/// See the head of this file.
pub(crate) struct Rewriter<'a> {
    disk: &'a dyn Disk,
    next_job: u64,
    id: u32,
    file: Arc<dyn DiskFile>,
    /// The end of the last frame.
    offset: u64,
    /// The number of the next frame.
    sequence: u64,
    draft: Draft,
}

impl<'a> Rewriter<'a> {
    /// Starts the first segment. The next job of the store gets the sequence `next_job`.
    pub(crate) fn start(disk: &'a dyn Disk, next_job: u64) -> io::Result<Self> {
        let mut rewriter = Self {
            disk,
            next_job,
            id: 1,
            file: disk.create(TAKEN)?,
            offset: 0,
            sequence: 1,
            draft: head_frame(next_job),
        };
        rewriter.write_frame()?;
        Ok(rewriter)
    }

    /// Adds a record as it was written before.
    pub(crate) fn add(&mut self, record: &[u8]) -> io::Result<()> {
        self.draft.add_encoded(record, 1);
        if self.draft.size() < FRAME {
            return Ok(());
        }
        self.end_frame()
    }

    /// Makes all of it durable.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.end_frame()?;
        self.end_segment()
    }

    fn end_frame(&mut self) -> io::Result<()> {
        if self.draft.is_empty() {
            return Ok(());
        }
        if self.offset + self.draft.size() > SEGMENT {
            self.end_segment()?;
            self.id += 1;
            self.file = self.disk.create(TAKEN)?;
            self.offset = 0;
            let records = std::mem::replace(&mut self.draft, head_frame(self.next_job));
            self.write_frame()?;
            self.draft = records;
        }
        self.write_frame()
    }

    fn write_frame(&mut self) -> io::Result<()> {
        let size = self.draft.size();
        let checksum = self.draft.checksum();
        let end = self.offset + size;
        // The segment gets its name when all of it is synced.
        let bytes = self.draft.seal(checksum, self.id, self.sequence, end);
        self.file.write(bytes, self.offset)?;
        self.offset = end;
        self.sequence += 1;
        self.draft.clear();
        Ok(())
    }

    fn end_segment(&mut self) -> io::Result<()> {
        self.file.set_len(self.offset)?;
        self.file.sync()?;
        name_segment(self.disk, self.id)
    }
}
