//! What a trouble means: a sentence for people, and whether another attempt makes sense. Never shows a password or the
//! mail. Used by the executor for whatever didn't end well.

use crate::step::Step;
use mail_send::Error;
use poulpe_core::Failure;
use smtp_proto::Response;
use std::io::{self, ErrorKind};
use std::time::Duration;

/// As much of a server's words as is kept.
const MAX_WORDS: usize = 1_000;

/// "Service not available": the server is about to close the connection.
const CLOSING: u16 = 421;

/// Why a mail wasn't taken.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The host's name leads nowhere.
    UnknownHost(io::Error),
    /// The server takes ASCII addresses only.
    AsciiOnly,
    /// What mail-send says.
    Smtp(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Smtp(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Smtp(Error::Io(error))
    }
}

impl Trouble {
    /// Whether the connection ended, as one does that was idle for longer than its server likes.
    pub(crate) fn is_hang_up(&self) -> bool {
        match self {
            Self::Smtp(Error::Io(error)) => is_closed(error.kind()),
            Self::Smtp(Error::UnexpectedReply(reply)) => reply.code == CLOSING,
            _ => false,
        }
    }

    /// Whether the connection is still good: the server said no, and goes on listening.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::AsciiOnly => true,
            Self::Smtp(Error::UnexpectedReply(reply)) => reply.code >= 400 && reply.code != CLOSING,
            _ => false,
        }
    }

    /// The failure of an attempt that came as far as `step` with the server at `place`.
    pub(crate) fn into_failure(self, place: &str, step: &Step) -> Failure {
        let error = match self {
            Self::UnknownHost(error) => {
                return Failure::later(format!("the host of {place} can't be resolved: {error}"));
            }
            Self::AsciiOnly => {
                return Failure::never(format!(
                    "{place} takes no addresses beyond ASCII (SMTPUTF8); write a domain in its xn-- form"
                ));
            }
            Self::Smtp(error) => error,
        };
        let reason = match error {
            Error::UnexpectedReply(reply) | Error::AuthenticationFailed(reply) => {
                return refused(&reply, place, step);
            }
            Error::Io(error) => io_reason(&error, place, step),
            Error::Tls(error) => format!("no secure connection to {place}: {error}"),
            Error::MissingStartTls => format!(
                "{place} doesn't offer STARTTLS; mail isn't sent unencrypted unless poulpe is started with --smtp_tls none"
            ),
            Error::UnsupportedAuthMechanism => {
                format!("{place} offers no way to log in that poulpe knows; is TLS needed first?")
            }
            Error::UnparseableReply => {
                format!("{place} answered something that isn't SMTP while {step}")
            }
            error => format!("{place} failed while {step}: {error}"),
        };
        Failure::later(reason)
    }
}

fn refused(reply: &Response<String>, place: &str, step: &Step) -> Failure {
    let is_final = (500..600).contains(&reply.code);
    let reason = format!("{place} refused while {step}: {}", words(reply));
    let failure = if is_final {
        Failure::never(reason)
    } else {
        Failure::later(reason)
    };
    Failure {
        status: Some(reply.code.into()),
        ..failure
    }
}

/// A server's reply as people know it: `550 5.1.1 no such user`, on one line.
pub(crate) fn words(reply: &Response<String>) -> String {
    let mut words = reply.code.to_string();
    if reply.esc[0] != 0 {
        let [class, subject, detail] = reply.esc;
        words.push_str(&format!(" {class}.{subject}.{detail}"));
    }
    let is_space = |char: char| char.is_control() || char.is_whitespace();
    for word in reply
        .message
        .split(is_space)
        .filter(|word| !word.is_empty())
    {
        words.push(' ');
        words.push_str(word);
    }
    words.truncate(words.floor_char_boundary(MAX_WORDS));
    words
}

/// The failure of an attempt whose time was over.
pub(crate) fn timed_out(place: &str, step: &Step, limit: Duration) -> Failure {
    Failure::later(format!(
        "no answer from {place} within {} s while {step}",
        limit.as_millis().div_ceil(100) as f64 / 10.0
    ))
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

fn io_reason(error: &io::Error, place: &str, step: &Step) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            format!("connection refused by {place}; does a mail server listen there?")
        }
        ErrorKind::TimedOut => format!("no way to {place}: no answer while {step}"),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            format!("no way to {place}: {error}; is the network up?")
        }
        kind if is_closed(kind) => format!("{place} closed the connection while {step}"),
        // That is how TLS errors come out of a handshake.
        ErrorKind::InvalidData => format!("no secure connection to {place}: {error}"),
        _ => format!("{place} failed while {step}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poulpe_core::RetryAdvice;

    fn reply(code: u16, message: &str) -> Response<String> {
        Response {
            code,
            esc: [0, 0, 0],
            message: message.into(),
        }
    }

    #[test]
    fn five_hundreds_are_final_and_everything_else_is_not() {
        for (code, advice) in [
            (200, RetryAdvice::Later),
            (421, RetryAdvice::Later),
            (450, RetryAdvice::Later),
            (500, RetryAdvice::Never),
            (535, RetryAdvice::Never),
            (554, RetryAdvice::Never),
            (600, RetryAdvice::Later),
        ] {
            for error in [Error::UnexpectedReply, Error::AuthenticationFailed] {
                let trouble = Trouble::from(error(reply(code, "no")));
                let failure = trouble.into_failure("h:25", &Step::Hello);
                assert_eq!(failure.retry, advice, "{code}");
                assert_eq!(failure.status, Some(code.into()));
            }
        }
    }

    #[test]
    fn words_are_one_line_of_bounded_length() {
        let long = Response {
            esc: [5, 1, 1],
            ..reply(
                550,
                &format!("no\r\nsuch\x1b[31m\tuser {}", "ü".repeat(900)),
            )
        };
        let words = words(&long);
        assert!(
            words.starts_with("550 5.1.1 no such [31m user ü"),
            "{words}"
        );
        assert!((MAX_WORDS - 1..=MAX_WORDS).contains(&words.len()));
    }
}
