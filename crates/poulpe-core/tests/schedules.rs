//! Schedules on a real scheduler: they fire, are seen, and do what people want.

use poulpe_core::cron::{CronFile, Defaults, Zone};
use poulpe_core::store::{JobStore, Limits, MemoryStore, SystemTimeSource, TimeSource};
use poulpe_core::{
    Attempt, BadTask, Builder, Door, Executor, Failure, FileContents, Job, Kind, Operate, Output,
    ScheduleAction, ScheduleChanged, ScheduleFile, ScheduleView, Scheduler, Submitted, Task,
    Timestamp,
};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

/// Remembers which jobs ran, by which door they came and when.
#[derive(Default)]
struct Log {
    runs: Mutex<Vec<(String, Door, Timestamp)>>,
    changed: Condvar,
}

impl Executor for Log {
    fn check(&self, task: &Task, door: Door) -> Result<(), BadTask> {
        assert_eq!(door, Door::Cron);
        if task.name == "refused" {
            return Err(BadTask::new("name", "not here"));
        }
        Ok(())
    }

    fn execute(&self, job: &Job, _: &Attempt) -> Result<Output, Failure> {
        let run = (job.id.to_string(), job.door, now());
        self.runs.lock().unwrap().push(run);
        self.changed.notify_all();
        Ok(Output::default())
    }
}

impl Log {
    fn wait_for(&self, count: usize) -> Vec<(String, Door, Timestamp)> {
        let runs = self.runs.lock().unwrap();
        let too_few = |runs: &mut Vec<_>| runs.len() < count;
        let (runs, waited) = self
            .changed
            .wait_timeout_while(runs, SOON, too_few)
            .unwrap();
        assert!(!waited.timed_out(), "only {runs:?}");
        runs.clone()
    }
}

fn now() -> Timestamp {
    SystemTimeSource::new().wall().floor()
}

fn file(text: &str) -> ScheduleFile {
    let defaults = Defaults {
        zone: Zone::utc(),
        now: now(),
    };
    let CronFile {
        entries, problems, ..
    } = CronFile::parse(text.as_bytes(), &defaults);
    ScheduleFile {
        name: "cron".into(),
        contents: FileContents::Read { entries, problems },
    }
}

fn memory() -> Arc<dyn JobStore> {
    let time = Arc::new(SystemTimeSource::new());
    Arc::new(MemoryStore::in_memory(Limits::default(), time))
}

fn start(store: Arc<dyn JobStore>) -> (Scheduler, Arc<Log>) {
    let log = Arc::new(Log::default());
    let builder = Builder::new(store).executor(Kind::new("LOG"), log.clone());
    (builder.start().expect("it starts"), log)
}

/// The schedules, once there are so many.
async fn seen(scheduler: &Scheduler, count: usize) -> Vec<ScheduleView> {
    let look = async {
        loop {
            let view = scheduler.schedules(count).await.expect("a store");
            if view.schedules.len() == count {
                return view.schedules;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, look)
        .await
        .expect("they are read")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_second_has_one_job_that_starts_within_it() {
    let (scheduler, log) = start(memory());
    scheduler.set_schedules(vec![file("ID=tick\n* * * * * * * x LOG")]);
    let runs = log.wait_for(3);
    let mut ids: Vec<&str> = runs.iter().map(|(id, ..)| id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), runs.len(), "one job each");
    for (id, door, at) in &runs {
        assert!(id.starts_with("tick@20") && *door == Door::Cron);
        let second = at.as_millis().rem_euclid(1_000);
        assert!(second < 900, "{id} began {second} ms after its second");
    }
    let view = seen(&scheduler, 1).await.remove(0);
    assert_eq!((view.words.as_str(), view.next.len()), ("every second", 5));
    assert!(view.last.is_some() && view.driven_to.is_some());
    scheduler.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_schedule_stays_paused_in_the_next_life_of_the_daemon() {
    let store = memory();
    let (scheduler, _) = start(store.clone());
    scheduler.set_schedules(vec![file("ID=a\n* * * * * * * x LOG")]);
    seen(&scheduler, 1).await;
    let paused = scheduler.change_schedule("a", ScheduleAction::Pause).await;
    assert_eq!(paused, Ok(ScheduleChanged::Done));
    scheduler.stop(SOON).await;

    let (scheduler, log) = start(store);
    scheduler.set_schedules(vec![file("ID=a\n* * * * * * * x LOG")]);
    let view = seen(&scheduler, 1).await.remove(0);
    assert!(view.is_paused && view.next.is_empty(), "{view:?}");
    let before = now();
    let resumed = scheduler.change_schedule("a", ScheduleAction::Resume).await;
    assert_eq!(resumed, Ok(ScheduleChanged::Done));
    let (first, ..) = log.wait_for(1).remove(0);
    let expected = poulpe_core::cron::ScheduleId::new("a").unwrap();
    let next = Timestamp::from_millis((before.as_millis() / 1_000 + 1) * 1_000);
    assert!(
        first >= expected.job_id(next).to_string(),
        "{first} was made up for"
    );
    scheduler.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_runs_now_when_it_is_told_to() {
    let (scheduler, log) = start(memory());
    scheduler.set_schedules(vec![file("ID=a\n0 0 0 1 1 * 2099 x LOG")]);
    seen(&scheduler, 1).await;
    let ran = scheduler.change_schedule("a", ScheduleAction::Run).await;
    let Ok(ScheduleChanged::Ran(Submitted::Accepted(id, _))) = ran else {
        panic!("{ran:?}");
    };
    assert!(id.as_str().starts_with("a@now-"), "{id}");
    assert_eq!(log.wait_for(1)[0].0, id.to_string());
    let last = seen(&scheduler, 1)
        .await
        .remove(0)
        .last
        .expect("a last job");
    assert_eq!(last.job, id);
    let unknown = scheduler.change_schedule("b", ScheduleAction::Run).await;
    assert_eq!(unknown, Ok(ScheduleChanged::Unknown));
    scheduler.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_run_is_told_and_the_others_fire() {
    let (scheduler, log) = start(memory());
    let text =
        "* * * * * * * refused LOG\n* * * * * * * x NOBODY\nbad line\nID=ok\n* * * * * * * x LOG";
    scheduler.set_schedules(vec![file(text)]);
    assert!(log.wait_for(1)[0].0.starts_with("ok@"));
    let views = seen(&scheduler, 3).await;
    let troubles: Vec<&str> = views
        .iter()
        .map(|v| v.trouble.as_deref().unwrap_or(""))
        .collect();
    assert!(troubles[0].contains("not here"), "{troubles:?}");
    assert!(troubles[1].contains("NOBODY"), "{troubles:?}");
    assert_eq!(troubles[2], "");
    let files = scheduler.schedules(0).await.expect("a store").files;
    assert_eq!((files[0].problems.len(), files[0].problems[0].line), (1, 3));
    assert!(scheduler.readiness().iter().all(|check| check.ok));
    scheduler.stop(SOON).await;
}
