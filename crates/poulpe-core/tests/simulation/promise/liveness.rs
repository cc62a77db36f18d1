//! An idle worker takes work at once: when a job is ready and a lane it may run on is idle, something starts soon, unless
//! a fault excuses the delay. This is what finds lost wake-ups.

use crate::checker::{Rule, Verdict, broken};
use crate::history::{Entry, What};
use poulpe_core::store::{Accepted, Cancelled, Hold, Lookup, Revived};
use poulpe_core::{Due, Job, JobId, Kind, State, Verdict as End};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// The longest that something may take to start: some calls after each other, each of 60 ms at most.
const SOON: Duration = Duration::from_millis(1_000);

/// For so long after a fault any delay is excused: a lease and the longest pause of a machine.
const EXCUSE: Duration = Duration::from_secs(8);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stand {
    /// Waits since then, and is due then on the wall clock.
    Waits(Duration, i128),
    /// Runs, has ended, or it isn't known.
    Unknown,
}

struct Story {
    job: Job,
    due: Due,
    accepting: i128,
    stand: Stand,
    /// When verdicts under way would make it due; `None` once it was answered: a repeat moves nothing.
    pending: HashMap<u64, Option<i128>>,
    /// It was given back unrun: until when is forgotten with the process.
    is_given_back: bool,
    is_cancelled: bool,
}

/// See the head of this file.
#[derive(Default)]
pub(crate) struct Liveness {
    jobs: BTreeMap<JobId, Story>,
    kinds: Vec<Kind>,
    /// How many attempts run on each lane, its stand-in's included, and since when so many.
    lanes: Vec<(u32, Duration)>,
    /// Nothing is to be expected before that.
    excused_until: Duration,
    last_start: Duration,
    is_up: bool,
    /// What the wall clock is ahead of the monotonic one.
    ahead: i128,
}

fn due_at(due: Due, wall: i128) -> i128 {
    match due {
        Due::In(wait) => wall + wait.as_nanos() as i128 + 2_000_000,
        Due::At(at) => i128::from(at.as_millis()) * 1_000_000,
    }
}

impl Liveness {
    /// Something should have started by `now`, before the next thing happens.
    fn look(&self, now: Duration) -> Verdict {
        if !self.is_up || now < self.excused_until + SOON {
            return Ok(());
        }
        for (id, story) in &self.jobs {
            let Stand::Waits(known_since, due) = story.stand else {
                continue;
            };
            if !self.kinds.contains(&story.job.kind) {
                continue;
            }
            let idle = self
                .lanes
                .iter()
                .enumerate()
                .filter_map(|(lane, (runs, since))| {
                    let may_start = *runs == 0 && story.job.lanes.allows(lane as u16);
                    may_start.then_some(*since)
                });
            let Some(idle_since) = idle.min() else {
                continue;
            };
            let due = u64::try_from(due - self.ahead).unwrap_or(0);
            let since = Duration::from_nanos(due)
                .max(idle_since)
                .max(known_since)
                .max(self.last_start)
                .max(self.excused_until);
            if now > since + SOON {
                return broken(
                    id,
                    format!("ready, and a lane idle, since {since:?}, but nothing starts"),
                );
            }
        }
        Ok(())
    }

    fn excuse(&mut self, now: Duration) {
        self.excused_until = now + EXCUSE;
    }

    fn settled(&mut self, entry: &Entry, id: &JobId, nonce: u64, hold: Hold) {
        if hold != Hold::Held {
            self.excuse(entry.mono);
        }
        if let Some(story) = self.jobs.get_mut(id)
            && let Some(due) = story.pending.insert(nonce, None).flatten()
            && hold == Hold::Held
            && !story.is_cancelled
        {
            story.stand = Stand::Waits(entry.mono, due);
        }
    }
}

impl Rule for Liveness {
    fn see(&mut self, entry: &Entry) -> Verdict {
        // A jump is noted before it happens: what an entry reads has been right since the entry before.
        self.ahead = entry.wall - entry.mono.as_nanos() as i128;
        self.look(entry.mono)?;
        let now = entry.mono;
        match &entry.what {
            What::Boot(lanes, kinds) => {
                self.is_up = true;
                self.kinds.clone_from(kinds);
                self.lanes = vec![(0, now); usize::from(*lanes)];
                self.excuse(now);
            }
            What::Stop => self.is_up = false,
            What::End { .. } => {
                self.is_up = false;
                for story in self.jobs.values_mut().filter(|story| story.is_given_back) {
                    story.stand = Stand::Unknown;
                }
            }
            What::Fault(_) => self.excuse(now),
            What::Submit(job, due) => {
                let known = self.jobs.entry(job.id.clone());
                known.or_insert_with(|| Story {
                    job: job.clone(),
                    due: *due,
                    accepting: entry.wall,
                    stand: Stand::Unknown,
                    pending: HashMap::new(),
                    is_given_back: false,
                    is_cancelled: false,
                });
            }
            What::Started(_, _, lane) => {
                self.last_start = now;
                let (runs, since) = &mut self.lanes[usize::from(*lane)];
                (*runs, *since) = (*runs + 1, now);
            }
            What::Returned(_, _, lane) => {
                let (runs, since) = &mut self.lanes[usize::from(*lane)];
                (*runs, *since) = (*runs - 1, now);
            }
            What::Settled(lease, hold) => self.settled(entry, &lease.job, lease.nonce, *hold),
            _ => {}
        }
        let Some(story) = entry.what.job().and_then(|id| self.jobs.get_mut(id)) else {
            return Ok(());
        };
        match &entry.what {
            What::Accepting(_) => story.accepting = entry.wall,
            // A cancel that came in the same batch may be answered first.
            What::Accepted(_, Accepted::New(_)) if !story.is_cancelled => {
                story.stand = Stand::Waits(now, due_at(story.due, story.accepting));
            }
            What::Go(..)
            | What::Cancelling(_)
            | What::Purging(_)
            | What::Looked(_, Lookup::Ended(_)) => {
                story.stand = Stand::Unknown;
            }
            What::Cancelled(_, answer) if *answer != Cancelled::Unknown => {
                story.stand = Stand::Unknown;
                story.is_cancelled = !matches!(answer, Cancelled::Ended(State::Dead));
            }
            What::Settling(lease, verdict) if !story.pending.contains_key(&lease.nonce) => {
                story.stand = Stand::Unknown;
                story.is_given_back = matches!(verdict, End::Release { .. });
                let due = match verdict {
                    End::Retry { due, .. } | End::Release { due, .. } => Some(*due),
                    End::Complete(_) | End::Bury { .. } => None,
                };
                let due = due.map(|due| due_at(due, entry.wall));
                story.pending.insert(lease.nonce, due);
            }
            What::Revived(_, Revived::Done) => story.stand = Stand::Waits(now, entry.wall),
            _ => {}
        }
        Ok(())
    }
}
