//! Reads the body of a request, within its limits of size and time. Never looks further into it than the first byte
//! that isn't white space, which tells one task from an array. Called by the routes that take tasks.

use crate::config::{MAX_ARRAY_BYTES, MAX_TASK_BYTES};
use crate::pace::Pace;
use crate::respond::{self, Answered};
use hyper::StatusCode;
use hyper::body::{Body, Bytes, Incoming};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// Why there is no body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadBody {
    /// Longer than one task may be.
    TaskTooLarge,
    /// Longer than an array may be.
    ArrayTooLarge,
    /// The time was over first.
    Late,
    /// The client or its connection gave up, or the framing is wrong.
    Broken(String),
}

impl BadBody {
    /// What the client is told.
    pub(crate) fn answer(&self) -> Answered {
        match self {
            BadBody::TaskTooLarge => respond::refuse(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!(
                    "a task may have at most {MAX_TASK_BYTES} bytes; pass a reference instead of the data itself"
                ),
            ),
            BadBody::ArrayTooLarge => respond::refuse(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("an array of tasks may have at most {MAX_ARRAY_BYTES} bytes; send several"),
            ),
            BadBody::Late => respond::refuse(
                StatusCode::REQUEST_TIMEOUT,
                "the body took too long to arrive; send it again, at once",
            ),
            BadBody::Broken(why) => respond::refuse(
                StatusCode::BAD_REQUEST,
                format!("the body could not be read: {why}"),
            ),
        }
    }
}

/// The whole body. One that arrives in one piece isn't copied.
pub(crate) async fn read(mut body: Incoming, pace: &Pace) -> Result<Bytes, BadBody> {
    // Of a chunked body nothing is known yet.
    let announced = body.size_hint().exact().unwrap_or(0);
    if announced > MAX_ARRAY_BYTES as u64 {
        return Err(BadBody::ArrayTooLarge);
    }
    let mut whole = Bytes::new();
    let mut pieces: Vec<u8> = Vec::new();
    let mut is_array = None;
    while let Some(piece) = next(&mut body, pace).await? {
        is_array = is_array.or_else(|| starts_array(&piece));
        let so_far = whole.len() + pieces.len() + piece.len();
        check_size(is_array, announced.max(so_far as u64))?;
        if whole.is_empty() && pieces.is_empty() {
            whole = piece;
            continue;
        }
        if pieces.is_empty() {
            pieces.extend_from_slice(&whole);
            whole = Bytes::new();
        }
        pieces.extend_from_slice(&piece);
    }
    pace.body_read();
    if pieces.is_empty() {
        return Ok(whole);
    }
    Ok(pieces.into())
}

/// The next piece of data; trailers are passed over.
async fn next(body: &mut Incoming, pace: &Pace) -> Result<Option<Bytes>, BadBody> {
    poll_fn(|cx| {
        loop {
            if pace.body_late() {
                return Poll::Ready(Err(BadBody::Late));
            }
            let frame = match Pin::new(&mut *body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Err(BadBody::Broken(error.to_string())));
                }
                Poll::Ready(None) => return Poll::Ready(Ok(None)),
                Poll::Pending => return Poll::Pending,
            };
            if let Ok(data) = frame.into_data() {
                return Poll::Ready(Ok(Some(data)));
            }
        }
    })
    .await
}

/// Whether this is the start of an array; `None` when it is all white space.
fn starts_array(piece: &[u8]) -> Option<bool> {
    piece.trim_ascii_start().first().map(|byte| *byte == b'[')
}

fn check_size(is_array: Option<bool>, size: u64) -> Result<(), BadBody> {
    if is_array == Some(false) && size > MAX_TASK_BYTES as u64 {
        return Err(BadBody::TaskTooLarge);
    }
    if size > MAX_ARRAY_BYTES as u64 {
        return Err(BadBody::ArrayTooLarge);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_that_is_no_space_tells_an_array() {
        assert_eq!(starts_array(b" \r\n[{"), Some(true));
        assert_eq!(starts_array(b"\t{\"a\":["), Some(false));
        assert_eq!(starts_array(b"  "), None);
    }

    #[test]
    fn a_task_and_an_array_have_limits_of_their_own() {
        let more = MAX_TASK_BYTES as u64 + 1;
        assert_eq!(check_size(Some(false), more), Err(BadBody::TaskTooLarge));
        assert_eq!(check_size(Some(true), more), Ok(()));
        let most = MAX_ARRAY_BYTES as u64 + 1;
        assert_eq!(check_size(Some(true), most), Err(BadBody::ArrayTooLarge));
        assert_eq!(check_size(None, most), Err(BadBody::ArrayTooLarge));
    }
}
