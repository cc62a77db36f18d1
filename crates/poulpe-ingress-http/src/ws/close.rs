//! How a socket ends: with which code and reason, and so that the client can read them. Never decides that it ends;
//! that is the socket's.

use crate::config::{LINGER, LINGER_BYTES, MAX_ARRAY_BYTES};
use crate::stream::Stream;
use crate::ws::pulse::Beat;
use futures_util::SinkExt;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tracing::debug;

/// The most bytes of a reason: a control frame has 125, two of them are the code.
const MAX_REASON_BYTES: usize = 123;
/// Bytes thrown away at a time.
const SCRATCH_BYTES: usize = 4 * 1024;

/// How a socket ends.
#[derive(Debug, PartialEq)]
pub(crate) enum Ending {
    /// The client is gone.
    Gone,
    /// The client has closed.
    Closed,
    /// We close, for this reason.
    Close(CloseFrame),
}

/// A reason to close; what doesn't fit is cut.
fn frame(code: CloseCode, reason: &str) -> CloseFrame {
    let end = reason.floor_char_boundary(MAX_REASON_BYTES);
    let reason = Utf8Bytes::from(&reason[..end]);
    CloseFrame { code, reason }
}

/// The shutdown is over.
pub(crate) fn shutting_down() -> CloseFrame {
    let reason = "poulpe is shutting down; accepted jobs are kept, watch them after the restart";
    frame(CloseCode::Away, reason)
}

/// A message that isn't text.
pub(crate) fn binary() -> CloseFrame {
    frame(
        CloseCode::Unsupported,
        "send tasks as text, not as binary messages",
    )
}

/// A client that doesn't keep up; `None` for one that needn't be given up.
pub(crate) fn of_beat(beat: &Beat) -> Option<CloseFrame> {
    match beat {
        Beat::Ping => None,
        Beat::Silent => Some(frame(
            CloseCode::Policy,
            "no frame came for too long, not even a pong",
        )),
        Beat::Slow => Some(frame(
            CloseCode::Policy,
            "answers were not read for too long; accepted jobs are kept, watch them on a new socket",
        )),
    }
}

/// What the client did wrong; `Gone` when it can't be told any more.
pub(crate) fn of_error(error: &Error) -> Ending {
    match error {
        Error::Capacity(_) => {
            let reason =
                format!("a message may have at most {MAX_ARRAY_BYTES} bytes; send several");
            Ending::Close(frame(CloseCode::Size, &reason))
        }
        Error::Utf8(_) => Ending::Close(frame(CloseCode::Invalid, "a text message must be UTF-8")),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Ending::Gone,
        Error::Protocol(error) => Ending::Close(frame(CloseCode::Protocol, &error.to_string())),
        _ => Ending::Gone,
    }
}

/// Ends a socket.
pub(crate) async fn close(mut socket: WebSocketStream<Stream>, ending: Ending) {
    let told = async {
        match ending {
            Ending::Gone => return Ok(()),
            // The reply to the client's close waits to be written.
            Ending::Closed => socket.flush().await.map_err(io::Error::other)?,
            Ending::Close(frame) => {
                debug!(code = %frame.code, reason = %frame.reason, "closing a socket");
                let frame = Message::Close(Some(frame));
                socket.send(frame).await.map_err(io::Error::other)?;
            }
        }
        discard(socket.get_mut()).await
    };
    match timeout(LINGER, told).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a socket ended by an error"),
        Err(_) => debug!("a client doesn't close its socket, closing"),
    }
}

/// Says the end and takes what the client still sends: closing on unread bytes would reset the connection and could
/// destroy what is on its way.
async fn discard(stream: &mut Stream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut scratch = [0; SCRATCH_BYTES];
    let mut discarded = 0;
    while discarded < LINGER_BYTES {
        match stream.read(&mut scratch).await? {
            0 => break,
            read => discarded += read,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_fits_into_its_frame() {
        let long = frame(CloseCode::Policy, &"é".repeat(100));
        assert_eq!(long.reason.len(), MAX_REASON_BYTES - 1);
        for whole in [
            shutting_down(),
            binary(),
            of_beat(&Beat::Silent).unwrap(),
            of_beat(&Beat::Slow).unwrap(),
        ] {
            assert!(whole.reason.len() < MAX_REASON_BYTES, "{whole}");
        }
    }
}
