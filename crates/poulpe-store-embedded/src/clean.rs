//! Cleaning: moves what lives in sparse segments into a cold one, after which nothing counts in them any more. Works
//! beside the writer; only to begin, and to point the index at the copies, it takes a turn between two batches.
//!
//! **Invariant:** a victim goes only when every record in it that counts has a synced copy that the index points at.

use crate::book::{Cleaning, Kept};
use crate::cold::{self, ColdWriter};
use crate::disk::{self, DiskFile};
use crate::frames::{Frames, Trouble};
use crate::log::{Log, lock};
use crate::medium::LogMedium;
use crate::queue::Errand;
use crate::record::{self, Peeked};
use crate::segment::{self, Place, Segment};
use crate::spare;
use poulpe_store::table::{Owner, Table};
use poulpe_store::{Shared, StoreResult};
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tracing::{debug, warn};

/// How much is read between two pauses, at most.
const STEP: u64 = 1024 * 1024;

/// How many records are looked up, or pointed elsewhere, under one lock: some hundredths of a millisecond.
const CHUNK: usize = 64;

/// How many are pointed elsewhere between two batches: half a millisecond. A turn comes after a whole batch, so with few at a
/// time the cleaning would take as long as hundreds of batches.
const TURN: usize = 4_096;

/// What goes on beside a cleaning.
pub(crate) trait Around {
    /// Has something done while no batch is being written or made visible. False if the store is closing.
    fn between(&self, errand: Errand) -> bool;

    /// Gives way after a step that took so long. False if the store is closing.
    fn pause(&self, worked: Duration) -> bool;
}

/// What became of a cleaning.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// There was nothing worth it, no room, or no time.
    Nothing,
    /// Nothing counts any more in these segments.
    Done(Vec<u32>),
}

/// Why a cleaning ends early.
enum Stop {
    Closing,
    Io(&'static str, io::Error),
    Damage(u32, u64, String),
}

/// A record that was copied.
struct Move {
    owner: Owner,
    from: Place,
    to: Place,
}

/// A record of a victim.
struct Candidate<'a> {
    whose: Peeked<'a>,
    start: usize,
    len: u32,
}

/// Cleans some segments if it is worth it. For one thread at a time.
pub(crate) fn clean(shared: &Arc<Shared<LogMedium>>, around: &dyn Around) -> StoreResult<Outcome> {
    let log = &shared.medium.log;
    let victims = log.victims();
    if victims.is_empty() {
        return Ok(Outcome::Nothing);
    }
    let Some(into) = log.next_cold() else {
        return Ok(Outcome::Nothing);
    };
    let names: BTreeSet<u32> = victims.iter().map(|victim| victim.segment.id).collect();
    let mark = {
        let (log, victims) = (Arc::clone(log), names.clone());
        move || lock(&log.book).cleaning = Some(Cleaning { victims, into })
    };
    if !around.between(Box::new(mark)) {
        return Ok(Outcome::Nothing);
    }
    let work = Work {
        shared,
        log,
        around,
        into,
    };
    let moved = work.run(&victims);
    let unmark = {
        let log = Arc::clone(log);
        move || {
            let mut book = lock(&log.book);
            book.cleaning = None;
            // If nothing was moved, or it failed, nothing is owed to it.
            if !book.segments.contains_key(&into) {
                book.forget(&[into]);
            }
        }
    };
    match moved {
        Ok(()) => {
            if !around.between(Box::new(unmark)) {
                return Ok(Outcome::Nothing);
            }
            let (figures, count) = (&log.figures, names.len() as u64);
            figures.cleaned.fetch_add(count, Relaxed);
            log.is_unclean.store(false, Relaxed);
            debug!(segments = count, into = %segment::name(into), "cleaned");
            Ok(Outcome::Done(names.into_iter().collect()))
        }
        Err(stop) => {
            around.between(Box::new(unmark));
            work.given_up(stop)
        }
    }
}

struct Work<'a> {
    shared: &'a Arc<Shared<LogMedium>>,
    log: &'a Arc<Log>,
    around: &'a dyn Around,
    into: u32,
}

impl Work<'_> {
    fn run(&self, victims: &[Victim]) -> Result<(), Stop> {
        let disk = &*self.log.disk;
        let created = disk.create(cold::DRAFT);
        let created = created.map_err(|error| Stop::Io("make a cold segment", error));
        match created.and_then(|file| self.fill(file, victims)) {
            Err(Stop::Io(what, error)) if disk::is_full(&error) => {
                // On a full disk the spare is there for settles and for this.
                let lent = self.log.spare.lend(disk, cold::DRAFT);
                self.fill(lent.ok_or(Stop::Io(what, error))?, victims)
            }
            other => other,
        }
    }

    /// Fills a cold segment and lets the index point to it.
    fn fill(&self, file: Arc<dyn DiskFile>, victims: &[Victim]) -> Result<(), Stop> {
        let mut cold = ColdWriter::new(file, self.into);
        let segment = Segment::new(self.into, Arc::clone(&cold.file), u64::from(u32::MAX));
        let mut moves = Vec::new();
        for victim in victims {
            self.copy(victim, &segment, &mut cold, &mut moves)?;
        }
        let write = |error| Stop::Io("write a cold segment", error);
        if moves.is_empty() {
            return self.log.disk.remove(cold::DRAFT).map_err(write);
        }
        cold.finish(&*self.log.disk).map_err(write)?;
        let kept = Kept::new(&segment, cold.end);
        lock(&self.log.book).segments.insert(self.into, kept);
        let (figures, count) = (&self.log.figures, moves.len() as u64);
        figures.copied_records.fetch_add(count, Relaxed);
        figures.copied_bytes.fetch_add(cold.end, Relaxed);
        self.point(moves)
    }

    /// Copies what counts in one victim.
    fn copy(
        &self,
        victim: &Victim,
        segment: &Arc<Segment>,
        cold: &mut ColdWriter,
        moves: &mut Vec<Move>,
    ) -> Result<(), Stop> {
        let old = &victim.segment;
        let mut frames = Frames::of(&*old.file, old.id, victim.bytes);
        let mut started = self.shared.now().mono;
        let step = STEP.min(self.log.segment_bytes / 4);
        let mut next_pause = step;
        while let Some(frame) = frames.next().map_err(|trouble| stop(old.id, trouble))? {
            let damage =
                |reason: record::BadRecord| Stop::Damage(old.id, frame.offset, reason.to_string());
            let candidates = candidates(frame.records).map_err(damage)?;
            for chunk in candidates.chunks(CHUNK) {
                for (owner, from, start) in self.living(chunk, old, frame.offset) {
                    let record = &frame.records[start..start + from.len as usize];
                    let too_long =
                        || Stop::Io("write a cold segment", io::ErrorKind::FileTooLarge.into());
                    let offset = cold.add(record).ok_or_else(too_long)?;
                    let to = Place::new(segment, offset, from.len);
                    moves.push(Move { owner, from, to });
                }
            }
            cold.end_frame(frame.header.sequence);
            if frame.offset < next_pause {
                continue;
            }
            next_pause = frame.offset + step;
            cold.flush()
                .map_err(|error| Stop::Io("write a cold segment", error))?;
            let now = self.shared.now().mono;
            if !self.around.pause(now.saturating_sub(started)) {
                return Err(Stop::Closing);
            }
            started = self.shared.now().mono;
        }
        Ok(())
    }

    /// Those of the records that count: whose they are, and where they are in the segment and in the frame.
    fn living(
        &self,
        chunk: &[Candidate<'_>],
        old: &Arc<Segment>,
        base: u64,
    ) -> Vec<(Owner, Place, usize)> {
        let found = self.shared.with_table(|table| {
            let found = chunk.iter().filter_map(|candidate| {
                let place =
                    Place::new(old, (base as usize + candidate.start) as u32, candidate.len);
                let owner = owner(&candidate.whose, table)?;
                let is_current = table.is_current(&owner, &place);
                Some((owner, place, candidate.start, is_current))
            });
            found.collect::<Vec<_>>()
        });
        let book = lock(&self.log.book);
        let living = found.into_iter().filter(|(owner, place, _, is_current)| {
            let is_owed =
                matches!(owner, Owner::Job { sequence, .. } if book.is_owed(*sequence, place));
            *is_current || is_owed
        });
        living
            .map(|(owner, place, start, _)| (owner, place, start))
            .collect()
    }

    /// Lets the index point at the copies.
    fn point(&self, mut moves: Vec<Move>) -> Result<(), Stop> {
        while !moves.is_empty() {
            let turn = moves.split_off(moves.len().saturating_sub(TURN));
            let (shared, log) = (Arc::clone(self.shared), Arc::clone(self.log));
            let point = move || {
                for chunk in turn.chunks(CHUNK) {
                    shared.with_table(|table| {
                        for Move { owner, from, to } in chunk {
                            table.relocate(owner, from, to);
                        }
                    });
                }
                let mut book = lock(&log.book);
                for Move { owner, from, to } in &turn {
                    if let Owner::Job { sequence, .. } = owner {
                        book.moved(*sequence, from, to);
                    }
                }
            };
            if !self.around.between(Box::new(point)) {
                return Err(Stop::Closing);
            }
        }
        Ok(())
    }

    /// Takes back what was begun. Without room it is tried again later; any other trouble means that the disk fails.
    fn given_up(&self, stop: Stop) -> StoreResult<Outcome> {
        match stop {
            Stop::Closing => {}
            Stop::Io(what, error) if spare::is_fatal(&error) => {
                return Err(self.log.fail_io(what, self.into, &error));
            }
            Stop::Io(what, error) => {
                // Once, and not at every turn.
                if !self.log.is_unclean.swap(true, Relaxed) {
                    warn!(%error, "failed to {what}, cleaning is tried again from time to time");
                }
            }
            Stop::Damage(id, offset, reason) => {
                let file = segment::name(id);
                let reason = format!("{file} is damaged at offset {offset}: {reason}");
                return Err(self.log.fail(reason));
            }
        }
        // Half a segment must not take room; if it can't go now, the next opening removes it.
        drop(self.log.disk.remove(cold::DRAFT));
        Ok(Outcome::Nothing)
    }
}

/// A segment that is to be cleaned.
pub(crate) struct Victim {
    pub(crate) segment: Arc<Segment>,
    pub(crate) bytes: u64,
}

fn owner(whose: &Peeked<'_>, table: &Table<Place>) -> Option<Owner> {
    match whose {
        Peeked::Job(sequence, id) => Some(table.owner(*sequence, id)),
        Peeked::Checkpoint(name) => Some(Owner::Checkpoint((*name).into())),
        Peeked::Other => None,
    }
}

fn candidates(records: &[u8]) -> Result<Vec<Candidate<'_>>, record::BadRecord> {
    let mut found = Vec::new();
    let walked = record::each(records, |start, rest| {
        let (whose, len) = record::peek(rest)?;
        found.push(Candidate { whose, start, len });
        Ok(len)
    });
    walked.map_err(|(_, error)| error)?;
    Ok(found)
}

fn stop(id: u32, trouble: Trouble) -> Stop {
    match trouble {
        Trouble::Io(error) => Stop::Io("read a segment", error),
        Trouble::Bad(offset) => Stop::Damage(id, offset, "a frame can't be read".into()),
        Trouble::Newer(version) => Stop::Damage(id, 0, format!("a frame is of version {version}")),
    }
}
