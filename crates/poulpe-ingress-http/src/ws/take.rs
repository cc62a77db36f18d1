//! Takes what came in on a socket together: submits the tasks with one call and makes the answers, in order. Never
//! waits for a job's end. Called by the socket, one batch at a time.

use crate::app::App;
use crate::task_in_queue::{DRAINING, TAKEN_BY_ANOTHER};
use crate::ws::message::{Message, Named};
use crate::ws::told::{Told, text};
use futures_util::future::join_all;
use poulpe_core::{BadTask, Door, JobId, Submitted, Task, Waited};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// The most jobs of one socket whose ends are to be told: some 20 MB. Beyond it tasks are refused.
pub(crate) const MAX_FOLLOWED: usize = 100_000;

/// What became of messages: an answer to each, in order, and the jobs whose ends are to be told after those.
pub(crate) struct Taken {
    pub(crate) answers: Vec<Utf8Bytes>,
    pub(crate) ids: Vec<JobId>,
}

/// A message on its way to its answer.
enum Wish {
    /// Tasks: those that are refused already, and `None` for each one that was submitted; an array or a single one.
    Tasks(Vec<Option<Told>>, bool),
    Watch(JobId),
    Refused(Told),
}

/// Takes messages. `followed`: how many jobs' ends are still to be told on this socket.
pub(crate) async fn take(app: &App, messages: Vec<Utf8Bytes>, followed: usize) -> Taken {
    let mut tasks = Vec::new();
    let wishes: Vec<Wish> = messages
        .iter()
        .map(|message| wish(Message::parse(message), &mut tasks))
        .collect();
    // Up to 16 MiB, and the store may take its time.
    drop(messages);

    let mut submitted = submit(app, tasks, followed).await.into_iter();
    let mut watched = watch(app, &wishes).await.into_iter();
    let mut answers = Vec::with_capacity(wishes.len());
    let mut ids = Vec::new();
    for wish in wishes {
        answers.push(match wish {
            Wish::Refused(told) => text(&told),
            Wish::Watch(id) => {
                let waited = watched.next().unwrap_or(Waited::Unknown);
                text(&watching(id, waited, &mut ids))
            }
            Wish::Tasks(tasks, is_array) => {
                let told = |refused: Option<Told>| {
                    refused.unwrap_or_else(|| acknowledge(submitted.next(), &mut ids))
                };
                let all: Vec<Told> = tasks.into_iter().map(told).collect();
                match &*all {
                    [one] if !is_array => text(one),
                    all => text(&all),
                }
            }
        });
    }
    Taken { answers, ids }
}

fn wish(message: Message, tasks: &mut Vec<Task>) -> Wish {
    match message {
        Message::Bad(reason, named) => Wish::Refused(Told::unread(&named, reason)),
        Message::Watch(id) => Wish::Watch(id),
        Message::Tasks(parsed, is_array) => {
            let refused = |task: Result<Task, (BadTask, Named)>| match task {
                Ok(task) => {
                    tasks.push(task);
                    None
                }
                Err((bad, named)) => Some(Told::unread(&named, bad.to_string())),
            };
            Wish::Tasks(parsed.into_iter().map(refused).collect(), is_array)
        }
    }
}

/// Submits all with one call.
async fn submit(app: &App, tasks: Vec<Task>, followed: usize) -> Vec<Submitted> {
    if tasks.is_empty() {
        return Vec::new();
    }
    let all_busy = |reason: &str| {
        let busy = |task: &Task| Submitted::Busy(task.id.clone(), reason.into());
        tasks.iter().map(busy).collect()
    };
    if app.draining() {
        return all_busy(DRAINING);
    }
    if followed + tasks.len() > MAX_FOLLOWED {
        return all_busy(&format!(
            "more than {MAX_FOLLOWED} jobs of this socket have not ended; wait for some, or open another socket"
        ));
    }
    app.submit.submit(tasks, Door::WebSocket).await
}

fn acknowledge(submitted: Option<Submitted>, ids: &mut Vec<JobId>) -> Told {
    match submitted {
        Some(Submitted::Accepted(id, state) | Submitted::Duplicate(id, state)) => {
            let told = Told::accepted(&id, state);
            ids.push(id);
            told
        }
        Some(Submitted::Conflict(id)) => Told::refused(Some(&id), TAKEN_BY_ANOTHER),
        Some(Submitted::Refused(id, bad)) => Told::refused(id.as_ref(), bad.to_string()),
        Some(Submitted::Busy(id, reason)) => Told::refused(id.as_ref(), reason),
        None => Told::refused(None, "the scheduler gave no answer"),
    }
}

/// What is known of the jobs that are to be watched.
async fn watch(app: &App, wishes: &[Wish]) -> Vec<Waited> {
    let looks = wishes.iter().filter_map(|wish| match wish {
        Wish::Watch(id) => Some(app.submit.wait(id, Duration::ZERO)),
        _ => None,
    });
    join_all(looks).await
}

fn watching(id: JobId, waited: Waited, ids: &mut Vec<JobId>) -> Told {
    let state = match waited {
        Waited::Ended(result) => Some(result.state),
        Waited::TimedOut(state, _) => state,
        Waited::Expired => {
            return Told::refused(Some(&id), "the job ended, but its result has expired");
        }
        Waited::Unknown => {
            let reason = "no job has this id; it never had, or it ended long ago";
            return Told::refused(Some(&id), reason);
        }
        Waited::Unavailable(why) => return Told::refused(Some(&id), why),
    };
    let told = Told::watching(&id, state);
    ids.push(id);
    told
}
