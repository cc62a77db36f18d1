//! What a store does, in the plainest way: one list of jobs, searched from end to end, times in milliseconds. Shares no
//! code with the table.

pub(crate) use super::model_job::{Held, ModelJob, Phase};
use poulpe_job::{Lane, State};
use poulpe_store::{Accepted, Cancelled, Hold, LeaseId, Revived, Started};

pub(crate) const TTL: i64 = 60_000;
pub(crate) const LEASE: i64 = 30_000;
pub(crate) const RETRY_INTERVAL: i64 = 10_000;

/// The list; a job's place in it is its order of acceptance.
#[derive(Debug, Default)]
pub(crate) struct Reference {
    pub(crate) now: i64,
    pub(crate) jobs: Vec<ModelJob>,
    /// Each end that watchers must be told of.
    pub(crate) ends: Vec<u8>,
}

impl Reference {
    pub(crate) fn living(&self, id: u8) -> Option<usize> {
        self.jobs.iter().position(|job| job.id == id && job.lives())
    }

    pub(crate) fn newest_dead(&self, id: u8) -> Option<usize> {
        let is_it = |job: &ModelJob| job.id == id && matches!(job.phase, Phase::Dead { .. });
        self.jobs.iter().rposition(is_it)
    }

    /// The job that ended last under this id, while its result is kept.
    pub(crate) fn kept(&self, id: u8) -> Option<usize> {
        let of_id = (0..self.jobs.len()).filter(|n| self.jobs[*n].id == id);
        let ended = of_id.filter_map(|n| Some((self.jobs[n].ended?.0, n)));
        let (at, latest) = ended.max()?;
        (at + TTL > self.now).then_some(latest)
    }

    pub(crate) fn enqueue(&mut self, mut job: ModelJob, wait: i64) -> Accepted {
        if let Some(known) = self.living(job.id).or(self.kept(job.id)) {
            let known = &self.jobs[known];
            if known.digest != job.digest {
                return Accepted::Conflict;
            }
            return Accepted::Duplicate(known.state(self.now));
        }
        job.due = self.now + wait;
        self.jobs.push(job);
        let place = self.jobs.len() - 1;
        if let Phase::Dead { .. } = self.jobs[place].phase {
            self.end(place, self.jobs[place].phase.clone(), "dead");
        } else {
            self.put_in_order(place);
        }
        Accepted::New(self.jobs[place].state(self.now))
    }

    fn put_in_order(&mut self, place: usize) {
        let job = &mut self.jobs[place];
        job.phase = if job.due <= self.now {
            Phase::Ready
        } else {
            Phase::Waiting
        };
    }

    fn end(&mut self, place: usize, phase: Phase, told: &'static str) {
        self.jobs[place].phase = phase;
        self.jobs[place].ended = Some((self.now, told));
        self.ends.push(self.jobs[place].id);
    }

    /// Ends what leases have run out; gives the jobs whose wait the store chooses.
    pub(crate) fn expire(&mut self) -> Vec<usize> {
        let mut waiting = Vec::new();
        for place in 0..self.jobs.len() {
            let job = &mut self.jobs[place];
            let started = match &job.phase {
                Phase::Leased(held) if held.ends <= self.now => held.started,
                _ => continue,
            };
            if job.cancel {
                self.end(place, Phase::Done, "cancelled");
                continue;
            }
            if !started {
                job.phase = Phase::Ready;
                continue;
            }
            job.losses += 1;
            if job.losses >= 5 {
                self.end(place, Phase::Dead { in_outbox: true }, "lost");
            } else if job.losses >= 2 {
                job.phase = Phase::Waiting;
                waiting.push(place);
            } else {
                job.due = self.now;
                job.phase = Phase::Ready;
            }
        }
        waiting
    }

    /// Moves the first `max` overdue jobs; whether that were all.
    pub(crate) fn move_due(&mut self, max: usize) -> bool {
        let now = self.now;
        let is_overdue = |job: &ModelJob| job.phase == Phase::Waiting && job.due <= now;
        let mut overdue: Vec<usize> = (0..self.jobs.len())
            .filter(|n| is_overdue(&self.jobs[*n]))
            .collect();
        overdue.sort_by_key(|n| self.jobs[*n].due);
        for place in overdue.iter().take(max) {
            self.jobs[*place].phase = Phase::Ready;
        }
        overdue.len() <= max
    }

    fn leased_lanes(&self) -> Vec<Lane> {
        self.jobs.iter().filter_map(ModelJob::leased_lane).collect()
    }

    /// The job that must be handed out next, if any fits.
    pub(crate) fn next(&self, idle: &[Lane], prefetch: usize) -> Option<usize> {
        let fits = |job: &ModelJob| {
            if job.is_prefetchable() {
                return !idle.is_empty() || prefetch > 0;
            }
            idle.iter().any(|lane| self.may_take(job, *lane))
        };
        (0..self.jobs.len())
            .filter(|n| self.jobs[*n].is_ready() && fits(&self.jobs[*n]))
            .min_by_key(|n| (self.jobs[*n].rank, self.jobs[*n].due, *n))
    }

    pub(crate) fn may_take(&self, job: &ModelJob, lane: Lane) -> bool {
        let is_free = !self.leased_lanes().contains(&lane);
        job.lanes.is_empty() || (job.lanes.contains(&lane) && is_free)
    }

    /// The job that is under this lease, while the lease is valid.
    pub(crate) fn held(&self, lease: &LeaseId) -> Option<usize> {
        self.jobs.iter().position(|job| match &job.phase {
            Phase::Leased(held) => held.lease == *lease && held.ends > self.now,
            _ => false,
        })
    }

    pub(crate) fn start(&mut self, lease: &LeaseId) -> Started {
        let Some(place) = self.held(lease) else {
            return Started::Lost;
        };
        let job = &mut self.jobs[place];
        if job.cancel {
            return Started::Cancelled;
        }
        if let Phase::Leased(held) = &mut job.phase
            && !held.started
        {
            held.started = true;
            job.attempts += 1;
        }
        Started::Go(job.attempts)
    }

    pub(crate) fn renew(&mut self, lease: &LeaseId) -> Hold {
        let Some(place) = self.held(lease) else {
            return Hold::Lost;
        };
        let job = &mut self.jobs[place];
        if let Phase::Leased(held) = &mut job.phase {
            held.ends = self.now + LEASE;
        }
        if job.cancel {
            Hold::Cancelled
        } else {
            Hold::Held
        }
    }

    /// Ends a lease with the verdict of this number; see `pair.rs`. `None` if the job has been forgotten: whether the
    /// lease was ever settled need not be known.
    pub(crate) fn settle(
        &mut self,
        id: u8,
        lease: &LeaseId,
        verdict: u8,
        wait: i64,
    ) -> Option<Hold> {
        let known = self.living(id).or(self.kept(id))?;
        if self.jobs[known].settled.as_ref() == Some(lease) {
            return Some(Hold::Held);
        }
        let Some(place) = self.held(lease) else {
            return Some(Hold::Lost);
        };
        self.jobs[place].settled = Some(lease.clone());
        self.apply(place, verdict, wait);
        Some(Hold::Held)
    }

    fn apply(&mut self, place: usize, verdict: u8, wait: i64) {
        let now = self.now;
        let job = &mut self.jobs[place];
        let started = matches!(&job.phase, Phase::Leased(held) if held.started);
        match verdict {
            0 => self.end(place, Phase::Done, "done"),
            _ if job.cancel => self.end(place, Phase::Done, "cancelled"),
            1 => {
                job.failures += 1;
                self.end(place, Phase::Dead { in_outbox: true }, "dead");
            }
            4 if !started && wait == 0 => job.phase = Phase::Ready,
            _ => {
                job.failures += u32::from(verdict == 2);
                job.due = now + wait;
                self.put_in_order(place);
            }
        }
    }

    pub(crate) fn cancel(&mut self, id: u8) -> Cancelled {
        let Some(place) = self.living(id) else {
            let ended = self.kept(id).or(self.newest_dead(id));
            let state = ended.map(|place| self.jobs[place].state(self.now));
            return state.map_or(Cancelled::Unknown, Cancelled::Ended);
        };
        if let Phase::Leased(_) = self.jobs[place].phase {
            self.jobs[place].cancel = true;
            return Cancelled::Requested;
        }
        self.end(place, Phase::Done, "cancelled");
        Cancelled::Done
    }

    pub(crate) fn revive(&mut self, id: u8) -> Revived {
        let Some(place) = self.newest_dead(id) else {
            return Revived::Unknown;
        };
        if self.living(id).is_some() || self.kept(id).is_some_and(|kept| kept != place) {
            return Revived::Taken;
        }
        let job = &mut self.jobs[place];
        job.phase = Phase::Ready;
        job.due = self.now;
        job.failures = 0;
        job.losses = 0;
        job.cancel = false;
        job.ended = None;
        job.settled = None;
        Revived::Done
    }

    pub(crate) fn purge(&mut self, id: u8) -> bool {
        let Some(place) = self.newest_dead(id) else {
            return false;
        };
        // Emptied rather than removed, so that places stay.
        self.jobs[place].phase = Phase::Done;
        self.jobs[place].ended = None;
        true
    }

    pub(crate) fn acknowledge_oldest(&mut self) {
        let in_outbox = Phase::Dead { in_outbox: true };
        if let Some(job) = self.jobs.iter_mut().find(|job| job.phase == in_outbox) {
            job.phase = Phase::Dead { in_outbox: false };
        }
    }

    pub(crate) fn outbox(&self) -> usize {
        let in_outbox = Phase::Dead { in_outbox: true };
        let waiting = self.jobs.iter().filter(|job| job.phase == in_outbox);
        waiting.count()
    }

    pub(crate) fn count(&self, state: State) -> u64 {
        let is_kept = |place: &usize| {
            let job = &self.jobs[*place];
            let is_done = job.phase == Phase::Done;
            !is_done || self.kept(job.id) == Some(*place)
        };
        let counted = (0..self.jobs.len()).filter(is_kept);
        counted
            .filter(|place| self.jobs[*place].state(self.now) == state)
            .count() as u64
    }
}
