//! The JSON that goes out on a socket: the contract's answer with a `request_id`. Never decides what to say.

use crate::ws::message::Named;
use poulpe_core::wire::Answer;
use poulpe_core::{JobId, JobResult, Lookup, State};
use serde::Serialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// The reason in the acknowledgement of a task.
const ACCEPTED: &str = "accepted";
/// The reason in the acknowledgement of a watch.
const WATCHING: &str = "watching";

/// What a client on a socket is told: `request_id` is the id, so that acknowledgement and result find their request.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Told {
    #[serde(flatten)]
    answer: Answer,
    request_id: String,
}

impl Told {
    fn new(answer: Answer) -> Self {
        let request_id = answer.id.clone();
        Self { answer, request_id }
    }

    /// A task is durable.
    pub(crate) fn accepted(id: &JobId, state: State) -> Self {
        let mut answer = Answer::accepted(id, state);
        answer.reason = ACCEPTED.into();
        Self::new(answer)
    }

    /// The end of a job will be told.
    pub(crate) fn watching(id: &JobId, state: Option<State>) -> Self {
        let mut answer = Answer::accepted(id, State::Ready);
        answer.state = state;
        answer.reason = WATCHING.into();
        Self::new(answer)
    }

    /// A task or a watch was refused.
    pub(crate) fn refused(id: Option<&JobId>, reason: impl Into<String>) -> Self {
        Self::new(Answer::refused(id, reason))
    }

    /// A message of which only this much could be read was refused.
    pub(crate) fn unread(named: &Named, reason: String) -> Self {
        Self::refused(named.0.as_ref(), reason)
    }

    /// How a job ended.
    pub(crate) fn ended(id: &JobId, result: &JobResult) -> Self {
        Self::new(Answer::ended(id, result))
    }

    /// What became of a job that was accepted or watched; `None` while it lives.
    pub(crate) fn of(id: &JobId, lookup: &Lookup) -> Option<Self> {
        let reason = match lookup {
            Lookup::Living(..) => return None,
            Lookup::Ended(result) => return Some(Self::ended(id, result)),
            Lookup::Expired => "it ended, but its result has expired",
            Lookup::Unknown => "it was accepted, but is no longer known",
        };
        // Not a refusal: a client must not send the task again.
        Some(Self::new(Answer::timeout(id, None, reason)))
    }
}

/// One message of it.
pub(crate) fn text(value: &impl Serialize) -> Utf8Bytes {
    match serde_json::to_string(value) {
        Ok(json) => json.into(),
        Err(error) => {
            tracing::error!(%error, "can't write an answer as JSON");
            Utf8Bytes::from_static(
                r#"{"result":"Fail","reason":"the answer could not be written as JSON","id":"","request_id":""}"#,
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_has_the_fields_of_the_contract() {
        let id = JobId::new("a").unwrap();
        assert_eq!(
            text(&Told::accepted(&id, State::Delayed)).as_str(),
            r#"{"result":"OK","reason":"accepted","id":"a","state":"delayed","request_id":"a"}"#
        );
        assert_eq!(
            text(&Told::refused(None, "no")).as_str(),
            r#"{"result":"Fail","reason":"no","id":"","request_id":""}"#
        );
    }
}
