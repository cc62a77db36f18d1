//! What is left of jobs that have ended: results and guarded ids, bounded by age, number and bytes.

use super::entry::Fence;
use super::op::EndRecord;
use super::{ByHash, IdHash, Now};
use crate::Limits;
use poulpe_job::{Digest, State, Timestamp};
use std::collections::VecDeque;

/// A job that has ended.
#[derive(Debug)]
struct Ended<P> {
    sequence: u64,
    digest: Digest,
    chosen: bool,
    state: State,
    expires: Timestamp,
    settled: Option<Fence>,
    len: u32,
    /// `None` once the result was evicted and only the id is guarded.
    place: Option<P>,
}

/// The way and time of an end.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) state: State,
    pub(super) finished_at: Timestamp,
}

/// What a look-up finds.
pub(super) struct Kept<P> {
    pub(super) sequence: u64,
    pub(super) state: State,
    /// Where the result lies; `None` if it was evicted.
    pub(super) place: Option<P>,
}

pub(super) struct EndedJobs<P> {
    jobs: ByHash<Ended<P>>,
    /// Results, oldest first.
    results: VecDeque<(IdHash, u64)>,
    /// Ids that are guarded without a result, oldest first.
    guards: VecDeque<(IdHash, u64)>,
    bytes: u64,
    /// How many results of jobs that are done are kept.
    done: u64,
}

impl<P: Clone> EndedJobs<P> {
    pub(super) fn new() -> Self {
        Self {
            jobs: ByHash::default(),
            results: VecDeque::new(),
            guards: VecDeque::new(),
            bytes: 0,
            done: 0,
        }
    }

    /// The digest and state behind an id that is still known.
    pub(super) fn guard(&self, hash: IdHash, now: Timestamp) -> Option<(Digest, State)> {
        self.jobs
            .get(&hash)
            .filter(|job| job.expires > now)
            .map(|job| (job.digest, job.state))
    }

    pub(super) fn was_settled(&self, hash: IdHash, fence: &Fence) -> bool {
        self.jobs
            .get(&hash)
            .is_some_and(|job| job.settled.as_ref() == Some(fence))
    }

    /// Whether the id is guarded for another job than the one with this sequence.
    pub(super) fn belongs_to_other(&self, hash: IdHash, sequence: u64, now: Timestamp) -> bool {
        self.jobs
            .get(&hash)
            .is_some_and(|job| job.sequence != sequence && job.expires > now)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one entry")]
    pub(super) fn insert(
        &mut self,
        hash: IdHash,
        sequence: u64,
        end: &EndRecord,
        settled: Option<Fence>,
        place: P,
        len: u32,
        limits: &Limits,
        now: Now,
    ) {
        let finished_at = end
            .result
            .as_ref()
            .map_or(now.wall.floor(), |result| result.finished_at);
        let kind = Kind {
            state: State::Done,
            finished_at,
        };
        self.insert_kind(hash, sequence, end, settled, place, len, limits, kind);
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one entry")]
    pub(super) fn insert_kind(
        &mut self,
        hash: IdHash,
        sequence: u64,
        end: &EndRecord,
        settled: Option<Fence>,
        place: P,
        len: u32,
        limits: &Limits,
        kind: Kind,
    ) {
        let expires = kind.finished_at.after(limits.result_ttl);
        let ended = Ended {
            sequence,
            digest: end.digest,
            chosen: end.chosen,
            state: kind.state,
            expires,
            settled,
            len,
            place: Some(place),
        };
        self.count_in(len, kind.state);
        if let Some(old) = self.jobs.insert(hash, ended) {
            self.count_out(&old);
        }
        self.results.push_back((hash, sequence));
    }

    /// A record of a dead letter was written anew, elsewhere.
    pub(super) fn moved(&mut self, hash: IdHash, sequence: u64, place: &P) {
        if let Some(job) = self
            .jobs
            .get_mut(&hash)
            .filter(|job| job.sequence == sequence && job.place.is_some())
        {
            job.place = Some(place.clone());
        }
    }

    /// The job is alive again, or was removed by a person.
    pub(super) fn forget(&mut self, hash: IdHash, sequence: u64) {
        if self
            .jobs
            .get(&hash)
            .is_some_and(|job| job.sequence == sequence)
        {
            self.remove(hash);
        }
    }

    fn remove(&mut self, hash: IdHash) {
        if let Some(old) = self.jobs.remove(&hash) {
            self.count_out(&old);
        }
    }

    fn count_in(&mut self, len: u32, state: State) {
        self.bytes += u64::from(len);
        self.done += u64::from(state == State::Done);
    }

    fn count_out(&mut self, old: &Ended<P>) {
        if old.place.is_some() {
            self.bytes -= u64::from(old.len);
            self.done -= u64::from(old.state == State::Done);
        }
    }

    /// Drops what is over the limits, oldest first.
    pub(super) fn evict(&mut self, limits: &Limits, now: Timestamp) {
        while let Some(&(hash, sequence)) = self.results.front() {
            let current = self
                .jobs
                .get_mut(&hash)
                .filter(|job| job.sequence == sequence && job.place.is_some());
            let Some(job) = current else {
                self.results.pop_front();
                continue;
            };
            let is_old = job.expires <= now;
            let is_over =
                self.results.len() > limits.result_max || self.bytes > limits.result_bytes;
            if !is_old && !is_over {
                break;
            }
            self.results.pop_front();
            if is_old || !job.chosen {
                self.remove(hash);
                continue;
            }
            self.bytes -= u64::from(job.len);
            self.done -= u64::from(job.state == State::Done);
            job.place = None;
            self.guards.push_back((hash, sequence));
        }
        while let Some(&(hash, sequence)) = self.guards.front() {
            let job = self
                .jobs
                .get(&hash)
                .filter(|job| job.sequence == sequence && job.place.is_none());
            let is_over = self.guards.len() + self.results.len() > limits.id_max;
            match job {
                Some(job) if job.expires > now && !is_over => break,
                Some(_) => self.remove(hash),
                None => {}
            }
            self.guards.pop_front();
        }
    }

    pub(super) fn get(&self, hash: IdHash, now: Timestamp) -> Option<Kept<P>> {
        let job = self.jobs.get(&hash).filter(|job| job.expires > now)?;
        Some(Kept {
            sequence: job.sequence,
            state: job.state,
            place: job.place.clone(),
        })
    }

    /// Results that are kept, as (sequence, place), those of living and dead ones left out.
    pub(super) fn done(&self, now: Timestamp) -> impl Iterator<Item = (u64, &P)> {
        let kept = self
            .jobs
            .values()
            .filter(move |job| job.state == State::Done && job.expires > now);
        kept.filter_map(|job| Some((job.sequence, job.place.as_ref()?)))
    }

    /// (results kept, bytes of results, ids guarded).
    pub(super) fn figures(&self) -> (u64, u64, u64) {
        (self.done, self.bytes, self.jobs.len() as u64)
    }
}
