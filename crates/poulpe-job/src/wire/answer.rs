//! The answer that every door gives.

use super::time_text::rfc3339;
use crate::{JobId, JobResult, Outcome, State, Timestamp};
use serde::{Serialize, Serializer};

/// The `result` of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum AnswerKind {
    /// Accepted, or succeeded.
    #[serde(rename = "OK")]
    Ok,
    /// Refused, or failed.
    Fail,
    /// The time to wait was over first.
    Timeout,
}

/// An answer in the contract's form: `{"result":…,"reason":…,"id":…,"state":…}` and, once known, how the job went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// What happened.
    pub result: AnswerKind,
    /// A sentence a person can act on; empty when all is well.
    pub reason: String,
    /// The job's id; empty when there is none.
    pub id: String,
    /// The job's state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Body or standard output of the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// HTTP status, exit code or signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<i32>,
    /// The number of the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// When the last attempt started.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "time_text")]
    pub started_at: Option<Timestamp>,
    /// When the job ended.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "time_text")]
    pub finished_at: Option<Timestamp>,
}

fn time_text<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.serialize_str(&rfc3339(*at)),
        None => serializer.serialize_none(),
    }
}

impl Answer {
    fn bare(result: AnswerKind, reason: String, id: String, state: Option<State>) -> Self {
        Self {
            result,
            reason,
            id,
            state,
            output: None,
            status: None,
            attempts: None,
            started_at: None,
            finished_at: None,
        }
    }

    /// The task is durable, in this state.
    pub fn accepted(id: &JobId, state: State) -> Self {
        Self::bare(AnswerKind::Ok, String::new(), id.to_string(), Some(state))
    }

    /// Refused or unknown, and why.
    pub fn refused(id: Option<&JobId>, reason: impl Into<String>) -> Self {
        Self::bare(
            AnswerKind::Fail,
            reason.into(),
            id.map(JobId::to_string).unwrap_or_default(),
            None,
        )
    }

    /// The time to wait was over before the job was.
    pub fn timeout(id: &JobId, state: Option<State>, reason: impl Into<String>) -> Self {
        Self::bare(AnswerKind::Timeout, reason.into(), id.to_string(), state)
    }

    /// How the job ended.
    pub fn ended(id: &JobId, result: &JobResult) -> Self {
        Self {
            result: match result.outcome {
                Outcome::Ok => AnswerKind::Ok,
                Outcome::Fail => AnswerKind::Fail,
            },
            reason: result.reason.clone(),
            id: id.to_string(),
            state: Some(result.state),
            output: Some(result.output.clone()),
            status: result.status,
            attempts: Some(result.attempts),
            started_at: result.started_at,
            finished_at: Some(result.finished_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> JobId {
        JobId::new("a").unwrap()
    }

    #[test]
    fn an_acceptance_has_the_four_fields_of_the_contract() {
        let json = serde_json::to_string(&Answer::accepted(&id(), State::Delayed)).unwrap();
        assert_eq!(
            json,
            r#"{"result":"OK","reason":"","id":"a","state":"delayed"}"#
        );
    }

    #[test]
    fn an_end_tells_how_it_went() {
        let result = JobResult {
            outcome: Outcome::Fail,
            reason: "no".into(),
            state: State::Dead,
            output: "o".into(),
            status: Some(500),
            attempts: 4,
            started_at: Some(Timestamp::from_millis(0)),
            finished_at: Timestamp::from_millis(1),
        };
        let json = serde_json::to_string(&Answer::ended(&id(), &result)).unwrap();
        assert_eq!(
            json,
            r#"{"result":"Fail","reason":"no","id":"a","state":"dead","output":"o","status":500,"attempts":4,"started_at":"1970-01-01T00:00:00.000Z","finished_at":"1970-01-01T00:00:00.001Z"}"#
        );
    }
}
