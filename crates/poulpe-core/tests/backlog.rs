//! Jobs run faster than the store settles them: what piles up is bounded.

use poulpe_core::store::{
    JobStore, LeaseId, Limits, MemoryStore, Results, SystemTimeSource, Watcher,
};
use poulpe_core::{
    Attempt, BadTask, Builder, Door, Executor, Failure, Job, JobId, Kind, LaneState, Operate,
    Output, Settings, Submit, Task,
};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

/// The scheduler's bound, and what may be at hand or running when it is reached.
const MOST: usize = 16_384 + 128 + 4;

/// Counts the jobs that have run and aren't settled.
#[derive(Default)]
struct Open {
    ran: AtomicUsize,
    settled: AtomicUsize,
    most: AtomicUsize,
}

impl Executor for Open {
    fn check(&self, _: &Task, _: Door) -> Result<(), BadTask> {
        Ok(())
    }

    fn execute(&self, _: &Job, _: &Attempt) -> Result<Output, Failure> {
        let ran = self.ran.fetch_add(1, SeqCst) + 1;
        self.most
            .fetch_max(ran.saturating_sub(self.settled.load(SeqCst)), SeqCst);
        Ok(Output::default())
    }
}

/// Holds up whoever settles until it is opened.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    open_jobs: Arc<Open>,
}

impl Watcher for Gate {
    fn awaited(&self) -> Vec<JobId> {
        Vec::new()
    }

    fn work(&self) {}

    fn finished(&self, ids: &[JobId]) {
        let closed = |is_open: &mut bool| !*is_open;
        let is_open = self.is_open.lock().unwrap();
        drop(
            self.opened
                .wait_timeout_while(is_open, SOON, closed)
                .unwrap(),
        );
        self.open_jobs.settled.fetch_add(ids.len(), SeqCst);
    }

    fn cancel_requested(&self, _: &[LeaseId]) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_more_starts_while_too_many_verdicts_wait_to_be_settled() {
    let open_jobs = Arc::new(Open::default());
    let gate = Arc::new(Gate {
        open_jobs: open_jobs.clone(),
        ..Gate::default()
    });
    let time = Arc::new(SystemTimeSource::new());
    let store = Arc::new(MemoryStore::in_memory(Limits::default(), time));
    store.watch(gate.clone());
    let store: Arc<dyn JobStore> = store;
    let builder = Builder::new(store).settings(Settings::default());
    let kind = Kind::new("COUNT");
    let scheduler = builder.executor(kind.clone(), open_jobs.clone()).start();
    let scheduler = scheduler.expect("it starts");
    let tasks = vec![Task::new(kind, "x"); 3 * MOST];
    scheduler.submit(tasks, Door::Library).await;
    // Without the bound the lanes are idle only when everything has run.
    loop {
        let lanes = scheduler.overview().await.expect("a store").lanes;
        let are_idle = lanes
            .iter()
            .all(|lane| matches!(lane.state, LaneState::Idle));
        if are_idle && open_jobs.ran.load(SeqCst) + 128 >= 16_384 {
            break;
        }
        tokio::task::yield_now().await;
    }
    *gate.is_open.lock().unwrap() = true;
    gate.opened.notify_all();
    while scheduler.overview().await.expect("a store").ended.0 < 3 * MOST as u64 {
        tokio::task::yield_now().await;
    }
    let most = open_jobs.most.load(SeqCst);
    assert!(most <= MOST, "{most} jobs had run and weren't settled");
    scheduler.stop(SOON).await;
}
