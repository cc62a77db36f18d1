//! Ends leases with a verdict, if they are valid. The result is staged with the verdict, so that one is never without the
//! other. Staged by the store's writer; expiry and cancelling end jobs through it too.

use super::entry::{Fence, Living, Phase};
use super::op::{EndRecord, Life, Note, Op, OpAnswer, Record, Staged, Stored, Write};
use super::{IdHash, Load, Now, Table};
use crate::{Hold, LeaseId, Settlement, StoreError, StoreResult};
use poulpe_job::{AttemptError, Due, JobId, JobResult, Progress, ReleaseReason, State, Verdict};

/// How many errors of attempts a job keeps: the first ones and the latest tell the story, a job that is retried for
/// years must not grow without end.
const KEPT_ERRORS: usize = 100;

impl<P: Clone> Table<P> {
    pub(super) fn stage_settle(
        &mut self,
        settlements: Vec<Settlement>,
        now: Now,
        load: &dyn Load<P>,
        writes: &mut Vec<Write<P>>,
    ) -> StoreResult<Staged> {
        // Looked at first: either the whole call is staged or none of it.
        let any_busy = settlements.iter().any(|s| {
            self.living
                .get(&self.hash(&s.lease.job))
                .is_some_and(|job| job.cancel_on_its_way || matches!(job.phase, Phase::Busy(_)))
        });
        if any_busy {
            return Ok(Staged::Later(Op::Settle(settlements)));
        }
        let mut holds = Vec::with_capacity(settlements.len());
        for settlement in settlements {
            holds.push(self.stage_settlement(settlement, now, load, writes)?);
        }
        Ok(Staged::Answer(OpAnswer::Settled(holds)))
    }

    fn stage_settlement(
        &mut self,
        settlement: Settlement,
        now: Now,
        load: &dyn Load<P>,
        writes: &mut Vec<Write<P>>,
    ) -> StoreResult<Hold> {
        let Settlement { lease, verdict } = settlement;
        let hash = self.hash(&lease.job);
        let fence = Fence::of(&lease);
        if self.was_settled(hash, &fence) {
            return Ok(Hold::Held);
        }
        let Some(job) = self
            .living
            .get_mut(&hash)
            .filter(|job| job.holds(&fence, now))
        else {
            return Ok(Hold::Lost);
        };
        job.tried_mut().settled = Some(fence);
        let cancelled = job.cancel_requested;
        let was_started = matches!(&job.phase, Phase::Leased(lease) if lease.started.is_some());
        let note = Note::of(hash);
        match verdict {
            Verdict::Complete(result) => {
                self.stage_end(hash, lease.job, result, note, now, load, writes)?;
            }
            _ if cancelled => {
                let result = JobResult::cancelled(job.attempts, None, now.wall.floor());
                self.stage_end(hash, lease.job, result, note, now, load, writes)?;
            }
            Verdict::Release {
                due,
                reason: ReleaseReason::NotStarted,
            } if !was_started => {
                // Nothing of it is on disk, so nothing need be written.
                self.was_released = true;
                self.take_out_of_order(hash);
                if due == Due::NOW {
                    self.make_ready(hash);
                    return Ok(Hold::Held);
                }
                if let Some(job) = self.living.get_mut(&hash) {
                    job.due = now.resolve(due);
                }
                self.place_in_order(hash, now);
            }
            // Its start is on disk: unless the release is too, it would count as lost after a restart.
            Verdict::Release { due, .. } => {
                let mut record = self.load_record(hash, load)?;
                record.job.due = now.resolve(due);
                self.stage_put(hash, record, note, now, writes);
            }
            Verdict::Retry { due, error } => {
                job.tried_mut().failures += 1;
                let mut record = self.load_record(hash, load)?;
                record.progress.add_error(error);
                record.job.due = now.resolve(due);
                self.stage_put(hash, record, note, now, writes);
            }
            Verdict::Bury { result, error } => {
                job.tried_mut().failures += 1;
                let mut record = self.load_record(hash, load)?;
                record.progress.add_error(error);
                record.life = Life::dead(&record.job, result);
                self.stage_put(hash, record, note, now, writes);
            }
        }
        Ok(Hold::Held)
    }

    fn was_settled(&self, hash: IdHash, fence: &Fence) -> bool {
        match self.living.get(&hash) {
            Some(job) => job.settled().as_ref() == Some(fence),
            None => self.ended.was_settled(hash, fence),
        }
    }

    /// A living job's record with its progress up to date.
    pub(super) fn load_record(&self, hash: IdHash, load: &dyn Load<P>) -> StoreResult<Record> {
        let job = self
            .living
            .get(&hash)
            .ok_or_else(|| StoreError::failed("a job vanished from the table"))?;
        let place = job
            .place
            .as_ref()
            .ok_or_else(|| StoreError::failed("a job has no record"))?;
        let mut record = expect_record(load.load(place)?)?;
        job.complete(&mut record.progress);
        Ok(record)
    }

    /// Stages the end of a living job. If its result is to be sent, all of it is kept until then.
    #[expect(clippy::too_many_arguments, reason = "what a verdict comes with")]
    pub(super) fn stage_end(
        &mut self,
        hash: IdHash,
        id: JobId,
        result: JobResult,
        note: Note,
        now: Now,
        load: &dyn Load<P>,
        writes: &mut Vec<Write<P>>,
    ) -> StoreResult<()> {
        if self
            .living
            .get(&hash)
            .is_some_and(|job| job.origin.replies())
        {
            let mut record = self.load_record(hash, load)?;
            record.life = Life::Unsent { result };
            self.stage_put(hash, record, note, now, writes);
            return Ok(());
        }
        self.take_out_of_order(hash);
        let Some(job) = self.living.get_mut(&hash) else {
            return Ok(());
        };
        job.phase = Phase::Busy(State::Done);
        let end = Box::new(EndRecord {
            id,
            chosen: job.origin.is_chosen(),
            digest: job.digest,
            result: Some(result),
        });
        writes.push(Write::End {
            sequence: job.sequence,
            end,
            previous: job.place.clone(),
            note,
        });
        Ok(())
    }

    /// Stages a changed record of a living job.
    pub(super) fn stage_put(
        &mut self,
        hash: IdHash,
        record: Record,
        note: Note,
        now: Now,
        writes: &mut Vec<Write<P>>,
    ) {
        self.take_out_of_order(hash);
        let Some(job) = self.living.get_mut(&hash) else {
            return;
        };
        let then = match &record.life {
            Life::Dead { .. } => State::Dead,
            Life::Unsent { .. } => State::Done,
            Life::Living if record.job.due <= now.wall.floor() => State::Ready,
            Life::Living if job.was_tried() => State::Retrying,
            Life::Living => State::Delayed,
        };
        job.phase = Phase::Busy(then);
        let previous = job.place.clone();
        writes.push(Write::Put {
            sequence: job.sequence,
            record: Box::new(record),
            previous,
            note,
        });
    }
}

pub(super) fn expect_record(stored: Stored) -> StoreResult<Record> {
    match stored {
        Stored::Record(record) => Ok(record),
        _ => Err(StoreError::failed(
            "the index points at a record of another kind",
        )),
    }
}

impl Fence {
    pub(super) fn of(lease: &LeaseId) -> Self {
        Self {
            claims: lease.claims,
            incarnation: lease.incarnation,
            nonce: lease.nonce,
        }
    }
}

impl<P> Living<P> {
    /// Whether this lease is the valid one.
    pub(super) fn holds(&self, fence: &Fence, now: Now) -> bool {
        #[cfg(mutant = "no_fence")]
        return matches!(&self.phase, Phase::Leased(_));
        #[cfg(not(mutant = "no_fence"))]
        matches!(&self.phase, Phase::Leased(lease) if lease.fence == *fence && lease.ends > now.mono)
    }
}

/// Adds an error and keeps their number bounded.
pub(super) trait AddError {
    fn add_error(&mut self, error: AttemptError);
}

impl AddError for Progress {
    fn add_error(&mut self, error: AttemptError) {
        if self.errors.len() >= KEPT_ERRORS {
            self.errors.remove(KEPT_ERRORS / 2);
        }
        self.errors.push(error);
    }
}
