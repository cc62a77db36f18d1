//! Reading cold segments. Each was synced as a whole before it got its name: whatever can't be read is damage.

use super::Opening;
use crate::book::Kept;
use crate::error::OpenError;
use crate::frames::{Frames, Trouble};
use crate::record::BadRecord;
use crate::replay::Replay;
use crate::segment::{self, Segment};
use std::sync::Arc;

impl Opening<'_> {
    /// Opens the cold segments and notes which jobs they are about. Before the hot ones are read.
    pub(super) fn note_cold(
        &self,
        ids: &[u32],
        replay: &mut Replay,
    ) -> Result<Vec<Arc<Segment>>, OpenError> {
        let mut cold = Vec::with_capacity(ids.len());
        for &id in ids {
            let segment = self.segment(id, u64::from(u32::MAX))?;
            let bytes = segment.file.len();
            let bytes = bytes.map_err(|error| self.io("read a segment", error))?;
            self.each_frame(&segment, bytes, |number, offset, records| {
                replay.note_cold(id, number, offset, records)
            })?;
            replay.book.segments.insert(id, Kept::new(&segment, bytes));
            cold.push(segment);
        }
        Ok(cold)
    }

    /// Reads what still counts of the cold segments. After the hot ones.
    pub(super) fn read_cold(
        &self,
        cold: &[Arc<Segment>],
        replay: &mut Replay,
    ) -> Result<(), OpenError> {
        for segment in cold {
            let kept = replay.book.segments.get(&segment.id);
            let bytes = kept.map_or(0, |kept| kept.bytes);
            self.each_frame(segment, bytes, |number, offset, records| {
                replay.cold_frame(segment, number, offset, records)
            })?;
        }
        Ok(())
    }

    fn each_frame(
        &self,
        segment: &Segment,
        bytes: u64,
        mut take: impl FnMut(u64, u64, &[u8]) -> Result<(), (u64, BadRecord)>,
    ) -> Result<(), OpenError> {
        let mut frames = Frames::of(&*segment.file, segment.id, bytes);
        while let Some(frame) = frames
            .next()
            .map_err(|error| self.trouble(segment, error))?
        {
            take(frame.header.sequence, frame.offset, frame.records)
                .map_err(|(offset, error)| self.bad_record(segment.id, offset, &error))?;
        }
        Ok(())
    }

    fn trouble(&self, segment: &Segment, trouble: Trouble) -> OpenError {
        match trouble {
            Trouble::Io(error) => self.io("read a segment", error),
            Trouble::Newer(version) => self.newer(version),
            Trouble::Bad(offset) => {
                let file = segment::name(segment.id);
                self.damaged(
                    segment.id,
                    offset,
                    format!("a frame of {file} can't be read"),
                )
            }
        }
    }
}
