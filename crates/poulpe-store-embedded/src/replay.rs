//! Filling a table from frames. Never reads a file. Keeps book of what replaces and ends what, so that segments are
//! held as long as they were before the restart.

use crate::log::Kept;
use crate::record::{self, BadRecord, Logged};
use crate::segment::{Place, Segment};
use poulpe_store::Limits;
use poulpe_store::table::{Now, Table};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A table that is being filled, and what the log has to know.
pub(crate) struct Replay {
    pub(crate) table: Table<Place>,
    pub(crate) segments: BTreeMap<u32, Kept>,
    pub(crate) next_job: u64,
    now: Now,
    checkpoint_origins: HashMap<String, u32>,
}

impl Replay {
    pub(crate) fn new(limits: Limits, now: Now) -> Self {
        Self {
            table: Table::new(limits),
            segments: BTreeMap::new(),
            next_job: 1,
            now,
            checkpoint_origins: HashMap::new(),
        }
    }

    /// Reads the records of one frame. `offset` is where `records` start in the segment. The error comes with the
    /// offset of the bad record.
    pub(crate) fn frame(
        &mut self,
        segment: &Arc<Segment>,
        offset: u64,
        records: &[u8],
    ) -> Result<(), (u64, BadRecord)> {
        let mut at = 0;
        while at < records.len() {
            let here = offset + at as u64;
            let (logged, len) = record::decode(&records[at..]).map_err(|error| (here, error))?;
            let place = Place {
                segment: Arc::clone(segment),
                offset: here as u32,
                len,
            };
            self.record(logged, place);
            at += len as usize;
        }
        Ok(())
    }

    fn record(&mut self, logged: Logged, place: Place) {
        let (len, now, here) = (place.len, self.now, place.segment.id);
        match logged {
            Logged::Head(head) => self.next_job = self.next_job.max(head.next_job),
            Logged::Put(sequence, record) => {
                let before = self.table.restore_put(sequence, &record, place, len, now);
                self.replaced(sequence, before, here);
            }
            Logged::End(sequence, end) => {
                let before = self.table.restore_end(sequence, &end, place, len, now);
                self.replaced(sequence, before, here);
            }
            // Start marks have files of their own; one in the log would say the same.
            Logged::Start(mark) => self.table.restore_start(&mark),
            Logged::Checkpoint(name, value) => {
                let before = self.checkpoint_origins.insert(name.clone(), here);
                self.depend(before, here);
                self.table.restore_checkpoint(name, value, place);
            }
        }
    }

    fn replaced(&mut self, sequence: u64, before: Option<Place>, here: u32) {
        self.next_job = self.next_job.max(sequence + 1);
        self.depend(before.map(|before| before.segment.id), here);
    }

    fn depend(&mut self, before: Option<u32>, here: u32) {
        let Some(before) = before.filter(|before| *before != here) else {
            return;
        };
        if let Some(kept) = self.segments.get_mut(&here) {
            kept.depends_on.insert(before);
        }
    }
}
