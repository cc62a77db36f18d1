//! The scheduler on real threads over the memory store.

use poulpe_core::store::{Limits, MemoryStore, SystemTimeSource};
use poulpe_core::{
    Attempt, BadTask, Builder, Cancelled, Door, Due, Executor, Failure, Job, JobId, Kind, LaneSet,
    Operate, Outcome, Output, Priority, Progress, RetryPolicy, Scheduler, Settings, State, Submit,
    Submitted, Task, Waited,
};
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(20);

/// Does what the job's name says, and remembers who ran when and where.
#[derive(Default)]
struct Script {
    runs: Mutex<Vec<(String, u16, u32)>>,
    /// Names that may go on.
    released: Mutex<Vec<String>>,
    changed: Condvar,
}

impl Script {
    fn release(&self, name: &str) {
        self.released.lock().unwrap().push(name.into());
        self.changed.notify_all();
    }

    /// Waits until so many attempts have begun.
    fn wait_for_runs(&self, count: usize) -> Vec<(String, u16, u32)> {
        let (runs, _) = self
            .changed
            .wait_timeout_while(self.runs.lock().unwrap(), SOON, |runs| runs.len() < count)
            .unwrap();
        assert!(runs.len() >= count, "only {runs:?}");
        runs.clone()
    }
}

impl Executor for Script {
    fn check(&self, _task: &Task, _door: Door) -> Result<(), BadTask> {
        Ok(())
    }

    fn execute(&self, job: &Job, attempt: &Attempt) -> Result<Output, Failure> {
        self.runs
            .lock()
            .unwrap()
            .push((job.id.to_string(), attempt.lane, attempt.number));
        self.changed.notify_all();
        match job.name.as_str() {
            "fail" => Err(Failure::later("told to fail")),
            "never" => Err(Failure::never("hopeless")),
            "panic" => panic!("told to panic"),
            "block" => {
                let name = job.id.to_string();
                let (condvar, released) = (&self.changed, &self.released);
                let blocked = |released: &mut Vec<String>| !released.contains(&name);
                drop(
                    condvar
                        .wait_timeout_while(released.lock().unwrap(), SOON, blocked)
                        .unwrap(),
                );
                Ok(Output::default())
            }
            "until cancelled" => {
                let (sender, receiver) = std::sync::mpsc::channel();
                let _hook = attempt.on_cancel(move |reason| {
                    let _ = sender.send(reason);
                });
                let reason = receiver.recv_timeout(SOON);
                Err(Failure::later(format!("stopped: {reason:?}")))
            }
            _ => Ok(Output {
                text: format!("ran {}", job.id),
                status: Some(0),
            }),
        }
    }
}

fn start(settings: Settings) -> (Scheduler, Arc<Script>) {
    let script = Arc::new(Script::default());
    let store = MemoryStore::in_memory(Limits::default(), Arc::new(SystemTimeSource::new()));
    let builder = Builder::new(Arc::new(store))
        .settings(settings)
        .executor(Kind::new("SCRIPT"), script.clone());
    (builder.start().expect("it starts"), script)
}

fn quick() -> Settings {
    Settings {
        retry_interval: Duration::from_millis(10),
        ..Settings::default()
    }
}

fn task(id: &str, name: &str) -> Task {
    Task {
        id: JobId::new(id).ok(),
        ..Task::new(Kind::new("SCRIPT"), name)
    }
}

async fn submit(scheduler: &Scheduler, task: Task) -> JobId {
    match scheduler.submit(vec![task], Door::Library).await.remove(0) {
        Submitted::Accepted(id, _) => id,
        other => panic!("not accepted: {other:?}"),
    }
}

async fn result(scheduler: &Scheduler, id: &JobId) -> poulpe_core::JobResult {
    match scheduler.wait(id, SOON).await {
        Waited::Ended(result) => result,
        other => panic!("no result: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_and_its_result_can_be_waited_for_before_and_after_its_end() {
    let (scheduler, _) = start(quick());
    let id = submit(&scheduler, task("a", "ok")).await;
    let first = result(&scheduler, &id).await;
    assert_eq!(
        (first.outcome, first.output.as_str(), first.attempts),
        (Outcome::Ok, "ran a", 1)
    );
    assert_eq!(result(&scheduler, &id).await, first);
    scheduler.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_job_is_retried_then_buried_with_every_error() {
    let (scheduler, _) = start(quick());
    let id = submit(
        &scheduler,
        Task {
            max_retry: Some(2),
            ..task("a", "fail")
        },
    )
    .await;
    let result = result(&scheduler, &id).await;
    assert_eq!(
        (result.outcome, result.state, result.attempts),
        (Outcome::Fail, State::Dead, 3)
    );
    let dead = scheduler.dead(&id).await.unwrap().expect("a dead letter");
    let attempts: Vec<u32> = dead
        .progress
        .errors
        .iter()
        .map(|error| error.attempt)
        .collect();
    assert_eq!(attempts, [1, 2, 3]);
    scheduler.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hopeless_job_is_buried_at_once_and_a_panic_is_just_a_failure() {
    let (scheduler, _) = start(quick());
    let hopeless = submit(&scheduler, task("a", "never")).await;
    let panicking = submit(
        &scheduler,
        Task {
            max_retry: Some(0),
            ..task("b", "panic")
        },
    )
    .await;
    assert_eq!(result(&scheduler, &hopeless).await.attempts, 1);
    assert!(
        result(&scheduler, &panicking)
            .await
            .reason
            .contains("told to panic")
    );
    for n in 0..8 {
        let id = submit(&scheduler, task(&format!("after {n}"), "ok")).await;
        assert_eq!(result(&scheduler, &id).await.outcome, Outcome::Ok);
    }
    scheduler.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_confined_to_lanes_run_on_these_lanes_only_and_one_at_a_time_on_each() {
    let (scheduler, script) = start(quick());
    let mut ids = Vec::new();
    for n in 0..40 {
        let lanes = if n % 2 == 0 {
            LaneSet::new([1, 3])
        } else {
            LaneSet::any()
        };
        ids.push(
            submit(
                &scheduler,
                Task {
                    lanes,
                    ..task(&format!("{n}"), "ok")
                },
            )
            .await,
        );
    }
    for id in &ids {
        result(&scheduler, id).await;
    }
    for (id, lane, _) in script.wait_for_runs(40) {
        let is_confined = id.parse::<u32>().unwrap() % 2 == 0;
        assert!(!is_confined || lane == 1 || lane == 3, "{id} ran on {lane}");
    }
    scheduler.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_job_waits_behind_a_long_one_while_another_lane_is_free() {
    let (scheduler, script) = start(quick());
    for n in 0..3 {
        submit(&scheduler, task(&format!("long {n}"), "block")).await;
    }
    for n in 0..50 {
        let id = submit(&scheduler, task(&format!("short {n}"), "ok")).await;
        assert_eq!(result(&scheduler, &id).await.outcome, Outcome::Ok);
    }
    for n in 0..3 {
        script.release(&format!("long {n}"));
    }
    scheduler.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confined_job_gets_its_lane_though_other_work_never_ends() {
    let (scheduler, script) = start(Settings {
        workers: 2,
        ..quick()
    });
    // Which lane gets which of two jobs that may run on either nobody says.
    for lane in [0, 1] {
        let hold = Task {
            lanes: LaneSet::new([lane]),
            ..task(&format!("hold {lane}"), "block")
        };
        submit(&scheduler, hold).await;
    }
    script.wait_for_runs(2);
    for n in 0..100 {
        submit(&scheduler, task(&format!("any {n}"), "ok")).await;
    }
    let confined = submit(
        &scheduler,
        Task {
            lanes: LaneSet::new([1]),
            ..task("confined", "ok")
        },
    )
    .await;
    script.release("hold 1");
    assert_eq!(result(&scheduler, &confined).await.outcome, Outcome::Ok);
    script.release("hold 0");
    scheduler.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_job_is_never_early_and_soon_after_its_time() {
    let (scheduler, script) = start(quick());
    let start = Instant::now();
    let delay = Duration::from_millis(300);
    let id = submit(
        &scheduler,
        Task {
            due: Due::In(delay),
            ..task("a", "ok")
        },
    )
    .await;
    assert!(script.runs.lock().unwrap().is_empty());
    result(&scheduler, &id).await;
    assert!(start.elapsed() >= delay, "early: {:?}", start.elapsed());
    scheduler.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_job_that_came_with_one_for_now_runs_at_its_time() {
    let (scheduler, script) = start(Settings {
        workers: 1,
        ..quick()
    });
    // Once the first has run everybody is idle, and only the second's time can wake anybody.
    let delayed = Task {
        due: Due::In(Duration::from_millis(300)),
        ..task("later", "ok")
    };
    let tasks = vec![task("now", "ok"), delayed];
    scheduler.submit(tasks, Door::Library).await;
    let runs = script.wait_for_runs(2);
    assert_eq!((runs[0].0.as_str(), runs[1].0.as_str()), ("now", "later"));
    scheduler.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_task_again_is_the_same_job_and_another_task_is_a_conflict() {
    let (scheduler, script) = start(quick());
    let id = submit(&scheduler, task("a", "ok")).await;
    result(&scheduler, &id).await;
    let again = scheduler
        .submit(vec![task("a", "ok"), task("a", "fail")], Door::Library)
        .await;
    assert_eq!(
        again,
        [
            Submitted::Duplicate(id.clone(), State::Done),
            Submitted::Conflict(id)
        ]
    );
    assert_eq!(script.wait_for_runs(1).len(), 1);
    scheduler.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_a_running_job_stops_it_and_leaves_no_dead_letter() {
    let (scheduler, script) = start(quick());
    let id = submit(&scheduler, task("a", "until cancelled")).await;
    script.wait_for_runs(1);
    assert_eq!(scheduler.cancel(&id).await, Ok(Cancelled::Requested));
    let result = result(&scheduler, &id).await;
    assert_eq!(
        (result.state, result.reason.as_str()),
        (State::Done, "cancelled")
    );
    assert_eq!(scheduler.dead(&id).await, Ok(None));
    scheduler.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_attempt_is_reported_and_its_job_runs_again_elsewhere() {
    let settings = Settings {
        workers: 1,
        timeout: Duration::from_millis(20),
        stuck_grace: Duration::from_millis(20),
        lease: Duration::from_millis(300),
        ..quick()
    };
    let (scheduler, script) = start(settings);
    let id = submit(&scheduler, task("a", "block")).await;
    let runs = script.wait_for_runs(2);
    assert_eq!(runs[1].2, 2, "the second run is another attempt: {runs:?}");
    script.release("a");
    result(&scheduler, &id).await;
    scheduler.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_lets_what_runs_end_and_refuses_what_comes() {
    let (scheduler, script) = start(quick());
    let id = submit(&scheduler, task("a", "block")).await;
    script.wait_for_runs(1);
    let waiting = {
        let (scheduler, id) = (scheduler.clone(), id.clone());
        tokio::spawn(async move { scheduler.wait(&id, SOON).await })
    };
    let stopping = {
        let scheduler = scheduler.clone();
        tokio::spawn(async move { scheduler.stop(SOON).await })
    };
    loop {
        let late = scheduler
            .submit(vec![task("late", "ok")], Door::Library)
            .await
            .remove(0);
        if matches!(late, Submitted::Busy(..)) {
            break;
        }
        tokio::task::yield_now().await;
    }
    script.release("a");
    assert!(matches!(waiting.await, Ok(Waited::Ended(result)) if result.outcome == Outcome::Ok));
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_interrupts_what_does_not_end_in_time_without_counting_it() {
    let (scheduler, script) = start(quick());
    let id = submit(&scheduler, task("a", "until cancelled")).await;
    script.wait_for_runs(1);
    scheduler.stop(Duration::from_millis(10)).await;
    let job = scheduler.job(&id).await.unwrap().expect("it lives");
    assert_eq!(
        (job.state, job.progress.failures, job.progress.losses),
        (State::Ready, 0, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_jobs_of_every_priority_each_run_once() {
    let (scheduler, script) = start(quick());
    let tasks: Vec<Task> = (0..1000).map(|n| task(&format!("{n}"), "ok")).collect();
    let answers = scheduler.submit(tasks, Door::Library).await;
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Submitted::Accepted(..)))
    );
    let mut counts: HashMap<String, u32> = HashMap::new();
    for (id, ..) in script.wait_for_runs(1000) {
        *counts.entry(id).or_default() += 1;
    }
    assert!(counts.len() == 1000 && counts.values().all(|count| *count == 1));
    scheduler.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_a_kind_that_nobody_runs_here_waits_uncounted_and_is_shown() {
    let store = Arc::new(MemoryStore::in_memory(
        Limits::default(),
        Arc::new(SystemTimeSource::new()),
    ));
    let script = Arc::new(Script::default());
    let both = Builder::new(store.clone())
        .executor(Kind::new("SCRIPT"), script.clone())
        .executor(Kind::new("OTHER"), script.clone())
        .start()
        .expect("it starts");
    let other = Task {
        id: JobId::new("a").ok(),
        due: Due::In(Duration::from_millis(100)),
        retry_interval: Some(Duration::from_secs(60)),
        ..Task::new(Kind::new("OTHER"), "ok")
    };
    let id = submit(&both, other).await;
    both.stop(Duration::ZERO).await;
    let builder = Builder::new(store).executor(Kind::new("SCRIPT"), script.clone());
    let scheduler = builder.start().expect("it starts");
    let end = Instant::now() + SOON;
    let shown = loop {
        let overview = scheduler.overview().await.unwrap();
        if !overview.unrunnable.is_empty() || Instant::now() > end {
            break overview.unrunnable;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(shown, [("OTHER".to_string(), 1)]);
    scheduler.stop(SOON).await;
    let job = scheduler.job(&id).await.unwrap().expect("it lives");
    let counted = (
        job.progress.attempts,
        job.progress.failures,
        job.progress.losses,
    );
    assert_eq!((job.state, counted), (State::Delayed, (0, 0, 0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_a_job_that_waits_behind_a_long_one_needs_no_worker() {
    let (scheduler, script) = start(Settings {
        workers: 1,
        ..quick()
    });
    submit(&scheduler, task("long", "block")).await;
    script.wait_for_runs(1);
    let id = submit(&scheduler, task("behind", "ok")).await;
    scheduler.cancel(&id).await.expect("a store");
    assert_eq!(result(&scheduler, &id).await.reason, "cancelled");
    script.release("long");
    scheduler.stop(SOON).await;
    assert_eq!(script.wait_for_runs(1).len(), 1, "it never ran");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_attempt_does_not_hold_up_a_shutdown() {
    let settings = Settings {
        workers: 1,
        timeout: Duration::from_millis(10),
        stuck_grace: Duration::from_millis(10),
        lease: Duration::from_millis(300),
        max_retry: 0,
        ..quick()
    };
    let (scheduler, script) = start(settings);
    submit(&scheduler, task("a", "block")).await;
    script.wait_for_runs(2);
    let begin = Instant::now();
    scheduler.stop(SOON).await;
    assert!(begin.elapsed() < SOON / 2, "{:?}", begin.elapsed());
    script.release("a");
}

/// A retry policy with a bug.
struct Panics;

impl RetryPolicy for Panics {
    fn delay(&self, _: &Job, _: &Progress, _: &Failure) -> Option<Duration> {
        panic!("told to panic")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_policy_that_panics_costs_no_worker() {
    let script = Arc::new(Script::default());
    let source = Arc::new(SystemTimeSource::new());
    let store = Arc::new(MemoryStore::in_memory(Limits::default(), source));
    let builder = Builder::new(store).settings(Settings {
        workers: 1,
        ..quick()
    });
    let builder = builder
        .executor(Kind::new("SCRIPT"), script)
        .retry_policy(Arc::new(Panics));
    let scheduler = builder.start().expect("it starts");
    let id = submit(
        &scheduler,
        Task {
            max_retry: Some(1),
            ..task("a", "fail")
        },
    )
    .await;
    assert_eq!(result(&scheduler, &id).await.attempts, 2);
    let id = submit(&scheduler, task("b", "ok")).await;
    assert_eq!(result(&scheduler, &id).await.outcome, Outcome::Ok);
    scheduler.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn urgent_jobs_go_first() {
    let (scheduler, script) = start(Settings {
        workers: 1,
        ..quick()
    });
    submit(&scheduler, task("hold", "block")).await;
    script.wait_for_runs(1);
    // More than are claimed ahead, so that the urgent one overtakes those that are left.
    for n in 0..200 {
        submit(&scheduler, task(&format!("{n}"), "ok")).await;
    }
    let urgent = Task {
        priority: Priority::new(0).unwrap(),
        ..task("urgent", "ok")
    };
    submit(&scheduler, urgent).await;
    script.release("hold");
    let order: Vec<String> = script
        .wait_for_runs(202)
        .into_iter()
        .map(|(id, ..)| id)
        .collect();
    let place = order.iter().position(|id| id == "urgent").unwrap();
    assert!(place < 100, "it was number {place}");
    scheduler.stop(SOON).await;
}

#[tokio::test]
async fn what_can_not_work_is_refused_at_the_start() {
    let store = || {
        Arc::new(MemoryStore::in_memory(
            Limits::default(),
            Arc::new(SystemTimeSource::new()),
        ))
    };
    let script = Arc::new(Script::default());
    assert!(Builder::new(store()).start().is_err());
    let twice = Builder::new(store())
        .executor(Kind::GET, script.clone())
        .executor(Kind::GET, script.clone());
    assert!(twice.start().is_err());
    let none = Builder::new(store())
        .executor(Kind::GET, script)
        .settings(Settings {
            workers: 0,
            ..quick()
        });
    assert!(none.start().is_err());
}
