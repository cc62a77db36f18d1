//! How much a store keeps of what has ended.

use std::time::Duration;

/// How much a store keeps of what has ended; the oldest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a result is kept and a chosen id guarded.
    pub result_ttl: Duration,
    /// How many results are kept.
    pub result_max: usize,
    /// How many bytes of results are kept.
    pub result_bytes: u64,
    /// How many chosen ids are guarded after their job's end.
    pub id_max: usize,
}

impl Default for Limits {
    /// Ten minutes: long enough for a client to reconnect and ask. The numbers keep a busy store within some hundred
    /// megabytes.
    fn default() -> Self {
        Self {
            result_ttl: Duration::from_secs(600),
            result_max: 200_000,
            result_bytes: 256 * 1024 * 1024,
            id_max: 1_000_000,
        }
    }
}
