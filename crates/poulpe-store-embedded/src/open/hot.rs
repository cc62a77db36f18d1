//! Reading hot segments. One thread reads, judges and decodes them, another fills the table: each takes about as long.

use super::{Carried, Opening, Tailing};
use crate::book::Kept;
use crate::error::OpenError;
use crate::record;
use crate::replay::{Decoded, Replay};
use crate::scan::{self, At, Next};
use crate::segment::{self, Place, Segment};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use tracing::warn;

/// How many records are handed over at once.
const CHUNK: usize = 256;

/// How many such chunks may wait: enough that neither side waits for the other, but for long.
const CHUNKS_AHEAD: usize = 16;

/// What the table is to be filled with, in order.
enum Part {
    /// A segment, whose frames end here.
    Segment(Arc<Segment>, u64),
    /// Records of it.
    Records(Vec<Decoded>),
}

/// Hands parts over; nobody wants more once the other side has met an error.
struct Giver<'a> {
    to: &'a SyncSender<Part>,
    /// What the other side is done with: memory goes fastest where it came from.
    used: &'a Receiver<Vec<Decoded>>,
    chunk: Vec<Decoded>,
}

impl Giver<'_> {
    fn segment(&mut self, segment: &Arc<Segment>, end: u64) {
        self.flush();
        let _ = self.to.send(Part::Segment(Arc::clone(segment), end));
    }

    fn record(&mut self, decoded: Decoded) {
        self.chunk.push(decoded);
        if self.chunk.len() == CHUNK {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.used.try_iter().for_each(drop);
        let full = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        let _ = self.to.send(Part::Records(full));
    }
}

impl Opening<'_> {
    /// Reads all segments into the table, but for the unproven end of the last one.
    pub(super) fn read(&self, ids: &[u32], replay: &mut Replay) -> Result<Tailing, OpenError> {
        std::thread::scope(|scope| {
            let (give, take) = sync_channel(CHUNKS_AHEAD);
            let (give_back, used) = channel();
            let reader = scope.spawn(move || self.decode(ids, &give, &used));
            let mut current = None;
            for part in take {
                match part {
                    Part::Segment(segment, end) => {
                        let kept = Kept::new(&segment, end);
                        replay.book.segments.insert(segment.id, kept);
                        current = Some(segment);
                    }
                    Part::Records(records) => {
                        let Some(segment) = &current else { continue };
                        for decoded in &records {
                            let place = Place::new(segment, decoded.offset, decoded.len);
                            replay.hot(&decoded.logged, decoded.number, place);
                        }
                        // If the reader has ended they go here.
                        let _ = give_back.send(records);
                    }
                }
            }
            reader
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn decode(
        &self,
        ids: &[u32],
        to: &SyncSender<Part>,
        used: &Receiver<Vec<Decoded>>,
    ) -> Result<Tailing, OpenError> {
        let mut firsts = Vec::with_capacity(ids.len());
        for id in ids {
            firsts.push(self.first_sequence(*id)?);
        }
        let mut tailing = Tailing {
            cuts: Vec::new(),
            carried: Vec::new(),
            sequence: 1,
        };
        let chunk = Vec::with_capacity(CHUNK);
        let mut giver = Giver { to, used, chunk };
        // One for all of them: fresh memory costs as much as reading.
        let mut bytes = Vec::new();
        for (index, &id) in ids.iter().enumerate() {
            let other = ids.get(index + 1).copied();
            let next = Next::of(id, other.zip(firsts.get(index + 1).copied()));
            self.bytes(id, &mut bytes)?;
            let valid = scan::segment(&bytes, id, next).map_err(|bad| self.bad(id, bad))?;
            let (proven, unproven) = valid.frames.split_at(valid.proven);
            let end = proven.last().map_or(0, At::end);
            giver.segment(&self.segment(id, end)?, end);
            self.records(id, proven, &bytes, &mut giver)?;
            if bytes.len() as u64 > end {
                tailing.cuts.push((id, end));
            }
            if next != Next::Nothing {
                continue;
            }
            if valid.torn > 0 {
                warn!(
                    segment = %segment::name(id),
                    offset = valid.frames.last().map_or(0, At::end),
                    bytes = valid.torn,
                    "cut a torn tail: what a crash left half written and was never acknowledged"
                );
            }
            tailing.carried = unproven.iter().map(|at| Carried::of(at, &bytes)).collect();
            tailing.sequence = proven.last().map_or(1, |at| at.header.sequence + 1);
        }
        giver.flush();
        Ok(tailing)
    }

    /// Decodes the records of frames.
    fn records(
        &self,
        id: u32,
        frames: &[At],
        bytes: &[u8],
        giver: &mut Giver<'_>,
    ) -> Result<(), OpenError> {
        for frame in frames {
            let range = frame.records();
            let start = range.start;
            let walked = record::each(&bytes[range], |at, rest| {
                let (logged, len) = record::decode(rest)?;
                giver.record(Decoded {
                    logged,
                    number: frame.header.sequence,
                    offset: (start + at) as u32,
                    len,
                });
                Ok(len)
            });
            walked.map_err(|(at, error)| self.bad_record(id, (start + at) as u64, &error))?;
        }
        Ok(())
    }

    fn bytes(&self, id: u32, bytes: &mut Vec<u8>) -> Result<(), OpenError> {
        let mut read = || {
            let file = self.disk.open(&segment::name(id))?;
            bytes.resize(file.len()? as usize, 0);
            file.read(bytes, 0)
        };
        read().map_err(|error| self.io("read a segment", error))
    }
}

impl Carried {
    fn of(at: &At, bytes: &[u8]) -> Self {
        Self {
            records: bytes[at.records()].to_vec(),
            count: at.header.records,
        }
    }
}
