//! A scheduler that only remembers: tests say how jobs go on.

use poulpe_core::store::Counts;
use poulpe_core::{
    AttemptError, BadTask, BoxFuture, Cancelled, Digest, Door, Due, Job, JobId, JobResult, JobView,
    LaneState, LaneView, Operate, Outcome, Overview, Page, PageRequest, Progress, ReadyCheck,
    Revived, ScheduleAction, ScheduleChanged, ScheduleView, SchedulesView, State, StoreError,
    StoreStats, Submit, Submitted, Task, Timestamp, Waited,
};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::watch;

#[derive(Default)]
pub(crate) struct Fake {
    jobs: Mutex<Vec<JobView>>,
    digests: Mutex<HashMap<JobId, Digest>>,
    pub(crate) expired: Mutex<Vec<JobId>>,
    /// No room for tasks.
    pub(crate) busy: AtomicBool,
    /// The store does nothing any more.
    pub(crate) broken: AtomicBool,
    /// What there is of schedules.
    pub(crate) schedules: Mutex<SchedulesView>,
    /// What schedules were told, in order.
    pub(crate) actions: Mutex<Vec<(String, ScheduleAction)>>,
    changed: watch::Sender<()>,
    /// How many wait.
    pub(crate) waiting: watch::Sender<usize>,
}

fn id(text: &str) -> JobId {
    JobId::new(text).unwrap()
}

pub(crate) fn result(outcome: Outcome, state: State) -> JobResult {
    JobResult {
        outcome,
        reason: String::new(),
        state,
        output: "done it".into(),
        status: Some(200),
        attempts: 1,
        started_at: Some(Timestamp::from_millis(1_000)),
        finished_at: Timestamp::from_millis(2_000),
    }
}

impl Fake {
    /// Ends a job.
    pub(crate) fn end(&self, name: &str, outcome: Outcome) {
        let state = match outcome {
            Outcome::Ok => State::Done,
            Outcome::Fail => State::Dead,
        };
        self.change(name, |view| {
            view.state = state;
            view.result = Some(result(outcome, state));
            view.progress.attempts = 1;
        });
    }

    pub(crate) fn set(&self, name: &str, state: State) {
        self.change(name, |view| view.state = state);
    }

    /// A failed attempt.
    pub(crate) fn fail(&self, name: &str, reason: &str) {
        self.change(name, |view| {
            view.state = State::Retrying;
            view.progress.attempts += 1;
            view.progress.failures += 1;
            view.progress.errors.push(AttemptError {
                attempt: view.progress.attempts,
                started_at: Timestamp::from_millis(0),
                finished_at: Timestamp::from_millis(5),
                status: Some(500),
                reason: reason.into(),
            });
        });
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        let jobs = self.jobs.lock().unwrap();
        jobs.iter().map(|view| view.id.to_string()).collect()
    }

    /// Returns when this many wait.
    pub(crate) async fn waiters(&self, count: usize) {
        let mut waiting = self.waiting.subscribe();
        super::soon(waiting.wait_for(|now| *now == count))
            .await
            .unwrap();
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut JobView)) {
        let mut jobs = self.jobs.lock().unwrap();
        change(jobs.iter_mut().find(|view| view.id == id(name)).unwrap());
        drop(jobs);
        self.changed.send_replace(());
    }

    fn view(&self, id: &JobId) -> Option<JobView> {
        let jobs = self.jobs.lock().unwrap();
        jobs.iter().find(|view| view.id == *id).cloned()
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.broken.load(Relaxed) {
            return Err(StoreError::failed("disk full"));
        }
        Ok(())
    }

    fn accept(&self, task: Task, door: Door) -> Submitted {
        assert_ne!(task.name, "panic", "as the test wants");
        let mut jobs = self.jobs.lock().unwrap();
        let id_chosen = task.id.is_some();
        let digest = task.digest();
        let id = task
            .id
            .clone()
            .unwrap_or_else(|| id(&format!("generated-{}", jobs.len())));
        if self.busy.load(Relaxed) {
            return Submitted::Busy(Some(id), "the queue is full".into());
        }
        if !task.lanes.is_any() && !task.lanes.allows(0) {
            return Submitted::Refused(Some(id), BadTask::new("cc", "there is lane 0 only"));
        }
        if let Some(known) = jobs.iter().find(|view| view.id == id) {
            if self.digests.lock().unwrap()[&id] != digest {
                return Submitted::Conflict(id);
            }
            return Submitted::Duplicate(id, known.state);
        }
        self.digests.lock().unwrap().insert(id.clone(), digest);
        let state = match task.due {
            Due::NOW => State::Ready,
            _ => State::Delayed,
        };
        let job = Job {
            id: id.clone(),
            id_chosen,
            digest,
            kind: task.kind,
            name: task.name,
            params: task.params,
            headers: task.headers,
            lanes: task.lanes,
            priority: task.priority,
            timeout: task.timeout.unwrap_or(Duration::from_secs(60)),
            max_retry: task.max_retry.unwrap_or(3),
            retry_interval: Duration::from_secs(10),
            door,
            accepted_at: Timestamp::from_millis(0),
            due: task.due.resolve(Timestamp::from_millis(0)),
        };
        let sequence = jobs.len() as u64 + 1;
        jobs.push(JobView {
            sequence,
            state,
            id: id.clone(),
            job: Some(job),
            progress: Progress::default(),
            lane: None,
            result: None,
        });
        Submitted::Accepted(id, state)
    }

    fn told(&self, schedule: &str, action: ScheduleAction) -> ScheduleChanged {
        if action != ScheduleAction::Run {
            return ScheduleChanged::Done;
        }
        let mut task = Task::new(poulpe_core::Kind::GET, "http://h/");
        task.id = Some(id(&format!("{schedule}@now-1")));
        ScheduleChanged::Ran(self.accept(task, Door::Cron))
    }

    fn look(&self, id: &JobId) -> Option<Waited> {
        if self.broken.load(Relaxed) {
            return Some(Waited::Unavailable("disk full".into()));
        }
        if self.expired.lock().unwrap().contains(id) {
            return Some(Waited::Expired);
        }
        match self.view(id) {
            None => Some(Waited::Unknown),
            Some(view) => view.result.map(Waited::Ended),
        }
    }
}

/// Counts who waits, also when the wait is dropped.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|now| *now -= 1);
    }
}

impl Submit for Fake {
    fn submit(&self, tasks: Vec<Task>, door: Door) -> BoxFuture<'_, Vec<Submitted>> {
        let taken = tasks.into_iter().map(|task| self.accept(task, door));
        let taken: Vec<Submitted> = taken.collect();
        Box::pin(std::future::ready(taken))
    }

    fn wait(&self, id: &JobId, limit: Duration) -> BoxFuture<'_, Waited> {
        let id = id.clone();
        Box::pin(async move {
            let mut changed = self.changed.subscribe();
            self.waiting.send_modify(|now| *now += 1);
            let _waiting = Waiting(&self.waiting);
            let ended = async {
                loop {
                    if let Some(waited) = self.look(&id) {
                        return waited;
                    }
                    changed.changed().await.unwrap();
                }
            };
            match tokio::time::timeout(limit, ended).await {
                Ok(waited) => waited,
                Err(_) => {
                    let view = self.view(&id).unwrap();
                    let last = view.progress.errors.last();
                    Waited::TimedOut(Some(view.state), last.map(|error| error.reason.clone()))
                }
            }
        })
    }

    fn cancel(&self, id: &JobId) -> BoxFuture<'_, Result<Cancelled, StoreError>> {
        let cancelled = self.check().map(|()| match self.view(id) {
            None => Cancelled::Unknown,
            Some(view) => match view.state {
                State::Running => Cancelled::Requested,
                State::Dead | State::Done => Cancelled::Ended(view.state),
                _ => Cancelled::Done,
            },
        });
        Box::pin(std::future::ready(cancelled))
    }
}

impl Operate for Fake {
    fn overview(&self) -> BoxFuture<'_, Result<Overview, StoreError>> {
        let jobs = self.jobs.lock().unwrap();
        let count = |state| jobs.iter().filter(|view| view.state == state).count() as u64;
        let counts = Counts {
            delayed: count(State::Delayed),
            ready: count(State::Ready),
            running: count(State::Running),
            retrying: count(State::Retrying),
            dead: count(State::Dead),
            done: count(State::Done),
            ..Counts::default()
        };
        let running = LaneState::Running(id("r"), 2, Timestamp::from_millis(3_000));
        let lane = |lane, state, waiting| LaneView {
            lane,
            state,
            waiting,
        };
        let overview = Overview {
            counts,
            lanes: vec![lane(0, LaneState::Idle, 2), lane(1, running, 3)],
            prefetched: 5,
            admitting: 6,
            kinds: vec!["GET".into()],
            unrunnable: vec![("X".into(), 7)],
            ended: (8, 9, 10),
            retried: 11,
            lost: 12,
            feed: None,
            store: StoreStats {
                full: false,
                warnings: vec![],
                name: "fake",
                place: "here".into(),
                durable: false,
                figures: vec![("bytes", 13)],
                histograms: vec![poulpe_core::Histogram {
                    name: "wait_micros",
                    bounds: &[10, 100],
                    counts: vec![1, 2, 3],
                }],
            },
            uptime: Duration::from_millis(14_500),
        };
        Box::pin(std::future::ready(self.check().map(|()| overview)))
    }

    fn job(&self, id: &JobId) -> BoxFuture<'_, Result<Option<JobView>, StoreError>> {
        Box::pin(std::future::ready(self.check().map(|()| self.view(id))))
    }

    fn dead(&self, id: &JobId) -> BoxFuture<'_, Result<Option<JobView>, StoreError>> {
        let dead = self.view(id).filter(|view| view.state == State::Dead);
        Box::pin(std::future::ready(self.check().map(|()| dead)))
    }

    fn list(&self, request: PageRequest) -> BoxFuture<'_, Result<Page, StoreError>> {
        let after = request.after.unwrap_or(0);
        let jobs = self.jobs.lock().unwrap();
        let asked = |view: &&JobView| view.state == request.state && view.sequence > after;
        let mut jobs: Vec<JobView> = jobs.iter().filter(asked).cloned().collect();
        let more = jobs.len() > request.limit;
        jobs.truncate(request.limit);
        let next = jobs.last().filter(|_| more).map(|view| view.sequence);
        let page = self.check().map(|()| Page { jobs, next });
        Box::pin(std::future::ready(page))
    }

    fn revive(&self, id: &JobId) -> BoxFuture<'_, Result<Revived, StoreError>> {
        let revived = self.check().map(|()| match self.view(id) {
            Some(view) if view.state == State::Dead => Revived::Done,
            Some(_) => Revived::Taken,
            None => Revived::Unknown,
        });
        Box::pin(std::future::ready(revived))
    }

    fn purge(&self, id: &JobId) -> BoxFuture<'_, Result<bool, StoreError>> {
        let dead = self.view(id).is_some_and(|view| view.state == State::Dead);
        Box::pin(std::future::ready(self.check().map(|()| dead)))
    }

    fn schedules(&self, max: usize) -> BoxFuture<'_, Result<SchedulesView, StoreError>> {
        let mut view = self.schedules.lock().unwrap().clone();
        view.count = view.schedules.len();
        view.schedules.truncate(max);
        Box::pin(std::future::ready(self.check().map(|()| view)))
    }

    fn schedule(&self, id: &str) -> BoxFuture<'_, Result<Option<ScheduleView>, StoreError>> {
        let view = self.schedules.lock().unwrap();
        let found = view.schedules.iter().find(|one| one.id == id).cloned();
        Box::pin(std::future::ready(self.check().map(|()| found)))
    }

    fn change_schedule(
        &self,
        name: &str,
        action: ScheduleAction,
    ) -> BoxFuture<'_, Result<ScheduleChanged, StoreError>> {
        let view = self.schedules.lock().unwrap();
        let changed = if view.schedules.iter().all(|schedule| schedule.id != name) {
            ScheduleChanged::Unknown
        } else {
            self.actions.lock().unwrap().push((name.into(), action));
            self.told(name, action)
        };
        Box::pin(std::future::ready(self.check().map(|()| changed)))
    }

    fn health(&self) -> Result<(), String> {
        self.check().map_err(|error| error.to_string())
    }

    fn readiness(&self) -> Vec<ReadyCheck> {
        let ok = self.check().is_ok();
        vec![ReadyCheck {
            name: "store",
            ok,
            reason: if ok { "" } else { "disk full" }.into(),
        }]
    }
}
