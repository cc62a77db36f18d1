//! What can go wrong with a server, sorted by what can be done about it.

use fred::error::{Error, ErrorKind};
use poulpe_store::StoreError;

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The options can't work.
    #[error("{0}")]
    Bad(String),
    /// The server can't be reached, or refuses.
    #[error("Redis can't be used: {0}")]
    Unreachable(String),
    /// The server can't do what is needed.
    #[error("Redis {found} is too old; Redis 7 or newer, or Valkey, is needed")]
    TooOld {
        /// Its version.
        found: String,
    },
    /// Its jobs are being moved, or were.
    #[error(
        "the store in Redis can't be used: {mark}. To use it all the same, remove the key {key}"
    )]
    Moved {
        /// What is noted of that.
        mark: poulpe_store::Mark,
        /// Where.
        key: String,
    },
    /// The system couldn't start what the store runs on.
    #[error("failed to start a thread")]
    Thread(#[source] std::io::Error),
}

const LATE: &str = "Redis didn't answer in time";

/// A call has had its time.
pub(crate) fn late() -> StoreError {
    StoreError::Unavailable(LATE.into())
}

/// Nothing that a server says is for good: it may be restarted, given memory or be told another password, and work goes on.
/// So every error means that the call may be repeated.
pub(crate) fn unavailable(error: &Error) -> StoreError {
    StoreError::Unavailable(reason(error))
}

/// What a person can act on.
pub(crate) fn reason(error: &Error) -> String {
    let details = error.details();
    let word = details.split_whitespace().next().unwrap_or_default();
    let hint = match (error.kind(), word) {
        (_, "OOM") => "Redis is out of memory; raise maxmemory",
        (_, "READONLY") => "Redis is a replica or read-only",
        (_, "LOADING") => "Redis is loading its data",
        (_, "MISCONF") => "Redis can't write to its disk",
        (_, "NOAUTH" | "WRONGPASS") | (ErrorKind::Auth, _) => "Redis refuses the name or password",
        (_, "NOPERM") => "the Redis user may not do this",
        (_, "BUSY") => "Redis is busy with a script",
        (_, "CLUSTERDOWN" | "MASTERDOWN" | "NOREPLICAS" | "TRYAGAIN") => "Redis has lost nodes",
        (ErrorKind::Timeout, _) => LATE,
        (ErrorKind::IO | ErrorKind::Canceled | ErrorKind::Routing, _) => "no connection to Redis",
        _ => return details.to_string(),
    };
    format!("{hint} ({details})")
}

/// An answer that no script of this version gives.
pub(crate) fn strange(what: &str) -> StoreError {
    StoreError::Unavailable(format!(
        "Redis gave an answer that isn't understood: {what}"
    ))
}
