//! What the table asks of a medium: each record is replaced once, and watchers hear of what can be read.

use poulpe_job::{
    Digest, Door, Due, Job, JobId, JobResult, Kind, LaneSet, Outcome, Params, Priority, State,
    Timestamp, Verdict,
};
use poulpe_store::table::{Load, Op, OpAnswer, Staged, StartMark, Stored, Table, Write};
use poulpe_store::{
    Claim, Group, Incarnation, LeaseId, Limits, Lookup, ManualTime, Medium, MemoryStore, Results,
    Settlement, Shared, Store, StoreError, StoreResult, StoreStats, TableStore, Watcher,
};
use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

fn now<T>(future: impl Future<Output = StoreResult<T>>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer.expect("the store answers"),
        Poll::Pending => panic!("this store makes nobody wait"),
    }
}

/// Numbers records and keeps those that nothing has replaced.
#[derive(Default)]
struct Ledger {
    records: Mutex<(u64, HashMap<u64, Stored>)>,
}

impl Load<u64> for Ledger {
    fn load(&self, place: &u64) -> StoreResult<Stored> {
        let records = self.records.lock().expect("records");
        let record = records.1.get(place);
        record
            .cloned()
            .ok_or_else(|| StoreError::failed("read after it was replaced"))
    }
}

impl Medium for Ledger {
    type Place = u64;

    fn write(&self, writes: &[Write<u64>]) -> StoreResult<Vec<(u64, u32)>> {
        let mut records = self.records.lock().expect("records");
        let mut places = Vec::new();
        for write in writes {
            let (previous, stored) = match write {
                Write::Put {
                    previous, record, ..
                } => (previous, Stored::Record((**record).clone())),
                Write::End { previous, end, .. } => (previous, Stored::End((**end).clone())),
                Write::Checkpoint {
                    previous, value, ..
                } => (previous, Stored::Checkpoint(value.clone())),
            };
            if let Some(previous) = previous {
                let replaced = records.1.remove(previous);
                assert!(replaced.is_some(), "{previous} is replaced twice");
            }
            records.0 += 1;
            let place = records.0;
            records.1.insert(place, stored);
            places.push((place, 100));
        }
        Ok(places)
    }

    #[cfg(mutant = "settle_before_result")]
    fn foresee(&self, writes: &[Write<u64>]) -> Vec<(u64, u32)> {
        let next = self.records.lock().expect("records").0 + 1;
        (next..)
            .zip(writes)
            .map(|(place, _)| (place, 100))
            .collect()
    }

    fn mark(&self, _mark: StartMark) -> StoreResult<()> {
        Ok(())
    }

    fn has_room(&self) -> bool {
        true
    }

    fn run(
        shared: &Arc<Shared<Self>>,
        op: Op,
    ) -> impl Future<Output = StoreResult<OpAnswer>> + Send {
        let answer = apply(shared, vec![op]).pop().flatten();
        let answer = answer.ok_or_else(|| StoreError::failed("it waits for another"));
        std::future::ready(answer)
    }

    fn stats(&self) -> StoreStats {
        StoreStats::default()
    }

    fn health(&self) -> StoreResult<()> {
        Ok(())
    }
}

/// One batch; `None` for what has to wait for the next.
fn apply(shared: &Shared<Ledger>, ops: Vec<Op>) -> Vec<Option<OpAnswer>> {
    let staged = shared.apply(ops).expect("the ledger writes");
    let answer = |staged| match staged {
        Staged::Answer(answer) => Some(answer),
        Staged::Later(_) => None,
    };
    staged.into_iter().map(answer).collect()
}

fn id() -> JobId {
    JobId::new("a").expect("a valid id")
}

fn group() -> Group {
    let job = Job {
        id: id(),
        id_chosen: true,
        digest: Digest([1; 16]),
        kind: Kind::GET,
        name: "http://localhost/".into(),
        params: Params::default(),
        headers: vec![],
        lanes: LaneSet::any(),
        priority: Priority::default(),
        timeout: Duration::from_secs(60),
        max_retry: 3,
        retry_interval: Duration::from_secs(10),
        door: Door::Library,
        accepted_at: Timestamp::default(),
        due: Timestamp::default(),
    };
    Group::job(job, Due::NOW)
}

fn lease(store: &dyn Store) -> LeaseId {
    let claim = Claim {
        incarnation: Incarnation(1),
        request: 1,
        idle: vec![0],
        prefetch: 0,
        lease: Duration::from_secs(30),
    };
    now(store.claim(claim)).jobs.remove(0).lease
}

fn complete(lease: LeaseId) -> Settlement {
    let result = JobResult {
        outcome: Outcome::Ok,
        reason: String::new(),
        state: State::Done,
        output: String::new(),
        status: None,
        attempts: 1,
        started_at: None,
        finished_at: Timestamp::default(),
    };
    Settlement {
        lease,
        verdict: Verdict::Complete(result),
    }
}

fn over_a_ledger() -> TableStore<Ledger> {
    let time = Arc::new(ManualTime::new(0));
    TableStore::new(Table::new(Limits::default()), Ledger::default(), time)
}

#[test]
fn a_settlement_waits_for_a_cancel_of_the_same_batch() {
    let store = over_a_ledger();
    now(store.enqueue(vec![group()]));
    let lease = lease(&store);
    let settle = || Op::Settle(vec![complete(lease.clone())]);
    let answers = apply(store.shared(), vec![Op::Cancel(id()), settle()]);
    assert!(matches!(answers[..], [Some(OpAnswer::Cancelled(_)), None]));
    let answers = apply(store.shared(), vec![settle()]);
    assert!(matches!(&answers[..], [Some(OpAnswer::Settled(_))]));
}

#[test]
fn an_expiry_waits_for_a_cancel_of_the_same_batch() {
    let time = Arc::new(ManualTime::new(0));
    let table = Table::new(Limits::default());
    let store = TableStore::new(table, Ledger::default(), Arc::clone(&time) as _);
    now(store.enqueue(vec![group()]));
    lease(&store);
    time.advance(Duration::from_secs(30));
    apply(store.shared(), vec![Op::Cancel(id()), Op::Expire]);
    assert!(store.shared().has_ended_leases());
    apply(store.shared(), vec![Op::Expire]);
    assert!(!store.shared().has_ended_leases());
    assert!(matches!(now(store.get(vec![id()]))[..], [Lookup::Ended(_)]));
}

#[test]
fn what_concerns_a_job_whose_write_is_on_its_way_waits() {
    let store = over_a_ledger();
    let ops = vec![Op::Enqueue(vec![group()]), Op::Cancel(id())];
    let answers = apply(store.shared(), ops);
    assert!(matches!(answers[..], [Some(OpAnswer::Enqueued(_)), None]));
}

/// Reads what it is told of, and has another watcher told from then on.
struct Reader {
    store: OnceLock<Weak<MemoryStore>>,
    read: Mutex<Vec<Lookup>>,
}

impl Watcher for Reader {
    fn awaited(&self) -> Vec<JobId> {
        Vec::new()
    }

    fn work(&self) {}

    fn finished(&self, ids: &[JobId]) {
        let store = self.store.get().and_then(Weak::upgrade).expect("a store");
        let found = now(store.get(ids.to_vec()));
        self.read.lock().expect("read").extend(found);
        store.watch(Arc::new(Deaf));
    }

    fn cancel_requested(&self, _leases: &[LeaseId]) {}
}

struct Deaf;

impl Watcher for Deaf {
    fn awaited(&self) -> Vec<JobId> {
        Vec::new()
    }

    fn work(&self) {}
    fn finished(&self, _ids: &[JobId]) {}
    fn cancel_requested(&self, _leases: &[LeaseId]) {}
}

#[test]
fn a_watcher_reads_the_result_it_is_told_of() {
    let time = Arc::new(ManualTime::new(0));
    let store = Arc::new(MemoryStore::in_memory(Limits::default(), time));
    let reader = Arc::new(Reader {
        store: OnceLock::new(),
        read: Mutex::default(),
    });
    drop(reader.store.set(Arc::downgrade(&store)));
    store.watch(reader.clone());
    now(store.enqueue(vec![group()]));
    let settlement = complete(lease(&*store));
    now(store.settle(vec![settlement]));
    let read = reader.read.lock().expect("read");
    assert!(matches!(read[..], [Lookup::Ended(_)]));
}
