//! The latest record of each job and checkpoint, by the numbers of their frames alone: a second opinion beside the
//! replay, and all that a repair copies. Never reads a file.

use crate::record::{self, BadRecord, Logged};
use crate::report::RecordCounts;
use poulpe_job::JobId;
use poulpe_store::table::Life;
use std::collections::HashMap;

/// What a job's latest record makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Living,
    Dead,
    /// It has ended, with a result.
    Done,
    /// It was a dead letter, and was removed.
    Removed,
}

/// A latest record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Newest {
    /// The number of the frame it was written in first.
    pub(crate) number: u64,
    /// Copies of a record have the same.
    pub(crate) checksum: u32,
    pub(crate) fate: Fate,
    pub(crate) segment: u32,
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

/// See the head of this file.
#[derive(Default)]
pub(crate) struct Latest {
    pub(crate) jobs: HashMap<u64, Newest>,
    pub(crate) checkpoints: HashMap<String, Newest>,
    pub(crate) counts: RecordCounts,
    /// The sequence of the next job.
    pub(crate) next_job: u64,
    /// The last job that had an id. Only for a repair, which has to know whose end was lost.
    pub(crate) by_id: Option<HashMap<JobId, u64>>,
}

impl Latest {
    /// Notes the records of a frame, cold ones first. Stops at one that can't be read.
    pub(crate) fn frame(
        &mut self,
        segment: u32,
        number: u64,
        offset: u64,
        records: &[u8],
    ) -> Result<(), (u64, BadRecord)> {
        let walked = record::each(records, |at, rest| {
            self.record(segment, number, offset + at as u64, rest)
        });
        walked.map_err(|(at, error)| (offset + at as u64, error))
    }

    /// Notes the record at the start of `bytes`; gives its length.
    pub(crate) fn record(
        &mut self,
        segment: u32,
        number: u64,
        offset: u64,
        bytes: &[u8],
    ) -> Result<u32, BadRecord> {
        let (logged, len) = record::decode(bytes)?;
        let newest = |fate| Newest {
            number,
            checksum: record::checksum(bytes),
            fate,
            segment,
            offset: offset as u32,
            len,
        };
        match logged {
            Logged::Head(head) => {
                self.counts.heads += 1;
                self.next_job = self.next_job.max(head.next_job);
            }
            Logged::Start(_) => self.counts.starts += 1,
            Logged::Put(sequence, record) => {
                self.counts.puts += 1;
                let fate = match record.life {
                    // One whose result is to be sent mustn't be lost either.
                    Life::Living | Life::Unsent { .. } => Fate::Living,
                    Life::Dead { .. } => Fate::Dead,
                };
                self.job(sequence, record.job.id, newest(fate));
            }
            Logged::End(sequence, end) => {
                self.counts.ends += 1;
                let has_result = end.result.is_some();
                let fate = if has_result {
                    Fate::Done
                } else {
                    Fate::Removed
                };
                self.job(sequence, end.id, newest(fate));
            }
            Logged::Checkpoint(name, _) => {
                self.counts.checkpoints += 1;
                let known = self.checkpoints.entry(name).or_insert(newest(Fate::Living));
                if number >= known.number {
                    *known = newest(Fate::Living);
                }
            }
        }
        Ok(len)
    }

    fn job(&mut self, sequence: u64, id: JobId, newest: Newest) {
        self.next_job = self.next_job.max(sequence.saturating_add(1));
        let known = self.jobs.entry(sequence).or_insert(newest);
        // Of two in one frame the later one.
        if newest.number >= known.number {
            *known = newest;
        }
        if let Some(by_id) = &mut self.by_id {
            let last = by_id.entry(id).or_insert(sequence);
            *last = sequence.max(*last);
        }
    }
}
