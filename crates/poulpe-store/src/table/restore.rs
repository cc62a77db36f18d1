//! Filling an empty table from what was written, in the order of writing.

use super::entry::{DeadJob, Fence, Lease, Living, Phase};
use super::expire::CAREFUL_LOSSES;
use super::op::{EndRecord, Life, Record, StartMark};
use super::ready::QueueKey;
use super::{CheckpointValue, IdHash, Now, Table};
use crate::Incarnation;
use poulpe_job::State;
use std::time::Duration;

impl<P> Living<P> {
    /// A job as its record tells it, in no order yet.
    pub(super) fn of(sequence: u64, record: &Record, queue: QueueKey) -> Self {
        let Record { job, progress, .. } = record;
        Self {
            sequence,
            digest: job.digest,
            chosen: job.id_chosen,
            cancel_requested: progress.cancel_requested,
            priority: job.priority.rank(),
            queue,
            due: job.due,
            claims: progress.claims,
            attempts: progress.attempts,
            failures: progress.failures,
            losses: progress.losses,
            phase: Phase::Busy(State::Ready),
            settled: None,
            place: None,
        }
    }
}

impl<P: Clone> Table<P> {
    /// A job's record was found. A later one replaces an earlier one.
    pub fn restore_put(&mut self, sequence: u64, record: &Record, place: P, len: u32, now: Now) {
        self.next_sequence = self.next_sequence.max(sequence + 1);
        let hash = self.hash(&record.job.id);
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
                self.living.insert(hash, living);
                if was_cancelled {
                    // Whoever held it vanished with the process: the job ends as if the lease had run out.
                    self.restore_lease(hash, None);
                } else {
                    self.place_in_order(hash, now);
                }
            }
            Life::Dead { result, exported } => {
                let is_known = self.dead.contains_key(&sequence);
                let dead = DeadJob {
                    hash,
                    place: place.clone(),
                    busy: false,
                };
                self.insert_dead(sequence, dead, *exported);
                if is_known {
                    self.ended.moved(hash, sequence, &place);
                    return;
                }
                let end = end_of(record);
                let kind = super::ended::Kind {
                    state: State::Dead,
                    finished_at: result.finished_at,
                };
                self.ended
                    .insert_kind(hash, sequence, &end, None, place, len, &self.limits, kind);
                self.ended.evict(&self.limits, now.wall.floor());
            }
        }
    }

    /// The end of a job was found.
    pub fn restore_end(&mut self, sequence: u64, end: &EndRecord, place: P, len: u32, now: Now) {
        self.next_sequence = self.next_sequence.max(sequence + 1);
        let hash = self.hash(&end.id);
        self.drop_living(hash, sequence);
        if end.result.is_none() {
            self.remove_dead(sequence);
            self.ended.forget(hash, sequence);
            return;
        }
        self.ended
            .insert(hash, sequence, end, None, place, len, &self.limits, now);
        self.ended.evict(&self.limits, now.wall.floor());
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
                value,
                place: Some(place),
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

fn end_of(record: &Record) -> EndRecord {
    let job = &record.job;
    EndRecord {
        id: job.id.clone(),
        chosen: job.id_chosen,
        digest: job.digest,
        result: None,
    }
}
