//! Reads what clients write on a socket: a task, an array of tasks, or a watch. Never trusts any of it, and never
//! fails: what can't be understood is a message too.

use crate::config::MAX_TASK_BYTES;
use poulpe_core::wire::parse_batch;
use poulpe_core::{BadTask, JobId, Task};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A message of a client.
#[derive(Debug)]
pub(crate) enum Message {
    /// Tasks, each with its own verdict and the id that was read of a bad one; an array or a single one.
    Tasks(Vec<Result<Task, (BadTask, Named)>>, bool),
    /// The end of this job is to be told.
    Watch(JobId),
    /// Nothing that is understood, and why.
    Bad(String, Named),
}

/// The id in a task that is otherwise bad, if it can be read.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Named(pub(crate) Option<JobId>);

#[derive(Deserialize)]
struct Probe<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    watch: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
}

impl Message {
    pub(crate) fn parse(text: &str) -> Self {
        let is_array = text.trim_ascii_start().starts_with('[');
        if !is_array && text.len() > MAX_TASK_BYTES {
            let reason = format!(
                "a task may have at most {MAX_TASK_BYTES} bytes; pass a reference instead of the data itself"
            );
            // It isn't looked into for a name: that would cost as much as taking it.
            return Self::Bad(reason, Named::default());
        }
        // Hardly any message is a watch, and reading each twice would cost.
        if !is_array
            && text.contains("\"watch\"")
            && let Some(watch) = watch(text)
        {
            return watch;
        }
        match parse_batch(text.as_bytes()) {
            Ok((tasks, is_array)) => {
                let unnamed = |task: Result<_, _>| task.map_err(|bad| (bad, Named::default()));
                let mut tasks: Vec<_> = tasks.into_iter().map(unnamed).collect();
                name_bad_ones(text, &mut tasks);
                Self::Tasks(tasks, is_array)
            }
            Err(bad) => Self::Bad(bad.to_string(), named(text)),
        }
    }
}

/// Reads a watch. An object with a `method` is a task, whatever else it has.
fn watch(text: &str) -> Option<Message> {
    let probe: Probe = serde_json::from_str(text).ok()?;
    let id = probe.watch.filter(|_| probe.method.is_none())?;
    Some(match job_id(id) {
        Ok(id) => Message::Watch(id),
        Err(reason) => Message::Bad(format!("`watch`: {reason}"), Named::default()),
    })
}

fn named(text: &str) -> Named {
    let probe: Result<Probe, _> = serde_json::from_str(text);
    let id = probe.ok().and_then(|probe| probe.id);
    Named(id.and_then(|id| job_id(id).ok()))
}

fn name_bad_ones(text: &str, tasks: &mut [Result<Task, (BadTask, Named)>]) {
    if tasks.iter().all(Result::is_ok) {
        return;
    }
    let items: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
    for (task, item) in tasks.iter_mut().zip(items) {
        if let Err((_, name)) = task {
            *name = named(item.get());
        }
    }
}

fn job_id(json: &RawValue) -> Result<JobId, String> {
    let text: Cow<'_, str> = serde_json::from_str(json.get())
        .map_err(|_| "must be the id of a job, as a string".to_string())?;
    JobId::new(&text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> JobId {
        JobId::new(text).unwrap()
    }

    #[test]
    fn a_watch_is_told_from_a_task() {
        let watched =
            |text| matches!(Message::parse(text), Message::Watch(found) if found == id("a\"b"));
        assert!(watched(r#"{"watch":"a\"b"}"#) && watched(r#" {"more":1, "watch": "a\u0022b"}"#));
        for task in [
            r#"{"method":"GET","name":"watch","params":"\"watch\":1"}"#,
            r#"{"method":"GET","name":"x","watch":"a"}"#,
        ] {
            assert!(matches!(Message::parse(task), Message::Tasks(..)), "{task}");
        }
    }

    #[test]
    fn a_bad_watch_says_what_is_wrong() {
        for text in [
            r#"{"watch":7}"#,
            r#"{"watch":""}"#,
            r#"{"watch":"a\n"}"#,
            r#"{"watch":["a"]}"#,
        ] {
            let Message::Bad(reason, _) = Message::parse(text) else {
                panic!("{text}");
            };
            assert!(reason.starts_with("`watch`: "), "{reason}");
        }
    }

    #[test]
    fn a_bad_task_keeps_its_name_if_that_can_be_read() {
        let Message::Bad(_, name) = Message::parse(r#"{"id":"a","name":"x"}"#) else {
            panic!("no method");
        };
        assert_eq!(name, Named(Some(id("a"))));
        let Message::Tasks(tasks, true) = Message::parse(r#"[{"id":"b"},{"id":7},1]"#) else {
            panic!("an array");
        };
        let names: Vec<_> = tasks.into_iter().map(|task| task.unwrap_err().1).collect();
        assert_eq!(names, [Named(Some(id("b"))), Named(None), Named(None)]);
    }

    #[test]
    fn a_single_task_has_a_limit_of_its_own() {
        let params = "x".repeat(MAX_TASK_BYTES);
        let task = format!(r#"{{"method":"GET","name":"x","params":"{params}"}}"#);
        assert!(
            matches!(Message::parse(&task), Message::Bad(reason, _) if reason.contains("at most"))
        );
        assert!(matches!(
            Message::parse(&format!("[{task}]")),
            Message::Tasks(..)
        ));
    }
}
