//! A follower of the scheduler on real threads over the memory store: every end is told once, whatever comes first.

use poulpe_core::store::{Limits, MemoryStore, SystemTimeSource};
use poulpe_core::{
    Attempt, BadTask, Builder, Door, Due, Executor, Failure, Job, JobId, Kind, Lookup, Outcome,
    Output, Scheduler, Settings, State, Submit, Task,
};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

/// Fails what is called "fail".
struct Quick;

impl Executor for Quick {
    fn check(&self, _task: &Task, _door: Door) -> Result<(), BadTask> {
        Ok(())
    }

    fn execute(&self, job: &Job, _attempt: &Attempt) -> Result<Output, Failure> {
        match job.name.as_str() {
            "fail" => Err(Failure::never("hopeless")),
            _ => Ok(Output::default()),
        }
    }
}

fn start() -> Scheduler {
    let store = MemoryStore::in_memory(Limits::default(), Arc::new(SystemTimeSource::new()));
    let builder = Builder::new(Arc::new(store)).settings(Settings::default());
    let builder = builder.executor(Kind::new("QUICK"), Arc::new(Quick));
    builder.start().expect("it starts")
}

fn id(text: &str) -> JobId {
    JobId::new(text).expect("an id")
}

fn task(name: &str, what: &str, delay: Duration) -> Task {
    Task {
        id: Some(id(name)),
        due: Due::In(delay),
        ..Task::new(Kind::new("QUICK"), what)
    }
}

async fn submit(scheduler: &Scheduler, tasks: Vec<Task>) {
    scheduler.submit(tasks, Door::Library).await;
}

async fn soon<F: Future>(event: F) -> F::Output {
    tokio::time::timeout(SOON, event).await.expect("in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_thousands_of_ends_is_told_once() {
    let scheduler = start();
    let follow = scheduler.follow();
    let mut told = Vec::new();
    for round in 0..20 {
        let names: Vec<String> = (0..100).map(|n| format!("{round}-{n}")).collect();
        let tasks = names.iter().map(|name| task(name, "ok", Duration::ZERO));
        submit(&scheduler, tasks.collect()).await;
        let ids: Vec<JobId> = names.iter().map(|name| id(name)).collect();
        // Some have ended by now, some end meanwhile, some will.
        let lookups = follow.add(ids.clone()).await.expect("the store answers");
        let ended = ids.into_iter().zip(&lookups);
        let ended = ended.filter(|(_, found)| matches!(found, Lookup::Ended(_)));
        told.extend(ended.map(|(id, _)| id));
    }
    while told.len() < 2_000 {
        let ended = soon(follow.ended(7)).await;
        assert!((1..=7).contains(&ended.len()));
        told.extend(ended.into_iter().map(|(id, _)| id));
    }
    assert_eq!(told.iter().collect::<HashSet<_>>().len(), 2_000);
    assert_eq!(follow.count(), 0);
    let more = tokio::time::timeout(Duration::from_millis(20), follow.ended(9)).await;
    assert!(more.is_err(), "{more:?}");
    scheduler.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_at_once_is_said_and_the_rest_told_to_every_follower() {
    let scheduler = start();
    let later = Duration::from_millis(100);
    submit(
        &scheduler,
        vec![task("a", "fail", later), task("b", "ok", Duration::ZERO)],
    )
    .await;
    scheduler.wait(&id("b"), SOON).await;
    let followers = [scheduler.follow(), scheduler.follow()];
    for follow in &followers {
        let ids = vec![id("nobody"), id("b"), id("a")];
        let known = follow.add(ids).await.expect("the store answers");
        assert!(
            matches!(
                &known[..],
                [Lookup::Unknown, Lookup::Ended(_), Lookup::Living(..)]
            ),
            "{known:?}"
        );
        assert_eq!(follow.count(), 1);
    }
    for follow in &followers {
        let ended = soon(follow.ended(9)).await;
        let [(name, Lookup::Ended(result))] = &ended[..] else {
            panic!("{ended:?}");
        };
        assert_eq!(
            (name, result.outcome, result.state),
            (&id("a"), Outcome::Fail, State::Dead)
        );
    }
    scheduler.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_is_given_up_loses_no_end() {
    let scheduler = start();
    let follow = scheduler.follow();
    submit(&scheduler, vec![task("a", "ok", Duration::from_millis(50))]).await;
    follow.add(vec![id("a")]).await.expect("the store answers");
    let given_up = async {
        while tokio::time::timeout(Duration::from_micros(50), follow.ended(9))
            .await
            .is_err()
        {}
    };
    soon(given_up).await;
    assert_eq!(follow.count(), 0);
    scheduler.stop(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_stop_what_ended_is_told_and_then_nothing_more() {
    let scheduler = start();
    let follow = scheduler.follow();
    let later = Duration::from_secs(3_600);
    submit(
        &scheduler,
        vec![
            task("later", "ok", later),
            task("now", "ok", Duration::ZERO),
        ],
    )
    .await;
    follow
        .add(vec![id("later"), id("now")])
        .await
        .expect("the store answers");
    scheduler.wait(&id("now"), SOON).await;
    scheduler.stop(SOON).await;
    let mut told = Vec::new();
    loop {
        let ended = soon(follow.ended(9)).await;
        if ended.is_empty() {
            break;
        }
        told.extend(ended.into_iter().map(|(id, _)| id));
    }
    assert!(told.is_empty() || told == [id("now")], "{told:?}");
    drop(follow);
    let late = scheduler.follow();
    late.add(vec![id("later")])
        .await
        .expect("the store answers");
    assert_eq!(soon(late.ended(9)).await, []);
}
