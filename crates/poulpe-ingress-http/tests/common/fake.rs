//! A scheduler that only remembers: tests say how jobs go on.

use poulpe_core::store::Counts;
use poulpe_core::{
    AttemptError, BadTask, BoxFuture, Cancelled, Digest, Door, Due, Follow, Job, JobId, JobResult,
    JobView, LaneState, LaneView, Lookup, Operate, Outcome, Overview, Page, PageRequest, Progress,
    ReadyCheck, Revived, ScheduleAction, ScheduleChanged, ScheduleView, SchedulesView, State,
    StoreError, StoreStats, Submit, Submitted, Task, Timestamp, Waited,
};
use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
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
    /// How often `submit` was called, with how many tasks.
    pub(crate) submits: Mutex<Vec<usize>>,
    changed: watch::Sender<()>,
    /// How many wait.
    pub(crate) waiting: watch::Sender<usize>,
    /// How many jobs are followed.
    pub(crate) followed: watch::Sender<usize>,
    me: std::sync::OnceLock<std::sync::Weak<Fake>>,
}

impl Fake {
    pub(crate) fn new() -> Arc<Self> {
        let fake = Arc::new(Self::default());
        fake.me.set(Arc::downgrade(&fake)).unwrap();
        fake
    }

    /// Returns when so many jobs are followed.
    pub(crate) async fn followers(&self, count: usize) {
        let mut followed = self.followed.subscribe();
        super::soon(followed.wait_for(|now| *now == count))
            .await
            .unwrap();
    }
}

/// Follows as the scheduler does.
struct Follower {
    fake: Arc<Fake>,
    ids: Mutex<HashSet<JobId>>,
}

impl Follower {
    fn look(&self, id: &JobId) -> Result<Lookup, StoreError> {
        Ok(match self.fake.look(id) {
            Some(Waited::Ended(result)) => Lookup::Ended(result),
            Some(Waited::Expired) => Lookup::Expired,
            Some(Waited::Unavailable(why)) => return Err(StoreError::failed(why)),
            Some(_) => Lookup::Unknown,
            None => Lookup::Living(State::Ready, None),
        })
    }
}

impl Follow for Follower {
    fn add(&self, ids: Vec<JobId>) -> BoxFuture<'_, Result<Vec<Lookup>, StoreError>> {
        let lookups: Result<Vec<Lookup>, StoreError> = ids.iter().map(|id| self.look(id)).collect();
        for (place, id) in ids.into_iter().enumerate() {
            let lives = |found: &Vec<Lookup>| matches!(found[place], Lookup::Living(..));
            if lookups.as_ref().map_or(true, lives) && self.ids.lock().unwrap().insert(id) {
                self.fake.followed.send_modify(|now| *now += 1);
            }
        }
        Box::pin(std::future::ready(lookups))
    }

    fn ended(&self, max: usize) -> BoxFuture<'_, Vec<(JobId, Lookup)>> {
        Box::pin(async move {
            let mut changed = self.fake.changed.subscribe();
            let mut followed = self.fake.followed.subscribe();
            loop {
                let ids: Vec<JobId> = self.ids.lock().unwrap().iter().cloned().collect();
                let looked = ids
                    .into_iter()
                    .filter_map(|id| Some((id.clone(), self.look(&id).ok()?)));
                let ended = looked.filter(|(_, lookup)| !matches!(lookup, Lookup::Living(..)));
                let ended: Vec<_> = ended.take(max).collect();
                if !ended.is_empty() {
                    for (id, _) in &ended {
                        self.ids.lock().unwrap().remove(id);
                        self.fake.followed.send_modify(|now| *now -= 1);
                    }
                    return ended;
                }
                tokio::select! {
                    _ = changed.changed() => {}
                    _ = followed.changed() => {}
                }
            }
        })
    }

    fn count(&self) -> usize {
        self.ids.lock().unwrap().len()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let count = self.count();
        self.fake.followed.send_modify(|now| *now -= count);
    }
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
        self.submits.lock().unwrap().push(tasks.len());
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

    fn follow(&self) -> Box<dyn Follow> {
        let fake = self.me.get().and_then(std::sync::Weak::upgrade).unwrap();
        let ids = Mutex::default();
        Box::new(Follower { fake, ids })
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
            start_lag: poulpe_core::Histogram {
                name: "start_lag_micros",
                bounds: &[1_000, 5_000],
                counts: vec![4, 5, 6],
                sum: 60_000,
            },
            fires_given_up: vec![("missed", 23)],
            by_kind: vec![poulpe_core::KindFigures {
                kind: "GET".into(),
                accepted: vec![(Door::Http, 14), (Door::Cron, 15)],
                succeeded: 16,
                buried: 17,
                cancelled: 18,
                retried: 19,
                run_time: poulpe_core::Histogram {
                    name: "run_micros",
                    bounds: &[1_000],
                    counts: vec![20, 21],
                    sum: 22_000,
                },
            }],
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
                    sum: 400,
                }],
            },
            daemons: vec![daemon()],
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

fn daemon() -> poulpe_core::DaemonView {
    use poulpe_core::store::{Incarnation, Member, MemberRun};
    let run = MemberRun {
        lane: 3,
        job: id("r"),
        attempt: 2,
        since: Timestamp::from_millis(3_000),
    };
    poulpe_core::DaemonView {
        member: Member {
            incarnation: Incarnation(u64::MAX),
            host: "octopus".into(),
            pid: 17,
            version: "9.9.9".into(),
            address: "127.0.0.1:8000".into(),
            started_at: Timestamp::from_millis(1_000),
            workers: 4,
            busy: 1,
            runs: vec![run],
            stopping: false,
        },
        beat_at: Timestamp::from_millis(2_000),
        silent: Duration::from_millis(9_500),
        is_this: false,
        is_gone: true,
    }
}
