//! Random operations against the store in memory as the model, through two handles to the same keys by turns, one of which
//! is opened anew in between.

mod common;

use common::{Server, job, wait};
use poulpe_job::{
    AttemptError, Due, Job, JobId, JobResult, LaneSet, Outcome, ReleaseReason, State, Timestamp,
    Verdict,
};
use poulpe_store::{
    Checkpoint, Claim, Claimed, ClaimedJob, Entry, Group, Incarnation, Inspect, JobStore, LeaseId,
    Limits, ManualTime, MemoryStore, PageRequest, Settlement, TimeSource,
};
use poulpe_store_redis::{Options, RedisStore};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(30);

/// Where time starts.
const START: i64 = 1_700_000_000_000;

#[derive(Debug, Clone, Copy)]
enum Step {
    Enqueue {
        id: u8,
        wait: u64,
        lanes: u8,
        rank: u8,
        other: bool,
    },
    EnqueueMany {
        first: u8,
        many: u8,
        checkpoint: u8,
        dead: bool,
    },
    Claim {
        idle: u8,
        prefetch: u8,
    },
    RepeatClaim,
    Start(prop::sample::Index),
    Renew(prop::sample::Index),
    Settle(prop::sample::Index, u8, bool),
    RepeatSettle,
    Cancel(u8),
    Revive(u8),
    Purge(u8),
    Acknowledge,
    Checkpoint {
        expected: u8,
        next: u8,
    },
    Pass(u64),
    Compare,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    let wait = || prop_oneof![Just(0_u64), 0..40_u64];
    let is = any::<bool>;
    prop_oneof![
        6 => (0..12_u8, wait(), 0..4_u8, 4..6_u8, is())
            .prop_map(|(id, wait, lanes, rank, other)| Step::Enqueue { id, wait, lanes, rank, other }),
        2 => (0..12_u8, 1..6_u8, 0..3_u8, prop::bool::weighted(0.2))
            .prop_map(|(first, many, checkpoint, dead)| Step::EnqueueMany { first, many, checkpoint, dead }),
        6 => (0..4_u8, 0..4_u8).prop_map(|(idle, prefetch)| Step::Claim { idle, prefetch }),
        1 => Just(Step::RepeatClaim),
        5 => index().prop_map(Step::Start),
        1 => index().prop_map(Step::Renew),
        6 => (index(), 0..5_u8, is()).prop_map(|(lease, verdict, now)| Step::Settle(lease, verdict, now)),
        1 => Just(Step::RepeatSettle),
        1 => (0..12_u8).prop_map(Step::Cancel),
        2 => (0..12_u8).prop_map(Step::Revive),
        1 => (0..12_u8).prop_map(Step::Purge),
        1 => Just(Step::Acknowledge),
        1 => (0..3_u8, 0..3_u8).prop_map(|(expected, next)| Step::Checkpoint { expected, next }),
        3 => (0..50_u64).prop_map(Step::Pass),
        1 => Just(Step::Compare),
        1 => Just(Step::Reopen),
    ]
}

/// Both stores, the same clock, and the leases that each gave for the same job.
struct Pair<'a> {
    clock: Arc<ManualTime>,
    model: MemoryStore,
    server: &'a Server,
    prefix: String,
    /// Two daemons.
    real: [RedisStore; 2],
    turn: usize,
    leases: Vec<(LeaseId, LeaseId)>,
    request: u64,
    last_claim: Option<Claim>,
    last_settlement: Option<(Settlement, Settlement)>,
}

/// Limited by time alone: of results that end in the same millisecond Redis drops the one accepted first, the store in
/// memory the one that ended first.
fn limits() -> Limits {
    Limits {
        result_ttl: Duration::from_secs(60),
        ..Limits::default()
    }
}

fn open_real(server: &Server, prefix: &str, clock: &Arc<ManualTime>) -> RedisStore {
    let mut options = Options::new(server.url());
    options.start_ahead = false;
    options.prefix = prefix.into();
    options.limits = limits();
    options.time = Some(Arc::clone(clock) as _);
    RedisStore::open(options).expect("it opens")
}

impl<'a> Pair<'a> {
    fn new(server: &'a Server) -> Self {
        let clock = Arc::new(ManualTime::new(START));
        let prefix = common::prefix();
        let real = [0, 1].map(|_| open_real(server, &prefix, &clock));
        Self {
            model: MemoryStore::in_memory(limits(), Arc::clone(&clock) as _),
            clock,
            server,
            prefix,
            real,
            turn: 0,
            leases: Vec::new(),
            request: 0,
            last_claim: None,
            last_settlement: None,
        }
    }

    /// Asks both the same; they must answer the same.
    fn both<T: PartialEq + std::fmt::Debug>(&self, ask: impl Fn(&dyn JobStore) -> T) -> T {
        let model = ask(&self.model);
        let real = ask(self.real());
        assert_eq!(real, model, "Redis, then memory");
        model
    }

    /// The same, when it is only that which matters.
    fn same<T: PartialEq + std::fmt::Debug>(&self, ask: impl Fn(&dyn JobStore) -> T) {
        self.both(ask);
    }

    fn real(&self) -> &RedisStore {
        &self.real[self.turn]
    }

    fn pick(&self, index: prop::sample::Index) -> Option<(LeaseId, LeaseId)> {
        (!self.leases.is_empty()).then(|| index.get(&self.leases).clone())
    }

    fn now(&self) -> Timestamp {
        self.clock.wall().floor()
    }

    fn step(&mut self, step: Step) {
        self.turn = 1 - self.turn;
        match step {
            Step::Enqueue {
                id,
                wait: delay,
                lanes,
                rank,
                other,
            } => {
                let mut job = quick_job(id);
                job.lanes = LaneSet::new((0..2).filter(|lane| lanes & (1 << lane) != 0));
                job.priority = poulpe_job::Priority::new(rank).expect("a rank");
                job.digest.0[0] = u8::from(other);
                let group = Group::job(job, Due::In(Duration::from_secs(delay)));
                self.same(|store| wait(store.enqueue(vec![group.clone()])));
            }
            Step::EnqueueMany {
                first,
                many,
                checkpoint,
                dead,
            } => {
                let entry = |number| match dead {
                    true => Entry::Dead {
                        job: Box::new(quick_job(number)),
                        result: self.result(State::Dead),
                        error: self.error(),
                    },
                    false => Entry::new(quick_job(number), Due::NOW),
                };
                let group = Group {
                    entries: (first..first + many).map(entry).collect(),
                    checkpoint: Some(move_of(checkpoint, checkpoint + 1)),
                };
                self.same(|store| wait(store.enqueue(vec![group.clone()])));
            }
            Step::Claim { idle, prefetch } => {
                self.request += 1;
                let claim = Claim {
                    incarnation: Incarnation(self.turn as u64),
                    request: self.request,
                    idle: (0..u16::from(idle)).collect(),
                    prefetch: usize::from(prefetch),
                    lease: LEASE,
                };
                self.claim(claim.clone());
                self.last_claim = (idle > 0 || prefetch > 0).then_some(claim);
            }
            Step::RepeatClaim => {
                if let Some(claim) = self.last_claim.clone() {
                    self.claim(claim);
                }
            }
            Step::Start(index) => {
                let Some((model, real)) = self.pick(index) else {
                    return;
                };
                let started = wait(poulpe_store::Store::start(self.real(), &real));
                assert_eq!(
                    started,
                    wait(poulpe_store::Store::start(&self.model, &model))
                );
            }
            Step::Renew(index) => {
                let Some((model, real)) = self.pick(index) else {
                    return;
                };
                let model = wait(poulpe_store::Store::renew(&self.model, vec![model], LEASE));
                let real = wait(poulpe_store::Store::renew(self.real(), vec![real], LEASE));
                assert_eq!(real, model);
            }
            Step::Settle(index, verdict, at_once) => {
                let Some((model, real)) = self.pick(index) else {
                    return;
                };
                let verdict = self.verdict(verdict, at_once);
                let settlement = |lease| Settlement {
                    lease,
                    verdict: verdict.clone(),
                };
                self.settle(settlement(model), settlement(real));
            }
            Step::RepeatSettle => {
                if let Some((model, real)) = self.last_settlement.clone() {
                    self.settle(model, real);
                }
            }
            Step::Cancel(id) => self.same(|store| wait(store.cancel(&name(id)))),
            Step::Revive(id) => self.same(|store| wait(store.revive(&name(id)))),
            Step::Purge(id) => self.same(|store| wait(store.purge(&name(id)))),
            Step::Acknowledge => {
                let items = self
                    .both(|store| wait(store.take(poulpe_store::OutboxKind::DeadLetter, 2)))
                    .expect("it answers");
                let tokens: Vec<u64> = items.into_iter().map(|item| item.token).collect();
                self.same(|store| {
                    wait(store.acknowledge(poulpe_store::OutboxKind::DeadLetter, tokens.clone()))
                });
            }
            Step::Checkpoint { expected, next } => {
                let checkpoint = move_of(expected, next);
                self.same(|store| wait(store.compare_and_set(checkpoint.clone())));
            }
            Step::Pass(seconds) => self.clock.advance(Duration::from_secs(seconds)),
            Step::Compare => self.compare(),
            Step::Reopen => {
                self.real[self.turn] = open_real(self.server, &self.prefix, &self.clock);
            }
        }
    }

    fn claim(&mut self, claim: Claim) {
        let model = wait(poulpe_store::Store::claim(&self.model, claim.clone()));
        let real = wait(poulpe_store::Store::claim(self.real(), claim));
        let (model, real) = (model.expect("it claims"), real.expect("it claims"));
        assert_eq!(comparable(&real), comparable(&model), "Redis, then memory");
        for (model, real) in model.jobs.into_iter().zip(real.jobs) {
            let pair = (model.lease, real.lease);
            // A repeat gives the leases that it gave before.
            let is_new = !self.leases.iter().any(|(other, _)| *other == pair.0);
            assert_eq!(
                is_new,
                !self.leases.iter().any(|(_, other)| *other == pair.1)
            );
            if is_new {
                self.leases.push(pair);
            }
        }
    }

    fn settle(&mut self, model: Settlement, real: Settlement) {
        // Of a job that has been forgotten nobody need know whether its lease was ever settled.
        let known = wait(self.model.job(&model.lease.job)).expect("it answers");
        let settled = wait(poulpe_store::Store::settle(
            &self.model,
            vec![model.clone()],
        ));
        let really = wait(poulpe_store::Store::settle(self.real(), vec![real.clone()]));
        let is_kept = known.is_some_and(|view| {
            let ended = view.result.map(|result| result.finished_at);
            ended.is_none_or(|at| at.after(limits().result_ttl) > self.now())
        });
        if is_kept {
            assert_eq!(really, settled, "Redis, then memory");
        }
        self.last_settlement = Some((model, real));
    }

    fn verdict(&self, number: u8, at_once: bool) -> Verdict {
        let due = match at_once {
            true => Due::NOW,
            false => Due::In(Duration::from_secs(5)),
        };
        match number {
            0 => Verdict::Complete(self.result(State::Done)),
            1 => Verdict::Bury {
                result: self.result(State::Dead),
                error: self.error(),
            },
            2 => Verdict::Retry {
                due,
                error: self.error(),
            },
            3 => Verdict::Release {
                due,
                reason: ReleaseReason::Interrupted,
            },
            // At once: the store in memory shows the old due time of one that waits, for it writes nothing.
            _ => Verdict::Release {
                due: Due::NOW,
                reason: ReleaseReason::NotStarted,
            },
        }
    }

    fn result(&self, state: State) -> JobResult {
        JobResult {
            outcome: Outcome::Fail,
            reason: "it was so".into(),
            state,
            output: "🐙".into(),
            status: Some(-9),
            attempts: 1,
            started_at: None,
            finished_at: self.now(),
        }
    }

    fn error(&self) -> AttemptError {
        AttemptError {
            attempt: 1,
            started_at: self.now(),
            finished_at: self.now(),
            status: None,
            reason: "it broke".into(),
        }
    }

    fn compare(&self) {
        self.same(|store| wait(store.counts()));
        let ids: Vec<JobId> = (0..18).map(name).collect();
        self.same(|store| wait(store.get(ids.clone())));
        for id in &ids {
            self.same(|store| wait(store.job(id)));
            self.same(|store| wait(store.dead(id)));
        }
        for state in State::ALL {
            let request = PageRequest {
                state,
                after: None,
                limit: 3,
            };
            let first = self
                .both(|store| wait(store.list(request)))
                .expect("it lists");
            let rest = PageRequest {
                after: first.next,
                limit: 100,
                ..request
            };
            self.same(|store| wait(store.list(rest)));
        }
        self.same(|store| wait(store.take(poulpe_store::OutboxKind::DeadLetter, 100)));
        self.same(|store| wait(store.load("offsets")));
    }
}

fn name(number: u8) -> JobId {
    JobId::new(&format!("job-{number}")).expect("an id")
}

/// Without waits that are drawn at random.
fn quick_job(number: u8) -> Job {
    Job {
        retry_interval: Duration::ZERO,
        id_chosen: !number.is_multiple_of(3),
        ..job(name(number).as_str())
    }
}

fn move_of(expected: u8, next: u8) -> Checkpoint {
    Checkpoint {
        name: "offsets".into(),
        expected: (expected > 0).then(|| vec![expected]),
        next: vec![next],
    }
}

/// What of a claim must be equal: leases differ at random.
fn comparable(claimed: &Claimed) -> impl PartialEq + std::fmt::Debug + use<> {
    let of_job = |one: &ClaimedJob| (one.job.clone(), one.progress.clone(), one.lane);
    let jobs: Vec<_> = claimed.jobs.iter().map(of_job).collect();
    (
        jobs,
        claimed.wanted.clone(),
        claimed.wants_any,
        claimed.more,
        claimed.next_due,
    )
}

#[test]
fn the_store_in_redis_does_what_the_store_in_memory_does() {
    let server = Server::start();
    let config = ProptestConfig {
        cases: 64,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    };
    proptest!(config, |(steps in prop::collection::vec(step(), 1..150))| {
        let mut pair = Pair::new(&server);
        for step in steps {
            pair.step(step);
        }
        pair.compare();
    });
}
