//! Writing a cold segment: the records that cleaning moves, byte for byte as they were, each still in a frame with the
//! number of the one that it came from. By that number an opening knows which of two records of a job is the later one.
//! The segment gets its name when all of it is synced, so it has no torn end, ever.

use crate::disk::{Disk, DiskFile};
use crate::frame::{self, Draft};
use crate::segment;
use std::io;
use std::sync::Arc;

/// A cold segment that is being made.
pub(crate) const DRAFT: &str = "cold.tmp";

/// See the head of this file.
pub(crate) struct ColdWriter {
    pub(crate) id: u32,
    pub(crate) file: Arc<dyn DiskFile>,
    /// The end of the last whole frame.
    pub(crate) end: u64,
    draft: Draft,
    /// Whole frames that haven't been written yet.
    pending: Vec<u8>,
}

impl ColdWriter {
    /// Starts in a file of the name [`DRAFT`].
    pub(crate) fn new(file: Arc<dyn DiskFile>, id: u32) -> Self {
        let mut draft = Draft::default();
        draft.clear();
        Self {
            id,
            file,
            end: 0,
            draft,
            pending: Vec::new(),
        }
    }

    /// Adds a record to the frame at hand; gives its offset in the segment. `None` if the segment would get too long.
    pub(crate) fn add(&mut self, record: &[u8]) -> Option<u32> {
        let offset = self.end + self.draft.len() as u64;
        let offset = u32::try_from(offset).ok()?;
        offset.checked_add(u32::try_from(record.len()).ok()?)?;
        self.draft.add_encoded(record, 1);
        Some(offset)
    }

    /// Ends the frame at hand, whose records come from the frame with this number.
    pub(crate) fn end_frame(&mut self, number: u64) {
        if self.draft.is_empty() {
            return;
        }
        let size = self.draft.size();
        let checksum = self.draft.checksum();
        let bytes = self.draft.seal(checksum, self.id, number, self.end + size);
        self.pending.extend_from_slice(bytes);
        self.end += size;
        let padding = frame::padded(self.pending.len()) as usize;
        self.pending.resize(padding, 0);
        self.draft.clear();
    }

    /// Writes and syncs what has gathered. Step by step: one sync of everything would keep the disk from the log.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.write()?;
        self.file.sync()
    }

    fn write(&mut self) -> io::Result<()> {
        let start = self.end - self.pending.len() as u64;
        self.file.write(&self.pending, start)?;
        self.pending.clear();
        Ok(())
    }

    /// Gives it its name, durably.
    pub(crate) fn finish(&mut self, disk: &dyn Disk) -> io::Result<()> {
        self.write()?;
        // It may have been a spare, which is longer.
        self.file.set_len(self.end)?;
        self.file.sync()?;
        disk.rename(DRAFT, &segment::name(self.id))?;
        disk.sync()
    }
}
