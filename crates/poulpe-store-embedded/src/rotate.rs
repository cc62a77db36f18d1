//! Going on in the next segment. Never leaves a segment behind that isn't whole: it is cut to its frames and synced
//! before the next one gets its name. Called under the lock of the tail.

use crate::book::Kept;
use crate::disk::{Disk, DiskFile};
use crate::frame::Draft;
use crate::log::{Log, Tail, lock};
use crate::record::{Head, ToWrite};
use crate::segment::{self, Segment};
use crate::spare::TAKEN;
use poulpe_store::StoreResult;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

impl Log {
    /// Ends the segment in use and starts the next, with room for a frame of `size`.
    pub(crate) fn rotate(&self, tail: &mut Tail, size: u64) -> StoreResult<()> {
        let old = &tail.segment;
        old.file
            .set_len(tail.offset)
            .map_err(|error| self.fail_io("cut", old.id, &error))?;
        self.sync(old.id, &*old.file)?;
        let id = old.id + 1;
        let mut head = head_frame(tail.next_job);
        let head_size = head.size();
        // One huge frame gets a segment of its own size. The spare stays for the next.
        let is_huge = head_size + size > self.segment_bytes;
        let file = if is_huge {
            self.disk.create(TAKEN)
        } else {
            self.spare.take(&*self.disk)?
        };
        let file = file.map_err(|error| self.fail_io("make", id, &error))?;
        let checksum = head.checksum();
        let bytes = head.seal(checksum, id, tail.sequence, head_size);
        file.write(bytes, 0)
            .map_err(|error| self.fail_io("write", id, &error))?;
        self.sync(id, &*file)?;
        name_segment(&*self.disk, id).map_err(|error| self.fail_io("name", id, &error))?;
        let capacity = self.segment_bytes.max(head_size + size);
        let capacity = if is_huge { head_size + size } else { capacity };
        let segment = Segment::new(id, file, capacity);
        let mut book = lock(&self.book);
        if let Some(kept) = book.segments.get_mut(&old.id) {
            kept.bytes = tail.offset;
        }
        book.segments.insert(id, Kept::new(&segment, 0));
        drop(book);
        tail.segment = segment;
        tail.offset = head_size;
        tail.synced = head_size;
        tail.sequence += 1;
        self.figures.rotations.fetch_add(1, Relaxed);
        Ok(())
    }
}

/// The frame that every segment starts with.
pub(crate) fn head_frame(next_job: u64) -> Draft {
    let mut draft = Draft::default();
    draft.clear();
    let added = draft.add(&ToWrite::Head(Head { next_job }));
    debug_assert!(added.is_ok(), "a head is a number");
    draft
}

/// Gives a file that has been written and synced its name as a segment, durably.
pub(crate) fn name_segment(disk: &dyn Disk, id: u32) -> io::Result<()> {
    disk.rename(TAKEN, &segment::name(id))?;
    if cfg!(mutant = "no_directory_sync") {
        return Ok(());
    }
    disk.sync()
}

/// The first segment of a process: what the previous one wrote without proof, synced. Smaller than others, so that the
/// start is quick; the spare is ready soon after.
pub(crate) fn first_segment(
    disk: &dyn Disk,
    id: u32,
    frames: &[Vec<u8>],
    room: u64,
) -> io::Result<(Arc<dyn DiskFile>, u64)> {
    let used: u64 = frames
        .iter()
        .map(|frame| crate::frame::padded(frame.len()))
        .sum();
    let capacity = used + room;
    let file = disk.create(TAKEN)?;
    crate::spare::zero(&*file, capacity, || false)?;
    let mut offset = 0;
    for frame in frames {
        file.write(frame, offset)?;
        offset += crate::frame::padded(frame.len());
    }
    file.sync()?;
    name_segment(disk, id)?;
    Ok((file, capacity))
}
