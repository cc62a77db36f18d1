//! Why a call got no answer, as a sentence a person can act on. Never repeats a URL: it may hold secrets. Called by
//! the executor with ureq's error.

use crate::guard::Refused;
use crate::resolver::UnknownName;
use poulpe_core::Failure;
use std::io::{self, ErrorKind};
use std::time::Duration;
use ureq::Error;

/// The failure of a call to `place` that `error` ended. The attempt had `limit` of time.
pub(crate) fn no_answer(error: Error, place: &str, limit: Duration) -> Failure {
    let reason = match error {
        Error::Other(error) if error.is::<Refused>() => {
            return Failure::never(format!("{place} was not called: {error}"));
        }
        Error::Other(error) if error.is::<UnknownName>() => {
            format!("the host of {place} can't be resolved: {error}")
        }
        Error::HostNotFound => format!("the host of {place} has no address"),
        Error::Timeout(_) => format!("no answer from {place} within {}", seconds(limit)),
        Error::Io(error) => io_reason(&error, place),
        Error::Rustls(error) => format!("no secure connection to {place}: {error}"),
        Error::Tls(error) => format!("no secure connection to {place}: {error}"),
        Error::Protocol(error) => format!("{place} answered something that isn't HTTP: {error}"),
        Error::LargeResponseHeader(size, limit) => {
            format!("the answer of {place} has {size} bytes of headers, at most {limit} are taken")
        }
        // What is left can't come from a checked URL; its text could repeat it.
        Error::BadUri(_) => format!("the URL of {place} is not valid"),
        error => format!("the call to {place} failed: {error}"),
    };
    Failure::later(reason)
}

/// The failure of a call whose answer began and broke.
pub(crate) fn broken_answer(error: io::Error, place: &str, limit: Duration) -> Failure {
    let reason = match Error::from(error) {
        Error::Timeout(_) => format!("no complete answer from {place} within {}", seconds(limit)),
        Error::Io(error) if is_closed(error.kind()) => {
            format!("{place} closed the connection early, before the end of its answer")
        }
        error => format!("the answer of {place} can't be read: {error}"),
    };
    Failure::later(reason)
}

/// Whether a connection ended without an answer, as an idle one does that the server had closed already.
pub(crate) fn is_hang_up(error: &Error) -> bool {
    matches!(error, Error::Io(error) if is_closed(error.kind()))
}

fn is_closed(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected
    )
}

fn io_reason(error: &io::Error, place: &str) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            format!("connection refused by {place}; does a server listen there?")
        }
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            format!("no way to {place}: {error}; is the network up?")
        }
        kind if is_closed(kind) => {
            format!("{place} closed the connection early, without an answer")
        }
        // That is how TLS errors come out of a handshake.
        ErrorKind::InvalidData => format!("no secure connection to {place}: {error}"),
        _ => format!("the call to {place} failed: {error}"),
    }
}

/// Whole seconds, or tenths below ten.
fn seconds(time: Duration) -> String {
    let tenths = (time.as_millis() + 50) / 100;
    if tenths.is_multiple_of(10) || tenths >= 100 {
        return format!("{} s", (tenths + 5) / 10);
    }
    format!("{}.{} s", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_do() {
        for (millis, text) in [
            (2_000, "2 s"),
            (1_999, "2 s"),
            (300, "0.3 s"),
            (1_540, "1.5 s"),
            (59_999, "60 s"),
            (12_340, "12 s"),
            (20, "0 s"),
        ] {
            assert_eq!(seconds(Duration::from_millis(millis)), text, "{millis}");
        }
    }
}
