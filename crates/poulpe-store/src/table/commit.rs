//! The two halves of every change: staging checks it and says what to write, committing makes it visible. Neither does
//! I/O; the store writes in between. Called by one thread at a time.

use super::ended::End;
use super::entry::{DeadJob, Phase};
use super::expire::CAREFUL_LOSSES;
use super::op::{Effects, Life, Note, Op, Record, Staged, Write};
use super::{Load, Now, Table};
use crate::StoreResult;

impl<P: Clone> Table<P> {
    /// Checks a change and adds what must be written for it. Without `room` new jobs are refused as `Full`. An error
    /// means that the store is broken: nothing may be committed any more.
    pub fn stage(
        &mut self,
        op: Op,
        now: Now,
        room: bool,
        load: &dyn Load<P>,
        writes: &mut Vec<Write<P>>,
    ) -> StoreResult<Staged> {
        match op {
            Op::Enqueue(groups) => Ok(self.stage_enqueue(groups, now, room, writes)),
            Op::Settle(settlements) => self.stage_settle(settlements, now, load, writes),
            Op::Expire => self.stage_expire(now, load, writes),
            Op::Cancel(id) => self.stage_cancel(id, now, load, writes),
            Op::Revive(id) => self.stage_revive(id, now, load, writes),
            Op::Purge(id) => self.stage_purge(id, load, writes),
            Op::Acknowledge(kind, tokens) => self.stage_acknowledge(kind, tokens, load, writes),
            Op::Import(items) => Ok(self.stage_import(items, room, writes)),
            Op::CompareAndSet(checkpoint) => Ok(self.stage_compare_and_set(checkpoint, writes)),
        }
    }

    /// Makes durable writes visible. Each comes with the place and length of its record. To be called after staging
    /// even if that gave no writes.
    pub fn commit(&mut self, writes: Vec<(Write<P>, P, u32)>, now: Now) -> Effects {
        let mut effects = Effects {
            work: std::mem::take(&mut self.was_released),
            ..Effects::default()
        };
        for (write, place, len) in writes {
            match write {
                Write::Put {
                    sequence,
                    record,
                    note,
                    ..
                } => {
                    if note.is_import {
                        self.restore_put(sequence, &record, place, len, now);
                        effects.work = true;
                        continue;
                    }
                    self.commit_put(sequence, &record, note, place, len, now, &mut effects);
                }
                Write::End {
                    sequence,
                    end,
                    note,
                    ..
                } => {
                    if note.is_import {
                        self.restore_end(sequence, &end, place, len, now);
                        continue;
                    }
                    let Note {
                        hash,
                        was_dead,
                        was_sent,
                        ..
                    } = note;
                    if was_sent {
                        self.remove_sending(sequence);
                        self.ended.moved(hash, sequence, &place);
                        continue;
                    }
                    if was_dead {
                        self.remove_dead(sequence);
                        self.ended.forget(hash, sequence);
                        continue;
                    }
                    let job = self.living.remove(&hash);
                    let ended = End {
                        settled: job.and_then(|job| job.settled()),
                        ..End::done(sequence, &end, place, len, now)
                    };
                    self.ended.insert(hash, ended, now.wall.floor());
                    effects.finished.push(end.id);
                }
                Write::Checkpoint { name, value, .. } => {
                    self.restore_checkpoint(name, value, place);
                }
            }
        }
        // A lane that a confined job held is free again: others may have waited for it.
        effects.work |= !effects.finished.is_empty() && self.ready.len() > 0;
        self.ended.evict(now.wall.floor());
        effects.id_window = self.ended.news_of_window();
        effects
    }

    #[expect(clippy::too_many_arguments, reason = "one call, from the loop above")]
    fn commit_put(
        &mut self,
        sequence: u64,
        record: &Record,
        note: Note,
        place: P,
        len: u32,
        now: Now,
        effects: &mut Effects,
    ) {
        let hash = note.hash;
        let result = match &record.life {
            Life::Living => {
                self.commit_living(sequence, record, note, place, now, effects);
                return;
            }
            Life::Dead { result, outbox } => {
                self.insert_dead(sequence, DeadJob::at(hash, &place), *outbox);
                if note.was_dead {
                    self.ended.moved(hash, sequence, &place);
                    return;
                }
                result
            }
            Life::Unsent { result } => {
                self.remove_dead(sequence);
                self.insert_sending(sequence, DeadJob::at(hash, &place));
                if note.was_dead {
                    self.ended.forget(hash, sequence);
                    return;
                }
                result
            }
        };
        let job = self.living.remove(&hash);
        let ended = End {
            settled: job.and_then(|job| job.settled()),
            ..End::of(sequence, &record.job, result, place, len)
        };
        self.ended.insert(hash, ended, now.wall.floor());
        effects.finished.push(record.job.id.clone());
    }

    fn commit_living(
        &mut self,
        sequence: u64,
        record: &Record,
        note: Note,
        place: P,
        now: Now,
        effects: &mut Effects,
    ) {
        let Note {
            hash,
            was_dead,
            tell,
            ..
        } = note;
        if was_dead {
            self.remove_dead(sequence);
            self.ended.forget(hash, sequence);
        }
        let Some(job) = self
            .living
            .get_mut(&hash)
            .filter(|job| job.sequence == sequence)
        else {
            return;
        };
        job.place = Some(place);
        if let Some(lease) = tell {
            job.cancel_on_its_way = false;
            effects.cancel_requested.push(lease);
            return;
        }
        if !matches!(job.phase, Phase::Busy(_)) {
            return;
        }
        job.due = record.job.due;
        job.attempts = record.progress.attempts;
        job.set_counters(record.progress.failures, record.progress.losses);
        let (key, is_careful) = (job.queue, job.losses() >= CAREFUL_LOSSES);
        if is_careful {
            let careful = self.ready.careful(key);
            if let Some(job) = self.living.get_mut(&hash) {
                job.queue = careful;
            }
        }
        self.place_in_order(hash, now);
        effects.work = true;
    }
}
