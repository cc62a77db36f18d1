//! Everything that a table knows, in parts, and what came from another store. Shows nothing that isn't durable; changes
//! nothing that is there already.

use super::entry::Phase;
use super::op::{EndRecord, InOutbox, Life, Note, OpAnswer, Record, Staged, Write};
use super::{Now, Table};
use crate::{Cursor, Item};
use poulpe_job::{AttemptError, Progress, Timestamp};
use std::ops::Bound;

/// Where the record of something lies that is carried elsewhere, and what the table knows better.
#[derive(Debug, Clone)]
pub struct Carried<P> {
    /// The order of acceptance.
    pub sequence: u64,
    /// Where its record lies.
    pub place: P,
    /// Of a living job.
    pub living: Option<CarriedJob>,
    /// Of a dead letter: whether its file has been written.
    pub copied: bool,
    /// Of a checkpoint.
    pub name: Option<String>,
}

/// What the table knows better than a living job's record.
#[derive(Debug, Clone)]
pub struct CarriedJob {
    /// Progress without errors.
    pub progress: Progress,
    /// When it is due.
    pub due: Timestamp,
    /// It counts as lost with an attempt that was running.
    pub lost: Option<AttemptError>,
}

/// A page of an export.
pub struct CarriedPage<P> {
    /// What it holds.
    pub carried: Vec<Carried<P>>,
    /// Where the next one starts.
    pub next: Option<Cursor>,
    /// How many there are in all.
    pub total: u64,
}

/// The parts of an export, in their order.
const LIVING: u64 = 0;
const DEAD: u64 = 1;
const DONE: u64 = 2;
const CHECKPOINTS: u64 = 3;

impl<P: Clone> Table<P> {
    /// The next of everything.
    pub fn carry(&self, from: Cursor, max: usize, now: Now) -> CarriedPage<P> {
        let (carried, next_place) = match from.part {
            LIVING => self.carry_living(from.place, max, now),
            DEAD => self.carry_dead(from.place, max),
            DONE => self.carry_done(from.place, max, now),
            _ => self.carry_checkpoints(from.place, max),
        };
        let next = match next_place {
            Some(place) => Some(Cursor { place, ..from }),
            None if from.part < CHECKPOINTS => Some(Cursor {
                part: from.part + 1,
                place: 0,
            }),
            None => None,
        };
        let ended = self.ended.figures().done;
        let total = self.living.len() + self.dead.len() + self.checkpoints.len();
        CarriedPage {
            carried,
            next,
            total: total as u64 + ended,
        }
    }

    /// By slot, which no order depends on.
    fn carry_living(&self, from: u64, max: usize, now: Now) -> (Vec<Carried<P>>, Option<u64>) {
        let mut carried = Vec::new();
        for slot in from..u64::from(self.living.end()) {
            if carried.len() == max {
                return (carried, Some(slot));
            }
            let Some(job) = self.living.at(slot as u32) else {
                continue;
            };
            let Some(place) = job.place.clone() else {
                continue;
            };
            let mut progress = Progress::default();
            job.complete(&mut progress);
            let started = match &job.phase {
                Phase::Leased(lease) => lease.started,
                _ => None,
            };
            progress.losses += u32::from(started.is_some());
            let lost = started.map(|attempt| AttemptError::lost(attempt, now.wall.floor()));
            let living = Some(CarriedJob {
                progress,
                due: job.due,
                lost,
            });
            carried.push(Carried {
                sequence: job.sequence,
                place,
                living,
                copied: false,
                name: None,
            });
        }
        (carried, None)
    }

    fn carry_dead(&self, after: u64, max: usize) -> (Vec<Carried<P>>, Option<u64>) {
        let range = (Bound::Excluded(after), Bound::Unbounded);
        let dead = self.dead.range(range).take(max);
        let carried: Vec<_> = dead
            .map(|(sequence, dead)| Carried {
                sequence: *sequence,
                place: dead.place.clone(),
                living: None,
                copied: !self.outbox.contains(sequence),
                name: None,
            })
            .collect();
        let last = carried.last().filter(|_| carried.len() == max);
        let next = last.map(|last| last.sequence);
        (carried, next)
    }

    fn carry_done(&self, from: u64, max: usize, now: Now) -> (Vec<Carried<P>>, Option<u64>) {
        let (done, next) = self.ended.done_from(from as usize, max, now.wall.floor());
        let carried = done.into_iter().map(|(sequence, place)| Carried {
            sequence,
            place,
            living: None,
            copied: false,
            name: None,
        });
        (carried.collect(), next.map(|next| next as u64))
    }

    fn carry_checkpoints(&self, from: u64, max: usize) -> (Vec<Carried<P>>, Option<u64>) {
        let mut names: Vec<&String> = self.checkpoints.keys().collect();
        names.sort_unstable();
        let page = names.iter().skip(from as usize).take(max);
        let carried = page.filter_map(|name| {
            let (_, place) = self.checkpoints.get(*name)?.current.as_ref()?;
            Some(Carried {
                sequence: 0,
                place: place.clone(),
                living: None,
                copied: false,
                name: Some((*name).clone()),
            })
        });
        let carried = carried.collect();
        let next = from + max as u64;
        (
            carried,
            Some(next).filter(|next| *next < names.len() as u64),
        )
    }

    /// Takes in what came from another store. Without room it takes nothing in.
    pub(super) fn stage_import(
        &self,
        items: Vec<Item>,
        room: bool,
        writes: &mut Vec<Write<P>>,
    ) -> Staged {
        if !room {
            return Staged::Answer(OpAnswer::Changed(false));
        }
        for item in items {
            match item {
                Item::Checkpoint { name, value } => self.import_checkpoint(name, value, writes),
                Item::Job {
                    sequence,
                    job,
                    progress,
                } => {
                    let life = Life::Living;
                    let record = Record {
                        job,
                        progress,
                        life,
                    };
                    self.import_put(sequence, record, writes);
                }
                Item::Dead {
                    sequence,
                    job,
                    progress,
                    result,
                    copied,
                } => {
                    let life = Life::Dead {
                        result,
                        outbox: InOutbox {
                            letter: !copied,
                            result: false,
                        },
                    };
                    let record = Record {
                        job,
                        progress,
                        life,
                    };
                    self.import_put(sequence, record, writes);
                }
                Item::Done {
                    sequence,
                    id,
                    chosen,
                    digest,
                    result,
                } => {
                    let end = EndRecord {
                        id,
                        chosen,
                        digest,
                        result: Some(result),
                    };
                    self.import_end(sequence, end, writes);
                }
                Item::Guard {
                    sequence,
                    id,
                    digest,
                    finished_at,
                } => self.import_end(sequence, EndRecord::guard(id, digest, finished_at), writes),
            }
        }
        Staged::Answer(OpAnswer::Changed(true))
    }

    fn import_put(&self, sequence: u64, record: Record, writes: &mut Vec<Write<P>>) {
        let hash = self.hash(&record.job.id);
        if self.has(hash, sequence) {
            return;
        }
        writes.push(Write::Put {
            sequence,
            record: Box::new(record),
            previous: None,
            note: Note {
                is_import: true,
                ..Note::of(hash)
            },
        });
    }

    fn import_end(&self, sequence: u64, end: EndRecord, writes: &mut Vec<Write<P>>) {
        let hash = self.hash(&end.id);
        if self.has(hash, sequence) {
            return;
        }
        writes.push(Write::End {
            sequence,
            end: Box::new(end),
            previous: None,
            note: Note {
                is_import: true,
                ..Note::of(hash)
            },
        });
    }

    fn import_checkpoint(&self, name: String, value: Vec<u8>, writes: &mut Vec<Write<P>>) {
        let known = self.checkpoints.get(&name);
        let current = known.and_then(|known| known.current.as_ref());
        if current.is_some_and(|(known, _)| *known == value) {
            return;
        }
        writes.push(Write::Checkpoint {
            previous: current.map(|(_, place)| place.clone()),
            name,
            value,
        });
    }

    /// Whether a job is there already, whatever became of it.
    fn has(&self, hash: super::IdHash, sequence: u64) -> bool {
        let living = self.living.get(&hash);
        living.is_some_and(|job| job.sequence == sequence)
            || self.dead.contains_key(&sequence)
            || self.ended.has(hash, sequence)
    }
}
