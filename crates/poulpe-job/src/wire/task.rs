//! Reads tasks. Every field is taken as raw JSON first, so that each error can name its field.

use super::time_text::parse_rfc3339;
use crate::{BadTask, Due, JobId, Kind, LaneSet, Params, Priority, Task};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::time::Duration;

/// The most tasks in one array.
pub const MAX_BATCH_TASKS: usize = 10_000;
/// The longest `delay`: 100 years. More is surely a mistake of units.
pub const MAX_DELAY: Duration = Duration::from_secs(100 * 365 * 86_400);
/// The longest `wait`: one hour.
pub const MAX_WAIT: Duration = Duration::from_secs(3_600);
/// The longest `timeout` and `retry_interval`: 365 days.
const MAX_INTERVAL: Duration = Duration::from_secs(365 * 86_400);
/// The highest `max_retry`.
const MAX_RETRY: u32 = 1_000_000;

/// The fields of a task before they are checked. Unknown ones are ignored: old and new clients mix.
#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
    #[serde(borrow)]
    delay: Option<&'a RawValue>,
    #[serde(borrow)]
    at: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    cc: Option<&'a RawValue>,
    #[serde(borrow)]
    wait: Option<&'a RawValue>,
    #[serde(borrow)]
    timeout: Option<&'a RawValue>,
    #[serde(borrow)]
    max_retry: Option<&'a RawValue>,
    #[serde(borrow)]
    retry_interval: Option<&'a RawValue>,
    #[serde(borrow)]
    priority: Option<&'a RawValue>,
    #[serde(borrow)]
    headers: Option<&'a RawValue>,
}

/// Reads one task. The error names the field and what would be right.
///
/// ```
/// use poulpe_job::wire::parse_task;
/// let task = parse_task(br#"{"method":"get","name":"http://localhost/"}"#).unwrap();
/// assert_eq!(task.kind.as_str(), "GET");
/// assert_eq!(parse_task(br#"{"method":"GET"}"#).unwrap_err().field, "name");
/// ```
pub fn parse_task(json: &[u8]) -> Result<Task, BadTask> {
    let text = std::str::from_utf8(json).map_err(|e| {
        BadTask::new(
            "",
            format!(
                "the task is not UTF-8: first bad byte at {}",
                e.valid_up_to()
            ),
        )
    })?;
    if !text.trim_start().starts_with('{') {
        return Err(BadTask::new("", not_an_object(text)));
    }
    let raw: Raw = serde_json::from_str(text)
        .map_err(|e| BadTask::new("", format!("the task is not valid JSON: {e}")))?;
    check(&raw)
}

/// Reads a body that is one task or an array of up to [`MAX_BATCH_TASKS`]: `(tasks, is_array)`, each task with its own
/// verdict. An error concerns the body as a whole.
pub fn parse_batch(json: &[u8]) -> Result<(Vec<Result<Task, BadTask>>, bool), BadTask> {
    if json.trim_ascii_start().first() != Some(&b'[') {
        return parse_task(json).map(|task| (vec![Ok(task)], false));
    }
    let items: Vec<&RawValue> = serde_json::from_slice(json)
        .map_err(|e| BadTask::new("", format!("the array of tasks is not valid JSON: {e}")))?;
    if items.len() > MAX_BATCH_TASKS {
        let reason = format!(
            "{} tasks in one array, at most {MAX_BATCH_TASKS} are allowed; send several",
            items.len()
        );
        return Err(BadTask::new("", reason));
    }
    Ok((
        items
            .iter()
            .map(|item| parse_task(item.get().as_bytes()))
            .collect(),
        true,
    ))
}

fn not_an_object(text: &str) -> String {
    if text.trim().is_empty() {
        return "the body is empty; send a task as a JSON object with `method` and `name`".into();
    }
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => "a task must be a JSON object with `method` and `name`".into(),
        Err(e) => format!("the task is not valid JSON: {e}"),
    }
}

fn check(raw: &Raw) -> Result<Task, BadTask> {
    let kind = text("method", raw.method)?.ok_or_else(|| {
        BadTask::new(
            "method",
            "is missing; give GET, POST, EXEC, MAIL_TO or the kind of a plugin",
        )
    })?;
    if kind.trim().is_empty() {
        return Err(BadTask::new(
            "method",
            "is empty; give GET, POST, EXEC, MAIL_TO or the kind of a plugin",
        ));
    }
    let name = text("name", raw.name)?
        .filter(|name| !name.is_empty())
        .ok_or_else(|| {
            BadTask::new(
                "name",
                "is missing; give the URL, the command or the mail's name",
            )
        })?;
    let mut task = Task::new(Kind::new(kind.trim()), name);
    if let Some(id) = text("id", raw.id)? {
        task.id = Some(JobId::new(&id).map_err(|e| BadTask::new("id", e.to_string()))?);
    }
    task.params = params(raw.params)?;
    if let Some(cc) = text("cc", raw.cc)? {
        task.lanes = LaneSet::parse(&cc).map_err(|e| BadTask::new("cc", e.to_string()))?;
    }
    task.due = due(raw.delay, raw.at)?;
    task.wait = seconds("wait", raw.wait, MAX_WAIT)?.unwrap_or_default();
    task.timeout = seconds("timeout", raw.timeout, MAX_INTERVAL)?;
    if task.timeout == Some(Duration::ZERO) {
        return Err(BadTask::new("timeout", "must be more than 0 seconds"));
    }
    task.retry_interval = seconds("retry_interval", raw.retry_interval, MAX_INTERVAL)?;
    task.max_retry = whole("max_retry", raw.max_retry, MAX_RETRY)?;
    if let Some(rank) = whole("priority", raw.priority, 9)? {
        task.priority = Priority::new(rank as u8).unwrap_or_default();
    }
    task.headers = headers(raw.headers)?;
    Ok(task)
}

/// A present, non-null value.
fn given(raw: Option<&RawValue>) -> Option<&str> {
    raw.map(RawValue::get).filter(|json| *json != "null")
}

/// The value of a wrong type as an error shows it: short.
fn shown(json: &str) -> String {
    match json.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &json[..end]),
        None => json.into(),
    }
}

fn text<'a>(
    field: &'static str,
    raw: Option<&'a RawValue>,
) -> Result<Option<Cow<'a, str>>, BadTask> {
    let Some(json) = given(raw) else {
        return Ok(None);
    };
    let plain = json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|inner| !inner.contains('\\'));
    if let Some(inner) = plain {
        return Ok(Some(Cow::Borrowed(inner)));
    }
    if !json.starts_with('"') {
        return Err(BadTask::new(
            field,
            format!("must be a string, not {}", shown(json)),
        ));
    }
    let owned: String = serde_json::from_str(json)
        .map_err(|e| BadTask::new(field, format!("is not a valid string: {e}")))?;
    Ok(Some(Cow::Owned(owned)))
}

fn params(raw: Option<&RawValue>) -> Result<Params, BadTask> {
    let Some(json) = given(raw) else {
        return Ok(Params::default());
    };
    if json.starts_with('[') {
        let words = serde_json::from_str(json).map_err(|e| {
            BadTask::new(
                "params",
                format!("an array must hold strings only, one an argument: {e}"),
            )
        })?;
        return Ok(Params::List(words));
    }
    match text("params", raw) {
        Ok(text) => Ok(Params::Text(text.unwrap_or_default().into_owned())),
        Err(_) if json.starts_with('{') => Err(BadTask::new(
            "params",
            "must be a string; put JSON into it as text, with its quotes escaped",
        )),
        Err(e) => Err(e),
    }
}

fn due(delay: Option<&RawValue>, at: Option<&RawValue>) -> Result<Due, BadTask> {
    let Some(at) = text("at", at)? else {
        return Ok(Due::In(
            seconds("delay", delay, MAX_DELAY)?.unwrap_or_default(),
        ));
    };
    if given(delay).is_some() {
        return Err(BadTask::new(
            "at",
            "and `delay` exclude each other; give one of them",
        ));
    }
    parse_rfc3339(&at)
        .map(Due::At)
        .map_err(|reason| BadTask::new("at", reason))
}

/// Seconds as an integer or a fraction, from 0 to `limit`.
fn seconds(
    field: &'static str,
    raw: Option<&RawValue>,
    limit: Duration,
) -> Result<Option<Duration>, BadTask> {
    let Some(json) = given(raw) else {
        return Ok(None);
    };
    let is_number = json.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    let number: f64 = match json.parse() {
        Ok(number) if is_number => number,
        _ => {
            return Err(BadTask::new(
                field,
                format!("must be a number of seconds, not {}", shown(json)),
            ));
        }
    };
    if number < 0.0 {
        return Err(BadTask::new(
            field,
            format!("must not be negative, {} was given", shown(json)),
        ));
    }
    match Duration::try_from_secs_f64(number) {
        Ok(duration) if duration <= limit => Ok(Some(duration)),
        _ => Err(BadTask::new(
            field,
            format!(
                "is at most {} seconds, {} was given",
                limit.as_secs(),
                shown(json)
            ),
        )),
    }
}

/// A whole number from 0 to `limit`.
fn whole(field: &'static str, raw: Option<&RawValue>, limit: u32) -> Result<Option<u32>, BadTask> {
    let Some(json) = given(raw) else {
        return Ok(None);
    };
    match json.parse::<u32>() {
        Ok(number) if number <= limit => Ok(Some(number)),
        _ => Err(BadTask::new(
            field,
            format!(
                "must be a whole number from 0 to {limit}, not {}",
                shown(json)
            ),
        )),
    }
}

/// An object of strings, in the order written.
fn headers(raw: Option<&RawValue>) -> Result<Vec<(String, String)>, BadTask> {
    struct Pairs;
    impl<'de> serde::de::Visitor<'de> for Pairs {
        type Value = Vec<(String, String)>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object of strings")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(
            self,
            mut map: A,
        ) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = map.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }
    let Some(json) = given(raw) else {
        return Ok(Vec::new());
    };
    let mut reader = serde_json::Deserializer::from_str(json);
    serde::Deserializer::deserialize_map(&mut reader, Pairs)
        .map_err(|e| BadTask::new("headers", format!("must be an object of strings: {e}")))
}

#[cfg(test)]
mod tests;
