//! A store and its reference, asked the same.

use super::reference::{LEASE, ModelJob, Phase, Reference, TTL};
use super::{Step, sample};
use poulpe_job::{Due, JobId, Lane, State};
use poulpe_store::{
    Accepted, Claim, Entry, Group, GroupAnswer, Inspect, LeaseId, Limits, ManualTime, MemoryStore,
    Outbox, Results, Settlement, Store, Watcher,
};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Every future of the store in memory is ready at once.
pub(crate) fn now<T>(future: impl Future<Output = poulpe_store::StoreResult<T>>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer.expect("the store answers"),
        Poll::Pending => panic!("the store in memory makes wait"),
    }
}

/// Remembers which jobs were said to have ended.
#[derive(Default)]
pub(crate) struct Ends(pub(crate) Mutex<Vec<JobId>>);

impl Watcher for Ends {
    fn awaited(&self) -> Vec<JobId> {
        Vec::new()
    }

    fn work(&self) {}
    fn finished(&self, ids: &[JobId]) {
        self.0.lock().expect("ends").extend_from_slice(ids);
    }
    fn cancel_requested(&self, _leases: &[LeaseId]) {}
}

pub(crate) struct Pair {
    time: Arc<ManualTime>,
    pub(crate) store: MemoryStore,
    pub(crate) ends: Arc<Ends>,
    pub(crate) reference: Reference,
    /// Every lease ever given, and the number of its job.
    pub(crate) leases: Vec<(u8, LeaseId)>,
    pub(crate) request: u64,
    pub(crate) last_claim: Option<(Claim, Vec<LeaseId>)>,
}

pub(crate) fn id(number: u8) -> JobId {
    JobId::new(&format!("job {number}")).expect("a valid id")
}

pub(crate) fn wait_of(millis: i64) -> Due {
    Due::In(Duration::from_millis(millis.unsigned_abs()))
}

fn lanes(bits: u8) -> Vec<Lane> {
    (0..3).filter(|lane| bits & (1 << lane) != 0).collect()
}

impl Pair {
    pub(crate) fn new() -> Self {
        let limits = Limits {
            result_ttl: Duration::from_millis(TTL.unsigned_abs()),
            ..Limits::default()
        };
        let time = Arc::new(ManualTime::new(0));
        let store = MemoryStore::in_memory(limits, Arc::clone(&time) as _);
        let ends = Arc::new(Ends::default());
        store.watch(ends.clone());
        Self {
            time,
            store,
            ends,
            reference: Reference::default(),
            leases: Vec::new(),
            request: 0,
            last_claim: None,
        }
    }

    pub(crate) fn step(&mut self, step: Step) {
        match step {
            Step::Enqueue {
                id,
                digest,
                rank,
                lanes: bits,
                wait,
                dead,
            } => {
                let phase = if dead {
                    Phase::Dead { in_outbox: true }
                } else {
                    Phase::Waiting
                };
                let model = ModelJob {
                    id,
                    digest,
                    rank,
                    // Half of the jobs are confined.
                    lanes: lanes(if bits < 4 { bits } else { 0 }),
                    due: 0,
                    phase,
                    attempts: 0,
                    failures: 0,
                    losses: 0,
                    cancel: false,
                    settled: None,
                    ended: None,
                };
                self.enqueue(model, wait, dead);
            }
            Step::Claim { idle, prefetch } => self.claim(lanes(idle), prefetch),
            Step::RepeatClaim => self.repeat_claim(),
            Step::Start(index) => {
                if let Some((_, lease)) = self.pick(index) {
                    let started = now(self.store.start(&lease));
                    assert_eq!(started, self.reference.start(&lease));
                }
            }
            Step::Renew(index) => {
                if let Some((_, lease)) = self.pick(index) {
                    let length = Duration::from_millis(LEASE.unsigned_abs());
                    let holds = now(self.store.renew(vec![lease.clone()], length));
                    assert_eq!(holds, [self.reference.renew(&lease)]);
                }
            }
            Step::Settle {
                lease,
                verdict,
                wait,
            } => {
                if let Some(lease) = self.pick(lease) {
                    self.settle(&lease, verdict, wait);
                }
            }
            Step::Cancel(number) => {
                let cancelled = now(self.store.cancel(&id(number)));
                assert_eq!(cancelled, self.reference.cancel(number));
            }
            Step::Revive(number) => {
                let revived = now(self.store.revive(&id(number)));
                assert_eq!(revived, self.reference.revive(number));
            }
            Step::Purge(number) => {
                let purged = now(self.store.purge(&id(number)));
                assert_eq!(purged, self.reference.purge(number));
            }
            Step::Acknowledge => {
                let oldest = now(self.store.take(poulpe_store::OutboxKind::DeadLetter, 1));
                let tokens = oldest.iter().map(|item| item.token).collect();
                now(self
                    .store
                    .acknowledge(poulpe_store::OutboxKind::DeadLetter, tokens));
                self.reference.acknowledge_oldest();
            }
            Step::Pass(millis) => {
                self.time
                    .advance(Duration::from_millis(millis.unsigned_abs()));
                self.reference.now += millis;
            }
            Step::Look => self.look(),
        }
    }

    fn enqueue(&mut self, model: ModelJob, wait: i64, dead: bool) {
        let entry = if dead {
            Entry::Dead {
                job: Box::new(sample::job(&model)),
                result: sample::result("dead", State::Dead, self.reference.now),
                error: sample::error(self.reference.now),
            }
        } else {
            Entry::new(sample::job(&model), wait_of(wait))
        };
        let group = Group {
            entries: vec![entry],
            checkpoint: None,
        };
        let expected: Accepted = self.reference.enqueue(model, if dead { 0 } else { wait });
        let answers = now(self.store.enqueue(vec![group]));
        assert_eq!(answers, [GroupAnswer::Taken(vec![expected])]);
    }

    fn pick(&self, index: proptest::sample::Index) -> Option<(u8, LeaseId)> {
        (!self.leases.is_empty()).then(|| index.get(&self.leases).clone())
    }

    fn settle(&mut self, (number, lease): &(u8, LeaseId), verdict: u8, wait: i64) {
        let settlement = Settlement {
            lease: lease.clone(),
            verdict: sample::verdict(verdict, wait, self.reference.now),
        };
        if let Some(expected) = self.reference.settle(*number, lease, verdict, wait) {
            assert_eq!(now(self.store.settle(vec![settlement])), [expected]);
        }
    }
}
