//! Random operations against the store in memory as the model, with the embedded store opened anew in between.

mod common;
use common::*;

use poulpe_job::{Due, JobId, LaneSet, ReleaseReason, State, Verdict};
use poulpe_store::{
    Checkpoint, Claim, Claimed, ClaimedJob, Group, Incarnation, JobStore, JobView, LeaseId, Limits,
    ManualTime, MemoryStore, PageRequest, Settlement,
};
use poulpe_store_embedded::{EmbeddedStore, Options};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy)]
enum Step {
    Enqueue {
        id: u8,
        wait: u64,
        lanes: u8,
        other: bool,
    },
    EnqueueMany {
        first: u8,
        many: u8,
        checkpoint: u8,
    },
    Claim {
        idle: u8,
        prefetch: u8,
    },
    Start(prop::sample::Index),
    Renew(prop::sample::Index),
    Settle(prop::sample::Index, u8),
    Cancel(u8),
    Revive(u8),
    Purge(u8),
    Acknowledge,
    Checkpoint {
        expected: u8,
        next: u8,
    },
    Pass(u64),
    Reopen {
        crash: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        6 => (0..12_u8, prop_oneof![Just(0_u64), 0..40_u64], 0..4_u8, any::<bool>())
            .prop_map(|(id, wait, lanes, other)| Step::Enqueue { id, wait, lanes, other }),
        2 => (0..12_u8, 1..6_u8, 0..3_u8)
            .prop_map(|(first, many, checkpoint)| Step::EnqueueMany { first, many, checkpoint }),
        6 => (0..4_u8, 0..4_u8).prop_map(|(idle, prefetch)| Step::Claim { idle, prefetch }),
        5 => index().prop_map(Step::Start),
        1 => index().prop_map(Step::Renew),
        6 => (index(), 0..5_u8).prop_map(|(lease, verdict)| Step::Settle(lease, verdict)),
        1 => (0..12_u8).prop_map(Step::Cancel),
        2 => (0..12_u8).prop_map(Step::Revive),
        1 => (0..12_u8).prop_map(Step::Purge),
        1 => Just(Step::Acknowledge),
        1 => (0..3_u8, 0..3_u8).prop_map(|(expected, next)| Step::Checkpoint { expected, next }),
        3 => (0..50_u64).prop_map(Step::Pass),
        1 => any::<bool>().prop_map(|crash| Step::Reopen { crash }),
    ]
}

/// Both stores, the same clock, and the leases that each gave for the same job.
struct Pair {
    clock: Arc<ManualTime>,
    model: MemoryStore,
    dir: tempfile::TempDir,
    real: Option<EmbeddedStore>,
    leases: Vec<(LeaseId, LeaseId)>,
    request: u64,
}

fn limits() -> Limits {
    Limits {
        result_ttl: Duration::from_secs(60),
        ..Limits::default()
    }
}

fn open_real(dir: &std::path::Path, clock: &Arc<ManualTime>) -> EmbeddedStore {
    let options = Options {
        limits: limits(),
        segment_bytes: SMALL,
        ..Options::default()
    };
    EmbeddedStore::open(dir, options, Arc::clone(clock) as _).expect("it opens")
}

impl Pair {
    fn new() -> Self {
        let clock = time();
        let dir = tempfile::tempdir().expect("a directory");
        Self {
            model: MemoryStore::in_memory(limits(), Arc::clone(&clock) as _),
            real: Some(open_real(dir.path(), &clock)),
            clock,
            dir,
            leases: Vec::new(),
            request: 0,
        }
    }

    /// Asks both the same; they must answer the same.
    fn both<T: PartialEq + std::fmt::Debug>(&self, ask: impl Fn(&dyn JobStore) -> T) -> T {
        let model = ask(&self.model);
        let real = ask(self.real());
        assert_eq!(real, model, "embedded, then memory");
        model
    }

    /// The same, when it is only that which matters.
    fn same<T: PartialEq + std::fmt::Debug>(&self, ask: impl Fn(&dyn JobStore) -> T) {
        self.both(ask);
    }

    fn real(&self) -> &EmbeddedStore {
        self.real.as_ref().expect("it is open")
    }

    fn pick(&self, index: prop::sample::Index) -> Option<&(LeaseId, LeaseId)> {
        (!self.leases.is_empty()).then(|| index.get(&self.leases))
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Enqueue {
                id,
                wait: delay,
                lanes,
                other,
            } => {
                let mut job = quick_job(id);
                job.lanes = LaneSet::new((0..2).filter(|lane| lanes & (1 << lane) != 0));
                job.digest.0[0] = u8::from(other);
                let group = Group::job(job, Due::In(Duration::from_secs(delay)));
                self.same(|store| wait(store.enqueue(vec![group.clone()])));
            }
            Step::EnqueueMany {
                first,
                many,
                checkpoint,
            } => {
                let entries = (first..first + many)
                    .map(|number| poulpe_store::Entry::new(quick_job(number), Due::NOW));
                let group = Group {
                    entries: entries.collect(),
                    checkpoint: Some(move_of(checkpoint, checkpoint + 1)),
                };
                self.same(|store| wait(store.enqueue(vec![group.clone()])));
            }
            Step::Claim { idle, prefetch } => self.claim(idle, prefetch),
            Step::Start(index) => {
                let Some((model, real)) = self.pick(index).cloned() else {
                    return;
                };
                let model = start(&self.model, &model);
                assert_eq!(start(self.real(), &real), model);
            }
            Step::Renew(index) => {
                let Some((model, real)) = self.pick(index).cloned() else {
                    return;
                };
                let model = wait(poulpe_store::Store::renew(&self.model, vec![model], LEASE));
                let real = wait(poulpe_store::Store::renew(self.real(), vec![real], LEASE));
                assert_eq!(real, model);
            }
            Step::Settle(index, verdict) => self.settle(index, verdict),
            Step::Cancel(id) => self.same(|store| wait(store.cancel(&name(id)))),
            Step::Revive(id) => self.same(|store| wait(store.revive(&name(id)))),
            Step::Purge(id) => self.same(|store| wait(store.purge(&name(id)))),
            Step::Acknowledge => {
                let items = self.both(|store| {
                    wait(store.take(poulpe_store::OutboxKind::DeadLetter, 2))
                        .map(without_claims_of_items)
                });
                let tokens = items
                    .expect("it answers")
                    .into_iter()
                    .map(|(token, _)| token);
                let tokens: Vec<u64> = tokens.collect();
                self.same(|store| {
                    wait(store.acknowledge(poulpe_store::OutboxKind::DeadLetter, tokens.clone()))
                });
            }
            Step::Checkpoint { expected, next } => {
                let checkpoint = move_of(expected, next);
                self.same(|store| wait(store.compare_and_set(checkpoint.clone())));
            }
            Step::Pass(seconds) => self.clock.advance(Duration::from_secs(seconds)),
            Step::Reopen { crash } => self.reopen(crash),
        }
    }

    fn claim(&mut self, idle: u8, prefetch: u8) {
        self.request += 1;
        let claim = Claim {
            incarnation: Incarnation(1),
            request: self.request,
            idle: (0..u16::from(idle)).collect(),
            prefetch: usize::from(prefetch),
            lease: LEASE,
        };
        let model =
            wait(poulpe_store::Store::claim(&self.model, claim.clone())).expect("it claims");
        let real = wait(poulpe_store::Store::claim(self.real(), claim)).expect("it claims");
        assert_eq!(comparable(&real), comparable(&model));
        let leases = model.jobs.into_iter().zip(real.jobs);
        self.leases
            .extend(leases.map(|(model, real)| (model.lease, real.lease)));
    }

    fn settle(&mut self, index: prop::sample::Index, verdict: u8) {
        if self.leases.is_empty() {
            return;
        }
        let (model, real) = self.leases.remove(index.index(self.leases.len()));
        let verdict = match verdict {
            0 => {
                let mut done = result("done", State::Done);
                done.finished_at = poulpe_store::TimeSource::wall(&*self.clock).floor();
                Verdict::Complete(done)
            }
            1 => {
                let mut dead = result("dead", State::Dead);
                dead.finished_at = poulpe_store::TimeSource::wall(&*self.clock).floor();
                Verdict::Bury {
                    result: dead,
                    error: error(1),
                }
            }
            2 => retry(1, Due::In(Duration::from_secs(5))),
            3 => Verdict::Release {
                due: Due::NOW,
                reason: ReleaseReason::Interrupted,
            },
            _ => Verdict::Release {
                due: Due::NOW,
                reason: ReleaseReason::NotStarted,
            },
        };
        let settlement = |lease| {
            vec![Settlement {
                lease,
                verdict: verdict.clone(),
            }]
        };
        let model = wait(poulpe_store::Store::settle(&self.model, settlement(model)));
        let real = wait(poulpe_store::Store::settle(self.real(), settlement(real)));
        assert_eq!(real, model);
    }

    /// Leases end with the process: the model's are let run out first.
    fn reopen(&mut self, crash: bool) {
        self.clock.advance(LEASE + Duration::from_millis(1));
        self.leases.clear();
        if crash {
            let crashed = copy(self.dir.path());
            self.real = None;
            self.dir = crashed;
        }
        self.real = None;
        self.real = Some(open_real(self.dir.path(), &self.clock));
        // A claim of nothing deals with the leases that have ended, counting moves what is due; opening did both.
        self.request += 1;
        let nothing = Claim {
            incarnation: Incarnation(1),
            request: self.request,
            idle: vec![],
            prefetch: 0,
            lease: LEASE,
        };
        wait(poulpe_store::Store::claim(&self.model, nothing)).expect("it claims");
        self.same(|store| counts(store));
    }

    fn compare(&self) {
        self.same(|store| counts(store));
        for number in 0..18 {
            self.same(|store| lookup(store, name(number).as_str()));
            self.same(|store| wait(store.job(&name(number))).map(|view| view.map(without_claims)));
            self.same(|store| wait(store.dead(&name(number))).map(|view| view.map(without_claims)));
        }
        for state in State::ALL {
            let request = PageRequest {
                state,
                after: None,
                limit: 100,
            };
            self.same(|store| {
                let page = wait(store.list(request)).expect("it lists");
                page.jobs
                    .into_iter()
                    .map(without_claims)
                    .collect::<Vec<_>>()
            });
        }
        self.same(|store| {
            wait(store.take(poulpe_store::OutboxKind::DeadLetter, 100)).map(without_claims_of_items)
        });
        self.same(|store| wait(store.load("offsets")));
    }
}

fn name(number: u8) -> JobId {
    id(&format!("job-{number}"))
}

/// Without waits that are drawn at random.
fn quick_job(number: u8) -> poulpe_job::Job {
    poulpe_job::Job {
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

/// Hand-outs without a start are forgotten with the process.
fn without_claims(mut view: JobView) -> JobView {
    view.progress.claims = 0;
    view
}

fn without_claims_of_items(items: Vec<poulpe_store::OutboxItem>) -> Vec<(u64, JobView)> {
    items
        .into_iter()
        .map(|item| (item.token, without_claims(item.job)))
        .collect()
}

/// What of a claim must be equal: leases differ at random.
fn comparable(claimed: &Claimed) -> impl PartialEq + std::fmt::Debug + use<> {
    let of_job = |one: &ClaimedJob| {
        let mut progress = one.progress.clone();
        progress.claims = 0;
        (one.job.clone(), progress, one.lane)
    };
    let jobs: Vec<_> = claimed.jobs.iter().map(of_job).collect();
    (
        jobs,
        claimed.wanted.clone(),
        claimed.wants_any,
        claimed.more,
        claimed.next_due,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn the_embedded_store_does_what_the_store_in_memory_does(
        steps in prop::collection::vec(step(), 1..150)
    ) {
        let mut pair = Pair::new();
        for step in steps {
            pair.step(step);
        }
        pair.compare();
        pair.reopen(true);
        pair.compare();
    }
}
