//! Deals with leases that have ended without a verdict: back to ready, a counted loss, or the poison rule. Never touches
//! a valid lease. Staged before a claim that finds ended leases.

use super::entry::Phase;
use super::op::{Life, Note, OpAnswer, Staged, Write};
use super::settle::AddError;
use super::{Load, Now, Table};
use crate::StoreResult;
use poulpe_job::{AttemptError, Due, Job, JobResult, Timestamp};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// After this many losses a job is buried: whatever it does kills its workers.
const MAX_LOSSES: u32 = 5;

/// From this many losses on a job waits before it runs again, and is handed out for idle lanes only.
pub(super) const CAREFUL_LOSSES: u32 = 2;

/// How many ended leases one write deals with.
const EXPIRE_BATCH: usize = 1_000;

impl<P: Clone> Table<P> {
    /// Whether there are ended leases to deal with.
    pub fn has_ended_leases(&self, now: Now) -> bool {
        self.leases
            .first_key_value()
            .is_some_and(|((ends, _), _)| *ends <= now.mono)
    }

    pub(super) fn stage_expire(
        &mut self,
        now: Now,
        load: &dyn Load<P>,
        writes: &mut Vec<Write<P>>,
    ) -> StoreResult<Staged> {
        for _ in 0..EXPIRE_BATCH {
            let Some((&(ends, _), &hash)) = self.leases.first_key_value() else {
                break;
            };
            if ends > now.mono {
                break;
            }
            let Some(job) = self.living.get_mut(&hash) else {
                break;
            };
            let Phase::Leased(lease) = &job.phase else {
                break;
            };
            if job.cancel_on_its_way {
                break;
            }
            let started = lease.started;
            if job.cancel_requested {
                let result = JobResult::cancelled(job.attempts, None, now.wall.floor());
                let id = self.load_record(hash, load)?.job.id;
                self.stage_end(hash, id, result, Note::of(hash), now, load, writes)?;
                continue;
            }
            let Some(attempt) = started else {
                self.take_out_of_order(hash);
                self.make_ready(hash);
                continue;
            };
            job.tried_mut().losses += 1;
            let losses = job.losses();
            let mut record = self.load_record(hash, load)?;
            let at = now.wall.floor();
            record.progress.add_error(AttemptError::lost(attempt, at));
            if losses >= MAX_LOSSES {
                let result = JobResult::poisoned(attempt, losses, at);
                record.life = Life::dead(&record.job, result);
            } else {
                record.job.due = due_after_loss(&record.job, losses, now);
            }
            self.stage_put(hash, record, Note::of(hash), now, writes);
        }
        Ok(Staged::Answer(OpAnswer::Done))
    }
}

/// losses × `retry_interval` ± half from the second loss on (DESIGN.md section 3); at once after the first.
fn due_after_loss(job: &Job, losses: u32, now: Now) -> Timestamp {
    if losses < CAREFUL_LOSSES {
        return now.wall.floor();
    }
    let wait = job.retry_interval.as_secs_f64() * f64::from(losses) * (0.5 + spread(job, losses));
    Due::In(Duration::try_from_secs_f64(wait).unwrap_or(job.retry_interval))
        .resolve(now.wall.ceil())
}

/// A number from 0 to 1 that differs from job to job, so that those lost together don't all come back together; the
/// same in every process, so that a simulation can be run again.
fn spread(job: &Job, losses: u32) -> f64 {
    let mut hasher = DefaultHasher::new();
    (job.id.as_str(), losses).hash(&mut hasher);
    hasher.finish() as f64 / u64::MAX as f64
}
