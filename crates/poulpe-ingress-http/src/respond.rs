//! The forms of answers: JSON, the contract's answer, refusals. Never decides a status; that is the routes'. Every
//! refusal is logged here, once.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use poulpe_core::StoreError;
use poulpe_core::wire::Answer;
use serde::Serialize;
use tracing::debug;

/// An answer on its way out.
pub(crate) type Answered = Response<Full<Bytes>>;

/// Room for an acceptance with a generated id.
const USUAL_BYTES: usize = 128;
/// When to come again after 503, in seconds: queues drain fast.
const COME_AGAIN: HeaderValue = HeaderValue::from_static("1");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Any value as JSON.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Answered {
    let mut body = Vec::with_capacity(USUAL_BYTES);
    match serde_json::to_writer(&mut body, value) {
        Ok(()) => with(status, JSON, body.into()),
        Err(error) => {
            tracing::error!(%error, "can't write an answer as JSON");
            let body = Bytes::from_static(
                br#"{"result":"Fail","reason":"the answer could not be written as JSON","id":""}"#,
            );
            with(StatusCode::INTERNAL_SERVER_ERROR, JSON, body)
        }
    }
}

/// The contract's answer.
pub(crate) fn answer(status: StatusCode, answer: &Answer) -> Answered {
    if status.is_client_error() || status.is_server_error() {
        debug!(status = status.as_u16(), reason = %answer.reason, job = %answer.id, "request refused");
    }
    json(status, answer)
}

/// A refusal that concerns no known job.
pub(crate) fn refuse(status: StatusCode, reason: impl Into<String>) -> Answered {
    answer(status, &Answer::refused(None, reason))
}

/// The store could not do it; maybe later.
pub(crate) fn unavailable(error: &StoreError) -> Answered {
    refuse(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
}

/// The route exists, for other methods.
pub(crate) fn wrong_method(allowed: &'static str) -> Answered {
    let reason = format!("this route takes {allowed} only");
    let mut answered = refuse(StatusCode::METHOD_NOT_ALLOWED, reason);
    answered
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    answered
}

/// Nothing but a head.
pub(crate) fn empty() -> Answered {
    let mut answered = Response::new(Full::default());
    *answered.status_mut() = StatusCode::NO_CONTENT;
    answered
}

/// Plain text.
pub(crate) fn text(body: &'static str) -> Answered {
    with(StatusCode::OK, TEXT, Bytes::from_static(body.as_bytes()))
}

/// A file that lies in memory.
pub(crate) fn file(content_type: HeaderValue, bytes: &'static [u8]) -> Answered {
    with(StatusCode::OK, content_type, Bytes::from_static(bytes))
}

/// The client has it already.
pub(crate) fn not_modified() -> Answered {
    let mut answered = Response::new(Full::default());
    *answered.status_mut() = StatusCode::NOT_MODIFIED;
    answered
}

/// Text of another kind than plain.
pub(crate) fn text_of(content_type: HeaderValue, text: String) -> Answered {
    with(StatusCode::OK, content_type, text.into())
}

fn with(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Answered {
    let mut answered = Response::new(Full::new(body));
    *answered.status_mut() = status;
    let headers = answered.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, COME_AGAIN);
    }
    answered
}
