//! Looks without changing what jobs are: by id, by state, counts. Shows nothing that isn't durable. Called for people and for
//! whoever waits.

use super::entry::{Living, Phase};
use super::{IdHash, Now, Table};
use crate::{Counts, PageRequest};
use poulpe_job::{JobId, Lane, Progress, State};
use std::collections::BinaryHeap;
use std::ops::Bound;

/// What the table knows of a job; the record is still to be read.
#[derive(Debug, Clone)]
pub struct Found<P> {
    /// The order of acceptance.
    pub sequence: u64,
    /// The state.
    pub state: State,
    /// Where its record or result lies.
    pub place: P,
    /// Progress of a living job, without its errors.
    pub progress: Option<Progress>,
    /// The lane of a confined job that runs.
    pub lane: Option<Lane>,
}

/// What the table knows of an id.
#[derive(Debug)]
pub enum Known<P> {
    /// There is something to read.
    Found(Found<P>),
    /// Accepted a moment ago, not readable yet.
    Arriving(State),
    /// Ended, the result was evicted.
    Evicted,
    /// Nothing.
    Unknown,
}

impl<P: Clone> Table<P> {
    /// What is known of an id: the living job, else a kept result, else the newest dead letter.
    pub fn look(&self, id: &JobId, now: Now) -> Known<P> {
        let hash = self.hash(id);
        if let Some(job) = self.living.get(&hash) {
            return match found(job, now) {
                Some(found) => Known::Found(found),
                None => Known::Arriving(job.state(now.wall.floor())),
            };
        }
        let Some(kept) = self.ended.get(hash, now.wall.floor()) else {
            return self
                .look_dead_hash(hash)
                .map_or(Known::Unknown, Known::Found);
        };
        if let Some(place) = kept.place {
            return Known::Found(Found::bare(kept.sequence, kept.state, &place));
        }
        // A dead letter is kept whatever becomes of results.
        match self.dead.get(&kept.sequence) {
            Some(dead) => Known::Found(Found::bare(kept.sequence, State::Dead, &dead.place)),
            None => Known::Evicted,
        }
    }

    /// The newest dead letter with this id.
    pub fn look_dead(&self, id: &JobId) -> Option<Found<P>> {
        self.look_dead_hash(self.hash(id))
    }

    fn look_dead_hash(&self, hash: IdHash) -> Option<Found<P>> {
        let sequence = self.newest_dead(hash)?;
        let place = &self.dead.get(&sequence)?.place;
        Some(Found::bare(sequence, State::Dead, place))
    }

    /// The first jobs of a state behind a cursor, and whether more follow.
    pub fn list(&self, request: PageRequest, now: Now) -> (Vec<Found<P>>, bool) {
        let after = request.after.unwrap_or(0);
        if request.state == State::Dead {
            let mut rest = self.dead.range((Bound::Excluded(after), Bound::Unbounded));
            let of_page = rest.by_ref().take(request.limit);
            let page = of_page
                .map(|(sequence, dead)| Found::bare(*sequence, State::Dead, &dead.place))
                .collect();
            return (page, rest.next().is_some());
        }
        if request.state == State::Done {
            let done = self
                .ended
                .done(now.wall.floor())
                .filter(|(sequence, _)| *sequence > after);
            return first_by_sequence(done, request.limit, |(sequence, place)| {
                Some(Found::bare(sequence, State::Done, place))
            });
        }
        let reached = now.wall.floor();
        let of_state = self
            .living
            .values()
            .filter(|job| job.sequence > after && job.state(reached) == request.state);
        first_by_sequence(
            of_state.map(|job| (job.sequence, job)),
            request.limit,
            |(_, job)| found(job, now),
        )
    }

    /// Exact counts.
    pub fn counts(&mut self, now: Now) -> Counts {
        self.move_due(now, usize::MAX);
        // Results expire with time, but are dropped by writes only.
        self.ended.evict(now.wall.floor());
        Counts {
            delayed: self.timeline.len() as u64 - self.retrying,
            ready: self.ready.len(),
            running: self.leases.len() as u64,
            retrying: self.retrying,
            dead: self.dead.len() as u64,
            done: self.ended.figures().done,
            outbox: self.outbox.len() as u64,
            unsent: self.unsent.len() as u64,
            waiting: self.ready.waiting(),
            next_due: self.timeline.first().map(|order| self.due_of(order)),
        }
    }

    /// The value of a checkpoint whose write is durable.
    pub fn checkpoint(&self, name: &str) -> Option<Vec<u8>> {
        let known = self.checkpoints.get(name)?;
        known.current.as_ref().map(|(value, _)| value.clone())
    }

    /// Figures for operators.
    pub fn figures(&self) -> Vec<(&'static str, u64)> {
        let kept = self.ended.figures();
        vec![
            ("results", kept.results as u64),
            ("result_bytes", kept.bytes),
            ("guarded_ids", kept.guards as u64),
            ("id_window_millis", self.ended.window().as_millis() as u64),
        ]
    }
}

impl<P: Clone> Found<P> {
    pub(super) fn bare(sequence: u64, state: State, place: &P) -> Self {
        Self {
            sequence,
            state,
            place: place.clone(),
            progress: None,
            lane: None,
        }
    }
}

fn found<P: Clone>(job: &Living<P>, now: Now) -> Option<Found<P>> {
    let mut progress = Progress::default();
    job.complete(&mut progress);
    let lane = match &job.phase {
        Phase::Leased(lease) => lease.confined_lane,
        _ => None,
    };
    Some(Found {
        sequence: job.sequence,
        state: job.state(now.wall.floor()),
        place: job.place.clone()?,
        progress: Some(progress),
        lane,
    })
}

/// The `limit` items of lowest sequence, in order, and whether there are more. One pass, memory for one page.
fn first_by_sequence<T, F>(
    items: impl Iterator<Item = (u64, T)>,
    limit: usize,
    make: impl Fn((u64, T)) -> Option<F>,
) -> (Vec<F>, bool) {
    let mut heap: BinaryHeap<BySequence<T>> = BinaryHeap::with_capacity(limit.min(1_000) + 1);
    let mut more = false;
    for (sequence, item) in items {
        heap.push(BySequence(sequence, item));
        if heap.len() > limit {
            heap.pop();
            more = true;
        }
    }
    let sorted = heap.into_sorted_vec();
    (
        sorted
            .into_iter()
            .filter_map(|BySequence(sequence, item)| make((sequence, item)))
            .collect(),
        more,
    )
}

struct BySequence<T>(u64, T);

impl<T> PartialEq for BySequence<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for BySequence<T> {}

impl<T> PartialOrd for BySequence<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for BySequence<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
