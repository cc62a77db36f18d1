//! A record becomes a task, or what tells why it can't be one. Pure: never asks Kafka or the store. Meets whatever others
//! have written to the topic.

use crate::letter;
use poulpe_core::wire::parse_task;
use poulpe_core::{BadTask, Fed, Task};
use rskafka::record::Record;

/// As at the other doors.
const MAX_TASK_BYTES: usize = 1024 * 1024;

/// The header that carries a trace.
const TRACE: &str = "traceparent";

/// Where a record stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) resets: u32,
}

impl Place<'_> {
    /// An id that no other record has.
    pub(crate) fn id(&self) -> String {
        let Self {
            topic,
            partition,
            offset,
            resets,
        } = self;
        match resets {
            0 => format!("{topic}-{partition}-{offset}"),
            _ => format!("{topic}-{partition}-{offset}-r{resets}"),
        }
    }
}

/// What a record asks for. None only if its place can't be named, which the configuration rules out.
pub(crate) fn fed(
    place: &Place<'_>,
    record: &Record,
    check: &dyn Fn(&Task) -> Result<(), BadTask>,
) -> Option<Fed> {
    let (key, value) = (record.key.as_deref(), record.value.as_deref());
    let task = task(value).and_then(|task| match check(&task) {
        Ok(()) => Ok(task),
        Err(bad) => Err(bad.to_string()),
    });
    Some(Fed {
        letter: letter::of_record(place, key, value, &record.headers)?,
        task,
        trace: record.headers.get(TRACE).and_then(|value| trace(value)),
    })
}

fn task(value: Option<&[u8]>) -> Result<Task, String> {
    let Some(value) = value else {
        return Err("the record has no value; send a task as a JSON object".into());
    };
    if value.len() > MAX_TASK_BYTES {
        return Err(format!(
            "the record has {} bytes, a task may have at most {MAX_TASK_BYTES}; pass a reference instead of the data itself",
            value.len()
        ));
    }
    parse_task(value).map_err(|bad| bad.to_string())
}

/// A `traceparent`, if it is one: version, trace, parent and flags in hexadecimal.
fn trace(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let is_one = lengths == [2, 32, 16, 2] && parts.concat().chars().all(is_hex);
    is_one.then(|| text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rskafka::chrono::DateTime;

    const PLACE: Place<'_> = Place {
        topic: "tasks",
        partition: 3,
        offset: 17,
        resets: 0,
    };

    fn record(value: Option<&[u8]>) -> Record {
        Record {
            key: Some(b"k".to_vec()),
            value: value.map(<[u8]>::to_vec),
            headers: [("h".to_string(), vec![0xff, 0x00])].into(),
            timestamp: DateTime::UNIX_EPOCH,
        }
    }

    fn decoded(value: Option<&[u8]>) -> Fed {
        let check = |task: &Task| match task.kind.as_str() {
            "GET" => Ok(()),
            _ => Err(BadTask::new("method", "is unknown")),
        };
        fed(&PLACE, &record(value), &check).expect("a place with a name")
    }

    #[test]
    fn a_task_is_taken_and_its_record_is_told_of() {
        let fed = decoded(Some(br#"{"method":"GET","name":"http://localhost/"}"#));
        assert_eq!(fed.task.map(|task| task.kind.to_string()), Ok("GET".into()));
        assert_eq!(fed.letter.id.as_str(), "tasks-3-17");
        assert_eq!(fed.letter.name, "tasks/3/17");
        let told: serde_json::Value = serde_json::from_str(&fed.letter.params).expect("JSON");
        assert_eq!(told["key"], "k");
        assert_eq!(told["headers"]["h"]["hex"], "ff00");
    }

    #[test]
    fn whatever_is_no_task_says_why() {
        let too_large = vec![b' '; MAX_TASK_BYTES + 1];
        let cases: [(Option<&[u8]>, &str); 6] = [
            (None, "no value"),
            (Some(b""), "empty"),
            (Some(b"{"), "not valid JSON"),
            (Some(b"\xff"), "not UTF-8"),
            (Some(br#"{"method":"NO","name":"x"}"#), "unknown"),
            (Some(&too_large), "at most"),
        ];
        for (value, reason) in cases {
            let why = decoded(value).task.expect_err("no task");
            assert!(why.contains(reason), "{why}");
        }
    }

    #[test]
    fn a_letter_is_short_however_long_its_record_is() {
        let long = "ü".repeat(500_000);
        let fed = decoded(Some(long.as_bytes()));
        assert!(fed.letter.params.len() < 6_000);
        assert!(fed.letter.params.contains("\"value_bytes\":1000000"));
    }

    #[test]
    fn a_trace_is_carried_only_if_it_is_one() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(trace(good.as_bytes()).as_deref(), Some(good));
        for bad in ["", "00-1-2-01", "x\r\ny", &good.to_uppercase()] {
            assert_eq!(trace(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn after_a_reset_the_same_offset_is_another_record() {
        let again = Place { resets: 1, ..PLACE };
        assert_ne!(again.id(), PLACE.id());
    }
}
