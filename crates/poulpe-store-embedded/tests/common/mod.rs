//! What the tests share: jobs, stores in directories that vanish, and every verb as a plain call.
#![expect(dead_code, reason = "each test uses its own part")]

use poulpe_job::{
    AttemptError, Digest, Door, Due, Job, JobId, JobResult, Kind, LaneSet, Outcome, Params,
    Priority, State, Timestamp, Verdict,
};
use poulpe_store::{
    Accepted, Claim, ClaimedJob, Counts, Group, GroupAnswer, Hold, Incarnation, JobStore, LeaseId,
    Limits, Lookup, ManualTime, PageRequest, Settlement, Started,
};
use poulpe_store_embedded::{EmbeddedStore, OpenError, Options};
use std::collections::BTreeSet;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

/// Where time starts in tests.
pub(crate) const START: i64 = 1_700_000_000_000;

/// Small, so that a test meets many of them.
pub(crate) const SMALL: u64 = 16 * 1024;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

pub(crate) fn options() -> Options {
    Options {
        segment_bytes: SMALL,
        ..Options::default()
    }
}

pub(crate) fn time() -> Arc<ManualTime> {
    Arc::new(ManualTime::new(START))
}

pub(crate) fn try_open(dir: &Path) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(dir, options(), time())
}

pub(crate) fn open(dir: &Path) -> EmbeddedStore {
    try_open(dir).expect("the store opens")
}

pub(crate) fn open_at(dir: &Path, time: &Arc<ManualTime>) -> EmbeddedStore {
    EmbeddedStore::open(dir, options(), Arc::clone(time) as _).expect("the store opens")
}

/// A store of segments of this size that keeps results for a second.
pub(crate) fn open_short(dir: &Path, segment_bytes: u64, time: &Arc<ManualTime>) -> EmbeddedStore {
    let options = Options {
        limits: Limits {
            result_ttl: Duration::from_secs(1),
            ..Limits::default()
        },
        segment_bytes,
        ..Options::default()
    };
    EmbeddedStore::open(dir, options, Arc::clone(time) as _).expect("the store opens")
}

/// The names of all jobs in these states.
pub(crate) fn names_in(states: &[State], store: &dyn JobStore) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for &state in states {
        let request = PageRequest {
            state,
            after: None,
            limit: 1_000_000,
        };
        let page = wait(store.list(request)).expect("it lists");
        names.extend(page.jobs.into_iter().map(|job| job.id.to_string()));
    }
    names
}

pub(crate) fn id(text: &str) -> JobId {
    JobId::new(text).expect("a good id")
}

pub(crate) fn job(name: &str) -> Job {
    Job {
        id: id(name),
        id_chosen: true,
        digest: Digest([7; 16]),
        kind: Kind::GET,
        name: format!("http://localhost/{name}"),
        params: Params::Text("a=1".into()),
        headers: vec![("X-Test".into(), "1".into())],
        lanes: LaneSet::any(),
        priority: Priority::default(),
        timeout: Duration::from_secs(60),
        max_retry: 3,
        retry_interval: Duration::from_secs(10),
        door: Door::Http,
        accepted_at: Timestamp::from_millis(0),
        due: Timestamp::from_millis(0),
    }
}

pub(crate) fn enqueue(store: &dyn JobStore, name: &str, due: Due) -> Accepted {
    let answers = wait(store.enqueue(vec![Group::job(job(name), due)])).expect("it enqueues");
    match answers.as_slice() {
        [GroupAnswer::Taken(accepted)] => accepted[0],
        other => panic!("{other:?}"),
    }
}

pub(crate) fn claim_max(store: &dyn JobStore, request: u64, max: usize) -> Vec<ClaimedJob> {
    let claim = Claim {
        incarnation: Incarnation(1),
        request,
        idle: vec![0, 1],
        prefetch: max.saturating_sub(2),
        lease: Duration::from_secs(30),
    };
    let mut claimed = wait(store.claim(claim)).expect("it claims");
    claimed.jobs.truncate(max);
    claimed.jobs
}

/// The names of all jobs that can be claimed, in their order.
pub(crate) fn claim_all(store: &dyn JobStore) -> Vec<String> {
    let jobs = claim_max(store, u64::MAX, 1_000_000);
    jobs.iter().map(|job| job.job.id.to_string()).collect()
}

pub(crate) fn start(store: &dyn JobStore, lease: &LeaseId) -> Started {
    wait(store.start(lease)).expect("it starts")
}

pub(crate) fn settle(store: &dyn JobStore, lease: &LeaseId, verdict: Verdict) -> Hold {
    let settlement = Settlement {
        lease: lease.clone(),
        verdict,
    };
    wait(store.settle(vec![settlement])).expect("it settles")[0]
}

pub(crate) fn complete(output: &str) -> Verdict {
    Verdict::Complete(result(output, State::Done))
}

pub(crate) fn result(output: &str, state: State) -> JobResult {
    JobResult {
        outcome: Outcome::Ok,
        reason: String::new(),
        state,
        output: output.into(),
        status: Some(200),
        attempts: 1,
        started_at: Some(Timestamp::from_millis(START)),
        finished_at: Timestamp::from_millis(START),
    }
}

pub(crate) fn error(attempt: u32) -> AttemptError {
    AttemptError {
        attempt,
        started_at: Timestamp::from_millis(START),
        finished_at: Timestamp::from_millis(START),
        status: Some(500),
        reason: format!("attempt {attempt} failed"),
    }
}

pub(crate) fn bury(attempt: u32) -> Verdict {
    Verdict::Bury {
        result: result("", State::Dead),
        error: error(attempt),
    }
}

pub(crate) fn retry(attempt: u32, due: Due) -> Verdict {
    Verdict::Retry {
        due,
        error: error(attempt),
    }
}

pub(crate) fn lookup(store: &dyn JobStore, name: &str) -> Lookup {
    wait(store.get(vec![id(name)]))
        .expect("it answers")
        .remove(0)
}

pub(crate) fn counts(store: &dyn JobStore) -> Counts {
    wait(store.counts()).expect("it counts")
}

pub(crate) fn figure(store: &dyn JobStore, name: &str) -> u64 {
    let stats = store.stats();
    let found = stats.figures.iter().find(|(other, _)| *other == name);
    found.expect("a figure of this name").1
}

/// A copy of a data directory, as a crash would leave it. The newest segments first: while an old one is there, so are
/// those that end its jobs. If files come and go meanwhile it is made again: no crash leaves half of what a cleaning did.
pub(crate) fn copy(from: &Path) -> tempfile::TempDir {
    loop {
        let to = tempfile::tempdir().expect("a directory");
        let names = names(from);
        for name in names.iter().rev() {
            match std::fs::copy(from.join(name), to.path().join(name)) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => panic!("failed to copy {}: {error}", name.display()),
            }
        }
        if names == self::names(from) {
            return to;
        }
    }
}

fn names(dir: &Path) -> Vec<std::ffi::OsString> {
    let entries = std::fs::read_dir(dir).expect("it lists");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    names
}

/// The segments of a data directory, in order.
pub(crate) fn segments(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).expect("it lists");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut segments: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "seg"))
        .collect();
    segments.sort();
    segments
}
