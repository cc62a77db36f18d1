//! What people do to jobs: cancel, revive, purge. Never ends a valid lease: who runs a
//! job is asked to stop. Staged by the store's writer.

use super::entry::{DeadJob, Fence, Living, Phase};
use super::op::{EndRecord, InOutbox, Life, Note, Op, OpAnswer, Staged, Write};
use super::settle::expect_record;
use super::{IdHash, Load, Now, Table};
use crate::{Cancelled, LeaseId, Revived, StoreResult};
use poulpe_job::{JobId, JobResult, State};
use std::collections::BTreeSet;

impl<P: Clone> Table<P> {
    pub(super) fn stage_cancel(
        &mut self,
        id: JobId,
        now: Now,
        load: &dyn Load<P>,
        writes: &mut Vec<Write<P>>,
    ) -> StoreResult<Staged> {
        let hash = self.hash(&id);
        let Some(job) = self.living.get_mut(&hash) else {
            let ended = self
                .ended
                .guard(hash, now.wall.floor())
                .map(|(_, state)| state);
            let dead = self.newest_dead(hash).map(|_| State::Dead);
            return Ok(cancelled(
                ended.or(dead).map_or(Cancelled::Unknown, Cancelled::Ended),
            ));
        };
        let lease = match &job.phase {
            Phase::Busy(_) => return Ok(Staged::Later(Op::Cancel(id))),
            Phase::Leased(lease) => Some(lease.fence),
            Phase::Waiting | Phase::Ready => None,
        };
        let Some(fence) = lease else {
            let result = JobResult::cancelled(job.attempts, None, now.wall.floor());
            self.stage_end(hash, id, result, Note::of(hash), now, load, writes)?;
            return Ok(cancelled(Cancelled::Done));
        };
        if !job.cancel_requested {
            // The job stays leased while this is written: its start and its renewals don't wait.
            job.cancel_requested = true;
            job.cancel_on_its_way = true;
            let Fence {
                claims,
                incarnation,
                nonce,
            } = fence;
            let tell = Some(LeaseId {
                job: id,
                claims,
                incarnation,
                nonce,
            });
            let sequence = job.sequence;
            let previous = job.place.clone();
            let record = Box::new(self.load_record(hash, load)?);
            writes.push(Write::Put {
                sequence,
                record,
                previous,
                note: Note {
                    tell,
                    ..Note::of(hash)
                },
            });
        }
        Ok(cancelled(Cancelled::Requested))
    }

    pub(super) fn stage_revive(
        &mut self,
        id: JobId,
        now: Now,
        load: &dyn Load<P>,
        writes: &mut Vec<Write<P>>,
    ) -> StoreResult<Staged> {
        let hash = self.hash(&id);
        let Some(sequence) = self.newest_dead(hash) else {
            return Ok(Staged::Answer(OpAnswer::Revived(Revived::Unknown)));
        };
        if self.dead.get(&sequence).is_some_and(|dead| dead.busy) {
            return Ok(Staged::Later(Op::Revive(id)));
        }
        let taken = self.living.contains_key(&hash)
            || self
                .ended
                .belongs_to_other(hash, sequence, now.wall.floor());
        if taken {
            return Ok(Staged::Answer(OpAnswer::Revived(Revived::Taken)));
        }
        let Some(dead) = self.dead.get_mut(&sequence) else {
            return Ok(Staged::Answer(OpAnswer::Revived(Revived::Unknown)));
        };
        let mut record = expect_record(load.load(&dead.place)?)?;
        dead.busy = true;
        let previous = Some(dead.place.clone());
        record.life = Life::Living;
        record.job.due = now.wall.floor();
        record.progress.failures = 0;
        record.progress.losses = 0;
        record.progress.cancel_requested = false;
        let queue = self.ready.key(&record.job.lanes, false);
        let revived = Living {
            phase: Phase::Busy(State::Ready),
            ..Living::of(sequence, &record, queue)
        };
        self.living.insert(hash, revived);
        let note = Note {
            was_dead: true,
            ..Note::of(hash)
        };
        writes.push(Write::Put {
            sequence,
            record: Box::new(record),
            previous,
            note,
        });
        Ok(Staged::Answer(OpAnswer::Revived(Revived::Done)))
    }

    pub(super) fn stage_purge(
        &mut self,
        id: JobId,
        load: &dyn Load<P>,
        writes: &mut Vec<Write<P>>,
    ) -> StoreResult<Staged> {
        let hash = self.hash(&id);
        let Some(sequence) = self.newest_dead(hash) else {
            return Ok(Staged::Answer(OpAnswer::Changed(false)));
        };
        let Some(dead) = self.dead.get_mut(&sequence) else {
            return Ok(Staged::Answer(OpAnswer::Changed(false)));
        };
        if dead.busy {
            return Ok(Staged::Later(Op::Purge(id)));
        }
        let mut record = expect_record(load.load(&dead.place)?)?;
        dead.busy = true;
        let previous = Some(dead.place.clone());
        let note = Note {
            was_dead: true,
            ..Note::of(hash)
        };
        if let Life::Dead { result, outbox } = &record.life
            && outbox.result
        {
            // Gone for people, but not before its result is sent.
            let result = result.clone();
            record.life = Life::Unsent { result };
            writes.push(Write::Put {
                sequence,
                record: Box::new(record),
                previous,
                note,
            });
            return Ok(Staged::Answer(OpAnswer::Changed(true)));
        }
        let job = record.job;
        let end = Box::new(EndRecord {
            id,
            chosen: job.id_chosen,
            digest: job.digest,
            result: None,
        });
        writes.push(Write::End {
            sequence,
            end,
            previous,
            note,
        });
        Ok(Staged::Answer(OpAnswer::Changed(true)))
    }

    pub(super) fn newest_dead(&self, hash: IdHash) -> Option<u64> {
        self.dead_by_id.get(&hash)?.last().copied()
    }

    pub(super) fn insert_dead(&mut self, sequence: u64, dead: DeadJob<P>, outbox: InOutbox) {
        put(&mut self.outbox, sequence, outbox.letter);
        put(&mut self.unsent, sequence, outbox.result);
        let of_id = self.dead_by_id.entry(dead.hash).or_default();
        if let Err(place) = of_id.binary_search(&sequence) {
            of_id.insert(place, sequence);
        }
        self.dead.insert(sequence, dead);
    }

    pub(super) fn remove_dead(&mut self, sequence: u64) {
        let Some(dead) = self.dead.remove(&sequence) else {
            return;
        };
        self.outbox.remove(&sequence);
        self.unsent.remove(&sequence);
        if let Some(of_id) = self.dead_by_id.get_mut(&dead.hash) {
            of_id.retain(|other| *other != sequence);
            if of_id.is_empty() {
                self.dead_by_id.remove(&dead.hash);
            }
        }
    }
}

/// Whether a sequence is in a set from now on.
fn put(set: &mut BTreeSet<u64>, sequence: u64, is_in: bool) {
    if is_in {
        set.insert(sequence);
    } else {
        set.remove(&sequence);
    }
}

fn cancelled(answer: Cancelled) -> Staged {
    Staged::Answer(OpAnswer::Cancelled(answer))
}
