//! A dead letter as JSON: the whole task, every attempt's error, times and door.

use poulpe_core::wire::rfc3339;
use poulpe_core::{JobView, Params};
use serde_json::{Map, Value, json};

/// The dead letter as its file shows it.
pub(crate) fn dead_letter(dead: &JobView) -> Value {
    let mut fields = Map::new();
    fields.insert("id".into(), json!(dead.id.as_str()));
    if let Some(job) = &dead.job {
        let params = match &job.params {
            Params::Text(text) => json!(text),
            Params::List(words) => json!(words),
        };
        let headers: Map<String, Value> = job
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        fields.insert(
            "task".into(),
            json!({
                "id": dead.id.as_str(),
                "method": job.kind.as_str(),
                "name": job.name,
                "params": params,
                "cc": job.lanes.to_text(),
                "priority": job.priority.rank(),
                "timeout": job.timeout.as_secs_f64(),
                "max_retry": job.max_retry,
                "retry_interval": job.retry_interval.as_secs_f64(),
                "headers": headers,
            }),
        );
        fields.insert("door".into(), json!(job.door.as_str()));
        fields.insert("accepted_at".into(), json!(rfc3339(job.accepted_at)));
    }
    let errors: Vec<Value> = dead
        .progress
        .errors
        .iter()
        .map(|error| {
            json!({
                "attempt": error.attempt,
                "started_at": rfc3339(error.started_at),
                "finished_at": rfc3339(error.finished_at),
                "status": error.status,
                "reason": error.reason,
            })
        })
        .collect();
    fields.insert("attempts".into(), json!(dead.progress.attempts));
    fields.insert("claims".into(), json!(dead.progress.claims));
    fields.insert("losses".into(), json!(dead.progress.losses));
    fields.insert("errors".into(), json!(errors));
    if let Some(result) = &dead.result {
        fields.insert("buried_at".into(), json!(rfc3339(result.finished_at)));
        fields.insert("reason".into(), json!(result.reason));
        fields.insert("status".into(), json!(result.status));
        fields.insert("output".into(), json!(result.output));
    }
    Value::Object(fields)
}
