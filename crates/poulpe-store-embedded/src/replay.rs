//! Filling a table from frames. Never reads a file. Keeps book of what replaces and ends what, so that segments are
//! held as long as they were before the restart.
//!
//! Hot segments tell a job's life in order, so the latest record is the last one read. Records in cold segments are
//! older than they look: each counts as written where it was written first, which is the number of its frame. So the
//! cold segments are noted first, then the hot ones are read, and then what of the cold ones still counts.

use crate::book::Book;
use crate::record::{self, BadRecord, Logged, Peeked};
use crate::segment::{Place, Segment};
use poulpe_store::Limits;
use poulpe_store::table::{Now, Table};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What is known of a job, or a checkpoint, with records in cold segments.
#[derive(Default)]
struct Noted {
    /// The number of the frame that its latest record was written in first.
    version: u64,
    /// The segment that has it.
    latest: u32,
    /// The cold segments that have records of it.
    copies: BTreeSet<u32>,
    /// Hot segments with records of it that were written before the latest.
    passed_over: BTreeSet<u32>,
}

/// A table that is being filled, and what the log has to know.
pub(crate) struct Replay {
    pub(crate) table: Table<Place>,
    pub(crate) book: Book,
    pub(crate) next_job: u64,
    now: Now,
    checkpoint_origins: HashMap<String, u32>,
    noted: HashMap<u64, Noted>,
    noted_checkpoints: HashMap<String, Noted>,
}

impl Replay {
    pub(crate) fn new(limits: Limits, now: Now) -> Self {
        Self {
            table: Table::new(limits),
            book: Book::default(),
            next_job: 1,
            now,
            checkpoint_origins: HashMap::new(),
            noted: HashMap::new(),
            noted_checkpoints: HashMap::new(),
        }
    }

    /// Notes what a frame of a cold segment is about. Before any other is read.
    pub(crate) fn note_cold(
        &mut self,
        segment: u32,
        number: u64,
        offset: u64,
        records: &[u8],
    ) -> Result<(), (u64, BadRecord)> {
        let walked = record::each(records, |_, rest| {
            let (peeked, len) = record::peek(rest)?;
            let noted = match peeked {
                Peeked::Job(sequence, _) => self.noted.entry(sequence).or_default(),
                Peeked::Checkpoint(name) => self.noted_checkpoints.entry(name.into()).or_default(),
                Peeked::Other => return Ok(len),
            };
            noted.copies.insert(segment);
            if number > noted.version {
                (noted.version, noted.latest) = (number, segment);
            }
            Ok(len)
        });
        walked.map_err(|(at, error)| (offset + at as u64, error))
    }

    /// Reads the records of one frame. `offset` is where `records` start in the segment. The error comes with the
    /// offset of the bad record.
    pub(crate) fn frame(
        &mut self,
        segment: &Arc<Segment>,
        number: u64,
        offset: u64,
        records: &[u8],
    ) -> Result<(), (u64, BadRecord)> {
        each(segment, offset, records, |logged, place| {
            self.hot(&logged, number, place);
        })
    }

    /// Reads what of a cold segment's frame still counts. After all hot ones.
    pub(crate) fn cold_frame(
        &mut self,
        segment: &Arc<Segment>,
        number: u64,
        offset: u64,
        records: &[u8],
    ) -> Result<(), (u64, BadRecord)> {
        each(segment, offset, records, |logged, place| {
            self.cold(&logged, number, place);
        })
    }

    /// Takes a record of a hot segment; in order.
    pub(crate) fn hot(&mut self, logged: &Logged, number: u64, place: Place) {
        let here = place.segment.id;
        match logged {
            Logged::Head(head) => self.next_job = self.next_job.max(head.next_job),
            // Start marks have files of their own; one in the log would say the same.
            Logged::Start(mark) => self.table.restore_start(mark),
            Logged::Put(sequence, _) | Logged::End(sequence, _) => {
                let (sequence, is_end) = (*sequence, matches!(logged, Logged::End(..)));
                self.next_job = self.next_job.max(sequence + 1);
                if let Some(noted) = self.noted.get_mut(&sequence) {
                    if noted.is_newer(number) {
                        noted.passed_over.insert(here);
                        self.book.depend(here, noted.latest);
                        return;
                    }
                    (noted.version, noted.latest) = (number, here);
                    for before in std::mem::take(&mut noted.passed_over) {
                        self.book.depend(before, here);
                    }
                    let end = is_end.then_some(&place);
                    self.book.owe(sequence, noted.copies.clone(), end);
                }
                let before = self.restore(logged, place);
                if let Some(before) = before {
                    self.book.depend(before.segment.id, here);
                }
            }
            Logged::Checkpoint(name, _) => {
                if let Some(before) = self.checkpoint_origins.insert(name.clone(), here) {
                    self.book.depend(before, here);
                }
                if let Some(noted) = self.noted_checkpoints.get_mut(name) {
                    if noted.is_newer(number) {
                        self.book.depend(here, noted.latest);
                        return;
                    }
                    (noted.version, noted.latest) = (number, here);
                }
                self.restore(logged, place);
            }
        }
    }

    fn cold(&mut self, logged: &Logged, number: u64, place: Place) {
        let here = place.segment.id;
        let is_latest = |noted: Option<&Noted>| {
            noted.is_some_and(|noted| noted.version == number && noted.latest == here)
        };
        match logged {
            Logged::Put(sequence, _) | Logged::End(sequence, _) => {
                let noted = self.noted.get(sequence);
                if !is_latest(noted) {
                    return;
                }
                let is_end = matches!(logged, Logged::End(..));
                let copies = noted.into_iter().flat_map(|noted| &noted.copies);
                let stale: BTreeSet<u32> = copies.copied().filter(|id| *id != here).collect();
                let end = is_end.then_some(&place);
                self.book.owe(*sequence, stale, end);
                self.restore(logged, place);
            }
            Logged::Checkpoint(name, _) => {
                if is_latest(self.noted_checkpoints.get(name)) {
                    self.restore(logged, place);
                }
            }
            Logged::Head(_) | Logged::Start(_) => {}
        }
    }

    /// Gives the record that this one replaces or ends.
    fn restore(&mut self, logged: &Logged, place: Place) -> Option<Place> {
        let (len, now) = (place.len, self.now);
        match logged {
            Logged::Put(sequence, record) => {
                self.table.restore_put(*sequence, record, place, len, now)
            }
            Logged::End(sequence, end) => self.table.restore_end(*sequence, end, place, len, now),
            Logged::Checkpoint(name, value) => {
                let (name, value) = (name.clone(), value.clone());
                self.table.restore_checkpoint(name, value, place);
                None
            }
            Logged::Head(_) | Logged::Start(_) => None,
        }
    }
}

impl Noted {
    /// Whether something later than what was written in this frame, or a copy of it, is known.
    fn is_newer(&self, number: u64) -> bool {
        self.version >= number
    }
}

/// A record that was read.
pub(crate) struct Decoded {
    pub(crate) logged: Logged,
    /// The number of its frame.
    pub(crate) number: u64,
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

fn each(
    segment: &Arc<Segment>,
    offset: u64,
    records: &[u8],
    mut take: impl FnMut(Logged, Place),
) -> Result<(), (u64, BadRecord)> {
    let walked = record::each(records, |at, rest| {
        let (logged, len) = record::decode(rest)?;
        take(logged, Place::new(segment, offset as u32 + at as u32, len));
        Ok(len)
    });
    walked.map_err(|(at, error)| (offset + at as u64, error))
}
