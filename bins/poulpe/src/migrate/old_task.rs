//! A task as poulpe 0.2 wrote it, as one of today. Reads no Redis; what can't be understood is told, not guessed.

use poulpe_core::store::Entry;
use poulpe_core::wire::parse_task;
use poulpe_core::{AttemptError, Door, Due, Job, Kind, Timestamp};
use poulpe_store_redis::OldPlace;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// What the keys of tasks began with.
const PREFIX: &str = "task-";

/// The time an attempt may take, as the daemon's flags have it.
const TIMEOUT: Duration = Duration::from_secs(60);
const EXEC_TIMEOUT: Duration = Duration::from_secs(3_600);

/// What a dead letter says of a task that poulpe 0.2 would never have run.
const FORGOTTEN: &str = "poulpe 0.2 had forgotten this task, as it did with what fell due while it was stopped; revive it to run it";

/// A record of poulpe 0.2.
#[derive(Deserialize)]
struct Record {
    id: String,
    tk_tp: String,
    #[serde(default)]
    delay: i64,
    name: String,
    #[serde(default)]
    params: String,
    #[serde(default)]
    retry: u32,
    /// Lanes: a list, or one number.
    #[serde(default)]
    cc: Value,
    #[serde(default)]
    error: String,
    #[serde(default)]
    post_time: i64,
}

/// The numbers of attempts that a task had, or would have had.
pub(super) struct Retries {
    pub(super) max: u32,
    pub(super) interval: Duration,
}

/// The record behind a key, at its place, as what a store takes in. The error says what isn't understood.
pub(super) fn entry(
    key: &str,
    text: &str,
    place: OldPlace,
    retries: &Retries,
    now: Timestamp,
) -> Result<Entry, String> {
    let record: Record = serde_json::from_str(text)
        .map_err(|error| format!("its record isn't understood: {error}"))?;
    if record.id != key {
        return Err(format!("its record is that of {:?}", record.id));
    }
    let id = record.id.strip_prefix(PREFIX).unwrap_or(&record.id);
    let task = json!({
        "id": id,
        "method": record.tk_tp,
        "delay": record.delay.max(0),
        "name": record.name,
        "params": record.params,
        "cc": lanes(&record.cc)?,
    });
    let task = parse_task(task.to_string().as_bytes()).map_err(|bad| bad.to_string())?;
    // As the client sent it: whoever sends it again meets this job.
    let digest = task.digest();
    let Some(id) = task.id else {
        return Err("it has no id".into());
    };
    let failed = record
        .retry
        .saturating_add(u32::from(place == OldPlace::Wrong));
    let timeout = if task.kind == Kind::EXEC {
        EXEC_TIMEOUT
    } else {
        TIMEOUT
    };
    let job = Job {
        id,
        id_chosen: true,
        digest,
        kind: task.kind,
        name: task.name,
        params: task.params,
        headers: task.headers,
        lanes: task.lanes,
        priority: task.priority,
        timeout,
        // Those before the move count.
        max_retry: retries.max.saturating_sub(failed),
        retry_interval: retries.interval,
        door: Door::Http,
        accepted_at: Timestamp::default(),
        due: Timestamp::default(),
    };
    let posted = Timestamp::from_millis(record.post_time.saturating_mul(1_000));
    match place {
        OldPlace::Nowhere => Ok(dead(job, 0, FORGOTTEN.into(), posted, now)),
        OldPlace::Wrong if failed > retries.max => {
            Ok(dead(job, failed, reason(record.error), posted, now))
        }
        OldPlace::Working | OldPlace::Wrong => Ok(Entry::new(job, Due::NOW)),
        OldPlace::Delayed(second) => {
            let at = Timestamp::from_millis(second.saturating_mul(1_000));
            Ok(Entry::new(job, Due::At(at)))
        }
    }
}

fn lanes(cc: &Value) -> Result<String, String> {
    match cc {
        Value::Null => Ok(String::new()),
        Value::Number(lane) => Ok(lane.to_string()),
        Value::String(lanes) => Ok(lanes.clone()),
        Value::Array(lanes) => {
            let texts: Vec<String> = lanes.iter().map(ToString::to_string).collect();
            Ok(texts.join(" "))
        }
        other => Err(format!("its lanes aren't understood: {other}")),
    }
}

fn reason(error: String) -> String {
    if error.is_empty() {
        return "it failed in poulpe 0.2, which left no reason".into();
    }
    error
}

fn dead(job: Job, attempts: u32, reason: String, started_at: Timestamp, now: Timestamp) -> Entry {
    let error = AttemptError {
        attempt: attempts,
        started_at,
        finished_at: now,
        status: None,
        reason,
    };
    Entry::dead(job, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    const RETRIES: Retries = Retries {
        max: 3,
        interval: Duration::from_secs(10),
    };

    fn record(cc: &str, retry: u32) -> String {
        format!(
            r#"{{"id":"task-a b","tk_tp":"get","delay":5,"name":"http://h/","params":"x=1","post_time":1700000000,
            "exec_time":0,"retry":{retry},"cc":{cc},"error":"boom","waiting_resp":0}}"#
        )
    }

    fn read(place: OldPlace, retry: u32) -> Entry {
        entry("task-a b", &record("[1,3]", retry), place, &RETRIES, NOW).expect("understood")
    }

    #[test]
    fn a_task_is_what_its_client_sent() {
        let sent = br#"{"id":"a b","method":"GET","delay":5,"name":"http://h/","params":"x=1","cc":"1 3"}"#;
        let sent = parse_task(sent).expect("a task");
        let entry = read(OldPlace::Working, 0);
        let job = entry.job();
        assert_eq!(
            (&Some(job.id.clone()), job.digest),
            (&sent.id, sent.digest())
        );
        assert_eq!((&job.lanes, job.max_retry), (&sent.lanes, 3));
    }

    #[test]
    fn places_say_when_it_runs_and_how_often() {
        let Entry::Job { due, .. } = read(OldPlace::Delayed(1_900_000_000), 0) else {
            panic!("dead");
        };
        assert_eq!(due, Due::At(Timestamp::from_millis(1_900_000_000_000)));
        // After the first failure three attempts are left: one, and two more.
        assert_eq!(read(OldPlace::Wrong, 0).job().max_retry, 2);
        assert!(matches!(
            read(OldPlace::Wrong, 2),
            Entry::Job { due: Due::NOW, .. }
        ));
        for (place, retry, words) in [
            (OldPlace::Wrong, 3, "boom"),
            (OldPlace::Nowhere, 0, "forgotten"),
        ] {
            let Entry::Dead { result, .. } = read(place, retry) else {
                panic!("it lives");
            };
            assert!(result.reason.contains(words), "{result:?}");
        }
    }

    #[test]
    fn older_and_strange_records_are_told_apart() {
        let read = |text: &str| entry("task-a b", text, OldPlace::Working, &RETRIES, NOW);
        assert_eq!(
            read(&record("2", 0)).expect("one lane").job().lanes.lanes(),
            [2]
        );
        for text in [
            "",
            "{}",
            "[]",
            &record("[-1]", 0),
            &record("{}", 0),
            "{\"id\":\"task-b\"}",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        let other = record("[]", 0).replace("task-a b", "task-c");
        assert!(read(&other).is_err_and(|reason| reason.contains("task-c")));
    }
}
