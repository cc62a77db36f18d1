//! What is left of jobs that have ended: results and guarded ids, bounded by age, number and bytes. Never touches living
//! jobs, and drops no dead letter. Filled by commits and replay, asked by look-ups and by enqueue.

use super::entry::Fence;
use super::{ByHash, IdHash};
use crate::Limits;
use poulpe_job::{Digest, State, Timestamp};
use std::collections::VecDeque;
use std::time::Duration;

/// A job that has ended.
#[derive(Debug)]
pub(super) struct End<P> {
    pub(super) sequence: u64,
    pub(super) digest: Digest,
    pub(super) chosen: bool,
    pub(super) state: State,
    pub(super) finished_at: Timestamp,
    /// The lease that was settled last, so that a repeat is known.
    pub(super) settled: Option<Fence>,
    /// Where the result lies; `None` once it was evicted and only the id is guarded.
    pub(super) place: Option<P>,
    pub(super) len: u32,
}

struct Ended<P> {
    end: End<P>,
    expires: Timestamp,
    /// Which entry of the queues is its own: a revived job ends twice with one sequence.
    ticket: u64,
}

/// What a look-up finds.
pub(super) struct Kept<P> {
    pub(super) sequence: u64,
    pub(super) state: State,
    /// Where the result lies; `None` if it was evicted.
    pub(super) place: Option<P>,
}

pub(super) struct EndedJobs<P> {
    limits: Limits,
    jobs: ByHash<Ended<P>>,
    next_ticket: u64,
    /// Results by ticket, oldest first; also some that were replaced or forgotten since.
    results: VecDeque<(IdHash, u64)>,
    /// Ids that are guarded without a result, oldest first; likewise.
    guards: VecDeque<(IdHash, u64)>,
    kept: Figures,
    /// How long the id was guarded that had to go last for want of room.
    window: Option<Duration>,
    /// The window that was told of last.
    told: Option<Duration>,
}

/// How much is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Figures {
    /// Results.
    pub(super) results: usize,
    /// Those among them whose jobs are done, not dead.
    pub(super) done: u64,
    /// Bytes of results.
    pub(super) bytes: u64,
    /// Chosen ids that are guarded, with a result or without.
    pub(super) guards: usize,
}

impl<P: Clone> EndedJobs<P> {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            jobs: ByHash::default(),
            next_ticket: 0,
            results: VecDeque::new(),
            guards: VecDeque::new(),
            kept: Figures::default(),
            window: None,
            told: None,
        }
    }

    fn valid(&self, hash: IdHash, now: Timestamp) -> Option<&End<P>> {
        let job = self.jobs.get(&hash).filter(|job| job.expires > now)?;
        Some(&job.end)
    }

    /// The digest and state behind an id that is still known.
    pub(super) fn guard(&self, hash: IdHash, now: Timestamp) -> Option<(Digest, State)> {
        self.valid(hash, now).map(|end| (end.digest, end.state))
    }

    pub(super) fn was_settled(&self, hash: IdHash, fence: &Fence) -> bool {
        self.jobs
            .get(&hash)
            .is_some_and(|job| job.end.settled.as_ref() == Some(fence))
    }

    /// Whether the id is guarded for another job than the one with this sequence.
    pub(super) fn belongs_to_other(&self, hash: IdHash, sequence: u64, now: Timestamp) -> bool {
        self.valid(hash, now)
            .is_some_and(|end| end.sequence != sequence)
    }

    /// What is left of the latest job with this id.
    pub(super) fn get(&self, hash: IdHash, now: Timestamp) -> Option<Kept<P>> {
        self.valid(hash, now).map(|end| Kept {
            sequence: end.sequence,
            state: end.state,
            place: end.place.clone(),
        })
    }

    /// Where the latest record of a job with this id lies, expired or not.
    pub(super) fn place(&self, hash: IdHash) -> Option<&P> {
        self.jobs.get(&hash)?.end.place.as_ref()
    }

    /// Keeps what is left of a job. A result that tells of the future, by a clock that went wrong, counts from now.
    pub(super) fn insert(&mut self, hash: IdHash, end: End<P>, now: Timestamp) {
        // A dead letter that was copied is written again behind the end of a later job with its id.
        let belongs_to_later = self
            .valid(hash, now)
            .is_some_and(|known| known.sequence > end.sequence);
        if belongs_to_later {
            return;
        }
        self.remove(hash);
        self.kept.results += 1;
        self.kept.bytes += u64::from(end.len);
        self.kept.done += u64::from(end.state == State::Done);
        self.kept.guards += usize::from(end.chosen);
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.results.push_back((hash, ticket));
        let expires = end.finished_at.min(now).after(self.limits.result_ttl);
        let ended = Ended {
            end,
            expires,
            ticket,
        };
        self.jobs.insert(hash, ended);
    }

    /// A record of a dead letter was written anew, elsewhere.
    pub(super) fn moved(&mut self, hash: IdHash, sequence: u64, place: &P) {
        if let Some(job) = self.jobs.get_mut(&hash)
            && job.end.sequence == sequence
            && job.end.place.is_some()
        {
            job.end.place = Some(place.clone());
        }
    }

    /// The job is alive again, or was removed by a person.
    pub(super) fn forget(&mut self, hash: IdHash, sequence: u64) {
        let is_current = self
            .jobs
            .get(&hash)
            .is_some_and(|job| job.end.sequence == sequence);
        if is_current {
            self.remove(hash);
        }
    }

    /// Whether something is left of the job with this sequence.
    pub(super) fn has(&self, hash: IdHash, sequence: u64) -> bool {
        let job = self.jobs.get(&hash);
        job.is_some_and(|job| job.end.sequence == sequence)
    }

    /// Only the id is guarded from now on.
    pub(super) fn drop_result(&mut self, hash: IdHash, sequence: u64) {
        let job = self.jobs.get_mut(&hash);
        if let Some(job) = job.filter(|job| job.end.sequence == sequence) {
            self.kept.drop_result(&mut job.end);
            self.guards.push_back((hash, job.ticket));
        }
    }

    /// Results of jobs that are done, oldest first, from a place in their queue on, as (sequence, place); and the place
    /// that follows.
    pub(super) fn done_from(
        &self,
        from: usize,
        max: usize,
        now: Timestamp,
    ) -> (Vec<(u64, P)>, Option<usize>) {
        let mut done = Vec::new();
        for (place, (hash, ticket)) in self.results.iter().enumerate().skip(from) {
            if done.len() == max {
                return (done, Some(place));
            }
            let job = self.jobs.get(hash).filter(|job| job.ticket == *ticket);
            let is_done = |end: &End<P>| end.state == State::Done;
            if let Some(job) = job.filter(|job| job.expires > now && is_done(&job.end))
                && let Some(at) = job.end.place.clone()
            {
                done.push((job.end.sequence, at));
            }
        }
        (done, None)
    }

    fn remove(&mut self, hash: IdHash) {
        let Some(Ended { mut end, .. }) = self.jobs.remove(&hash) else {
            return;
        };
        self.kept.drop_result(&mut end);
        self.kept.guards -= usize::from(end.chosen);
    }

    /// Drops what is over the limits, oldest first.
    pub(super) fn evict(&mut self, now: Timestamp) {
        self.evict_results(now);
        self.evict_guards(now);
    }

    fn evict_results(&mut self, now: Timestamp) {
        while let Some(&(hash, ticket)) = self.results.front() {
            let is_over = self.kept.results > self.limits.result_max
                || self.kept.bytes > self.limits.result_bytes;
            let job = self
                .jobs
                .get_mut(&hash)
                .filter(|job| job.ticket == ticket && job.end.place.is_some());
            let Some(job) = job else {
                self.results.pop_front();
                continue;
            };
            let is_old = job.expires <= now;
            if !is_old && !is_over {
                return;
            }
            self.results.pop_front();
            if is_old || !job.end.chosen {
                self.remove(hash);
                continue;
            }
            self.kept.drop_result(&mut job.end);
            self.guards.push_back((hash, ticket));
        }
    }

    /// An id whose result is kept stays guarded whatever the limit says: its result couldn't be told from another's.
    fn evict_guards(&mut self, now: Timestamp) {
        while let Some(&(hash, ticket)) = self.guards.front() {
            let is_over = self.kept.guards > self.limits.id_max;
            let job = self
                .jobs
                .get(&hash)
                .filter(|job| job.ticket == ticket && job.end.place.is_none());
            match job {
                Some(job) if job.expires > now && !is_over => return,
                Some(job) => {
                    if job.expires > now {
                        self.window = Some(now.since(job.end.finished_at));
                    }
                    self.remove(hash);
                }
                None => {}
            }
            self.guards.pop_front();
        }
    }

    /// Results of jobs that are done, as (sequence, place).
    pub(super) fn done(&self, now: Timestamp) -> impl Iterator<Item = (u64, &P)> {
        let kept = self
            .jobs
            .values()
            .filter(move |job| job.end.state == State::Done && job.expires > now);
        kept.filter_map(|job| Some((job.end.sequence, job.end.place.as_ref()?)))
    }

    /// How long ids are guarded in fact: less than the time that results are kept once there are too many.
    pub(super) fn window(&self) -> Duration {
        let shortened = self.window.unwrap_or(self.limits.result_ttl);
        shortened.min(self.limits.result_ttl)
    }

    /// The window, if it has become less than half of what was told of it last.
    pub(super) fn news_of_window(&mut self) -> Option<Duration> {
        let window = self.window?;
        let is_news = self.told.is_none_or(|told| window < told / 2);
        if !is_news {
            return None;
        }
        self.told = Some(window);
        Some(window)
    }

    /// The same, whenever they expire, with the id hash.
    pub(super) fn all_done(&self) -> impl Iterator<Item = (IdHash, u64, &P)> {
        let jobs = self.jobs.iter();
        let done = jobs.filter(|(_, job)| job.end.state == State::Done);
        done.filter_map(|(hash, job)| Some((*hash, job.end.sequence, job.end.place.as_ref()?)))
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) fn figures(&self) -> Figures {
        self.kept
    }
}

impl Figures {
    /// Takes the result of a job that has one.
    fn drop_result<P>(&mut self, end: &mut End<P>) {
        if end.place.take().is_none() {
            return;
        }
        self.results -= 1;
        self.bytes -= u64::from(end.len);
        self.done -= u64::from(end.state == State::Done);
    }
}

#[cfg(test)]
mod tests;
