//! Those outside: they hand jobs in, the same again and others under the same id, wait for results, cancel, revive and
//! purge. They repeat what wasn't answered. Never look into the store but through the wire.

use crate::dice::Dice;
use crate::faults::Faults;
use crate::history::{History, What};
use crate::wire::{Answer, Request};
use poulpe_core::store::{Checkpoint, Entry, Group, ManualTime, TimeSource};
use poulpe_core::{
    Digest, Door, Due, Job, JobId, Kind, Lane, LaneSet, Params, Priority, Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How long clients are up to something.
const BUSY: u64 = 16_000;

/// What a client does, and what it does next if that is answered.
#[derive(Debug, Clone)]
struct Errand {
    request: Request,
    /// Nobody repeats what a person asked for more than that often.
    tries_left: u32,
    /// The feeder's next group goes out after this one's answer.
    is_feed: bool,
}

pub(crate) struct Clients {
    dice: Dice,
    lanes: Lane,
    history: Arc<History>,
    time: Arc<ManualTime>,
    errands: BTreeMap<u64, Errand>,
    next_errand: u64,
    groups_left: u64,
    pub(crate) ids: BTreeSet<JobId>,
    pub(crate) waited_for: BTreeSet<JobId>,
}

/// An errand's first time.
pub(crate) type Plan = Vec<(Duration, u64)>;

impl Clients {
    /// Plans everything but the feeder's later groups.
    pub(crate) fn new(
        mut dice: Dice,
        lanes: Lane,
        history: Arc<History>,
        time: Arc<ManualTime>,
        faults: Faults,
    ) -> (Self, Plan) {
        let jobs = dice.number(20..45);
        let groups_left = dice.number(0..4);
        let mut clients = Self {
            dice,
            lanes,
            history,
            time,
            errands: BTreeMap::new(),
            next_errand: 0,
            groups_left,
            ids: BTreeSet::new(),
            waited_for: BTreeSet::new(),
        };
        let mut plan = Plan::new();
        let mut at = Duration::ZERO;
        for number in 0..jobs {
            // In bursts, with time to come to rest between them.
            if clients.dice.chance(0.3) {
                at = clients.dice.millis(0..BUSY);
            }
            clients.plan_job(number, at, &mut plan);
        }
        let wishes = if faults.crashes > 0 { 6 } else { 3 };
        let ids: Vec<JobId> = clients.ids.iter().cloned().collect();
        for wish in 0..wishes {
            let id = ids[clients.dice.index(ids.len())].clone();
            let request = if wish < 5 {
                Request::Revive(id)
            } else {
                Request::Purge(id)
            };
            let at = clients.dice.millis(2_000..BUSY + 8_000);
            plan.push((at, clients.errand(request, 3)));
        }
        let feed = clients.next_group();
        plan.extend(feed.map(|errand| (Duration::from_secs(1), errand)));
        (clients, plan)
    }

    fn plan_job(&mut self, number: u64, at: Duration, plan: &mut Plan) {
        let id_chosen = self.dice.chance(0.8);
        let (job, due) = self.job(&format!("job-{number}"), id_chosen);
        let id = job.id.clone();
        if self.dice.chance(0.1) {
            let later = at + self.dice.millis(0..3_000);
            plan.push((later, self.submit(vec![(job.clone(), due)], None)));
        }
        if id_chosen && self.dice.chance(0.07) {
            let mut other = job.clone();
            other.name.push_str("/other");
            other.digest.0[15] ^= 1;
            let later = at + self.dice.millis(0..3_000);
            plan.push((later, self.submit(vec![(other, due)], None)));
        }
        if self.dice.chance(0.15) {
            let later = at + self.dice.millis(0..2_500);
            plan.push((later, self.errand(Request::Cancel(id.clone()), 3)));
        }
        if self.dice.chance(0.6) {
            let later = at + self.dice.millis(0..2_000);
            self.waited_for.insert(id.clone());
            plan.push((later, self.errand(Request::Get(id), 1)));
        }
        let jitter = self.dice.millis(0..30);
        plan.push((at + jitter, self.submit(vec![(job, due)], None)));
    }

    fn job(&mut self, id: &str, id_chosen: bool) -> (Job, Due) {
        let dice = &mut self.dice;
        let due = match dice.number(0..20) {
            0..=11 => Due::NOW,
            12..=16 => Due::In(dice.millis(1..5_000)),
            17 | 18 => {
                let at = self.time.wall().floor().after(dice.millis(1..20_000));
                Due::At(Timestamp::from_millis(at.as_millis() - 5_000))
            }
            _ => Due::In(dice.millis(60_000..900_000)),
        };
        let any = dice.chance(0.65);
        let lanes: Vec<Lane> = (0..self.lanes)
            .filter(|_| !any && dice.chance(0.4))
            .collect();
        let lanes = LaneSet::new(lanes);
        let mut digest = [0; 16];
        digest[..8].copy_from_slice(&dice.number(0..u64::MAX).to_le_bytes());
        let job = Job {
            id: JobId::new(id).expect("a valid id"),
            id_chosen,
            digest: Digest(digest),
            kind: if dice.chance(0.8) {
                Kind::GET
            } else {
                Kind::POST
            },
            name: format!("http://localhost/{id}"),
            params: Params::default(),
            headers: Vec::new(),
            lanes,
            priority: Priority::new(dice.number(0..10) as u8).unwrap_or_default(),
            timeout: dice.millis(500..7_000),
            max_retry: dice.number(0..4) as u32,
            retry_interval: dice.millis(20..2_000),
            door: Door::Http,
            accepted_at: Timestamp::default(),
            due: Timestamp::default(),
        };
        self.ids.insert(job.id.clone());
        (job, due)
    }

    fn submit(&mut self, jobs: Vec<(Job, Due)>, checkpoint: Option<Checkpoint>) -> u64 {
        let is_feed = checkpoint.is_some();
        let entries = jobs.into_iter().map(|(job, due)| Entry::new(job, due));
        let group = Group {
            entries: entries.collect(),
            checkpoint,
        };
        let errand = self.errand(Request::Enqueue(vec![group]), u32::MAX);
        if let Some(errand) = self.errands.get_mut(&errand) {
            errand.is_feed = is_feed;
        }
        errand
    }

    fn errand(&mut self, request: Request, tries_left: u32) -> u64 {
        self.next_errand += 1;
        let errand = Errand {
            request,
            tries_left,
            is_feed: false,
        };
        self.errands.insert(self.next_errand, errand);
        self.next_errand
    }

    /// The feeder hands in one group after the other, each with its checkpoint, as a Kafka ingress does.
    fn next_group(&mut self) -> Option<u64> {
        self.groups_left = self.groups_left.checked_sub(1)?;
        let left = self.groups_left;
        let jobs = (0..2).map(|n| self.job(&format!("fed-{left}-{n}"), false));
        let jobs: Vec<(Job, Due)> = jobs.collect();
        let value = |left: u64| left.to_le_bytes().to_vec();
        let is_first = self.errands.values().all(|errand| !errand.is_feed);
        let checkpoint = Checkpoint {
            name: "feeder".into(),
            expected: (!is_first).then(|| value(left + 1)),
            next: value(left),
        };
        Some(self.submit(jobs, Some(checkpoint)))
    }

    /// What to send for an errand; `None` if it has been run.
    pub(crate) fn request(&mut self, errand: u64) -> Option<Request> {
        let request = self.errands.get(&errand)?.request.clone();
        if let Request::Enqueue(groups) = &request {
            for entry in groups.iter().flat_map(|group| &group.entries) {
                if let Entry::Job { job, due } = entry {
                    self.history.note(What::Submit(Job::clone(job), *due));
                }
            }
        }
        Some(request)
    }

    /// Takes the answer; when to go again, and for what.
    pub(crate) fn answer(&mut self, errand: u64, answer: &Answer) -> Option<(Duration, u64)> {
        let wait = self.dice.millis(5..400);
        let known = self.errands.get_mut(&errand)?;
        if answer.is_ok() {
            let is_feed = known.is_feed;
            // A feeder's errand is kept, so that the next knows it isn't the first.
            if !is_feed {
                self.errands.remove(&errand);
                return None;
            }
            return self.next_group().map(|next| (wait, next));
        }
        known.tries_left -= 1;
        if known.tries_left == 0 {
            self.errands.remove(&errand);
            return None;
        }
        Some((wait, errand))
    }

    /// Whoever waits asks again at a new life of the daemon.
    pub(crate) fn wait_again(&mut self) -> Vec<u64> {
        let ids: Vec<JobId> = self.waited_for.iter().cloned().collect();
        ids.into_iter()
            .map(|id| self.errand(Request::Get(id), 1))
            .collect()
    }
}
