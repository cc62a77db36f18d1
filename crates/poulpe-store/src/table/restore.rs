//! Fills an empty table from what was written, in the order of writing. Writes nothing, and starts no lease that is
//! valid. Called by stores that remember, when they open.

use super::ended::End;
use super::entry::{DeadJob, Fence, Lease, Living, Origin, Phase};
use super::expire::CAREFUL_LOSSES;
use super::op::{EndRecord, Life, Record, StartMark};
use super::ready::QueueKey;
use super::{CheckpointValue, IdHash, Now, Table};
use crate::Incarnation;
use poulpe_job::{Job, JobResult, State};
use std::time::Duration;

impl<P> Living<P> {
    /// A job as its record tells it, in no order yet.
    pub(super) fn of(sequence: u64, record: &Record, queue: QueueKey) -> Self {
        let Record { job, progress, .. } = record;
        let mut living = Self {
            sequence,
            digest: job.digest,
            origin: Origin::of(job),
            cancel_requested: progress.cancel_requested,
            cancel_on_its_way: false,
            priority: job.priority.rank(),
            queue,
            due: job.due,
            claims: progress.claims,
            attempts: progress.attempts,
            phase: Phase::Busy(State::Ready),
            tried: None,
            place: None,
        };
        living.set_counters(progress.failures, progress.losses);
        living
    }
}

impl<P: Clone> Table<P> {
    /// A job's record was found. A later one replaces an earlier one, whose place is the answer.
    pub fn restore_put(
        &mut self,
        sequence: u64,
        record: &Record,
        place: P,
        len: u32,
        now: Now,
    ) -> Option<P> {
        self.next_sequence = self.next_sequence.max(sequence + 1);
        let hash = self.hash(&record.job.id);
        let replaced = self.place_of(hash, sequence);
        self.drop_living(hash, sequence);
        match &record.life {
            Life::Living => {
                self.remove_dead(sequence);
                self.ended.forget(hash, sequence);
                let queue = self
                    .ready
                    .key(&record.job.lanes, record.progress.losses >= CAREFUL_LOSSES);
                let living = Living {
                    place: Some(place),
                    ..Living::of(sequence, record, queue)
                };
                let was_cancelled = living.cancel_requested;
                // Should another job with its id be there, no order may point at the slot any more.
                self.take_out_of_order(hash);
                let slot = self.living.insert(hash, living);
                if was_cancelled {
                    // Whoever held it vanished with the process: the job ends as if the lease had run out.
                    self.restore_lease(hash, None);
                } else {
                    self.place_in_order_at(slot, now);
                }
            }
            Life::Dead { result, outbox } => {
                let is_known = self.dead.contains_key(&sequence);
                self.insert_dead(sequence, DeadJob::at(hash, &place), *outbox);
                if is_known {
                    self.ended.moved(hash, sequence, &place);
                    return replaced;
                }
                let ended = End::of(sequence, &record.job, result, place, len);
                self.ended.insert(hash, ended, now.wall.floor());
                self.ended.evict(now.wall.floor());
            }
            Life::Unsent { result } => {
                self.remove_dead(sequence);
                let is_known = self.sending.contains_key(&sequence);
                self.insert_sending(sequence, DeadJob::at(hash, &place));
                if result.state == State::Dead {
                    // A dead letter that was removed: nobody may find it any more.
                    self.ended.forget(hash, sequence);
                } else if is_known {
                    self.ended.moved(hash, sequence, &place);
                } else {
                    let ended = End::of(sequence, &record.job, result, place, len);
                    self.ended.insert(hash, ended, now.wall.floor());
                    self.ended.evict(now.wall.floor());
                }
            }
        }
        replaced
    }

    /// The end of a job was found. The answer is the place of the record it ends.
    pub fn restore_end(
        &mut self,
        sequence: u64,
        end: &EndRecord,
        place: P,
        len: u32,
        now: Now,
    ) -> Option<P> {
        self.next_sequence = self.next_sequence.max(sequence + 1);
        let hash = self.hash(&end.id);
        let replaced = self.place_of(hash, sequence);
        self.drop_living(hash, sequence);
        self.remove_dead(sequence);
        self.remove_sending(sequence);
        if end.result.is_none() {
            self.ended.forget(hash, sequence);
            return replaced;
        }
        let ended = End::done(sequence, end, place, len, now);
        self.ended.insert(hash, ended, now.wall.floor());
        if end.is_guard() {
            self.ended.drop_result(hash, sequence);
        }
        self.ended.evict(now.wall.floor());
        replaced
    }

    /// Where the latest record of a living or dead job lies.
    fn place_of(&self, hash: IdHash, sequence: u64) -> Option<P> {
        let living = self.living.get(&hash);
        match living.filter(|job| job.sequence == sequence) {
            Some(job) => job.place.clone(),
            None => {
                let kept = self.dead.get(&sequence);
                let kept = kept.or_else(|| self.sending.get(&sequence));
                kept.map(|kept| kept.place.clone())
            }
        }
    }

    /// The start of an attempt was found: unless its verdict follows, its worker vanished with the process. The job is
    /// put under a lease that has ended, for [`Op::Expire`](super::Op::Expire) to deal with.
    pub fn restore_start(&mut self, mark: &StartMark) {
        let hash = self.hash(&mark.id);
        // A later record tells of this hand-out already: the mark was written behind it by a worker that was slower
        // than the end of its lease.
        let is_running = self
            .living
            .get(&hash)
            .is_some_and(|job| job.sequence == mark.sequence && job.claims < mark.claims);
        if !is_running {
            return;
        }
        self.take_out_of_order(hash);
        let Some(job) = self.living.get_mut(&hash) else {
            return;
        };
        job.claims = job.claims.max(mark.claims);
        job.attempts = job.attempts.max(mark.attempt);
        self.restore_lease(hash, Some(mark.attempt));
    }

    /// Puts a job that is in no order under a lease that has ended.
    fn restore_lease(&mut self, hash: IdHash, started: Option<u32>) {
        let Some(job) = self.living.get_mut(&hash) else {
            return;
        };
        let fence = Fence {
            claims: job.claims,
            incarnation: Incarnation(0),
            nonce: 0,
        };
        let lease = Lease {
            fence,
            ends: Duration::ZERO,
            lane: None,
            confined_lane: None,
            started,
        };
        job.phase = Phase::Leased(Box::new(lease));
        self.leases.insert((Duration::ZERO, job.sequence), hash);
    }

    /// A checkpoint's value was found.
    pub fn restore_checkpoint(&mut self, name: String, value: Vec<u8>, place: P) {
        self.checkpoints.insert(
            name,
            CheckpointValue {
                current: Some((value, place)),
                busy: false,
            },
        );
    }

    /// The next job gets this sequence or a higher one: those below were given, even if nothing is left of their jobs.
    pub fn restore_sequence(&mut self, next: u64) {
        self.next_sequence = self.next_sequence.max(next);
    }

    fn drop_living(&mut self, hash: u128, sequence: u64) {
        if self
            .living
            .get(&hash)
            .is_some_and(|job| job.sequence == sequence)
        {
            self.take_out_of_order(hash);
            self.living.remove(&hash);
        }
    }
}

impl<P> End<P> {
    /// A job that is done, as its record tells it.
    pub(super) fn done(sequence: u64, end: &EndRecord, place: P, len: u32, now: Now) -> Self {
        let result = end.result.as_ref();
        Self {
            sequence,
            digest: end.digest,
            chosen: end.chosen,
            state: State::Done,
            finished_at: result.map_or(now.wall.floor(), |result| result.finished_at),
            settled: None,
            place: Some(place),
            len,
        }
    }

    /// A dead letter, or a job whose result is to be sent, as its record tells it.
    pub(super) fn of(sequence: u64, job: &Job, result: &JobResult, place: P, len: u32) -> Self {
        Self {
            sequence,
            digest: job.digest,
            chosen: job.id_chosen,
            state: result.state,
            finished_at: result.finished_at,
            settled: None,
            place: Some(place),
            len,
        }
    }
}
