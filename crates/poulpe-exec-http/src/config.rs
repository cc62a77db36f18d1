//! What an HTTP executor can be told. Holds no state and reads no environment. The daemon fills it from its flags.

use ipnet::IpNet;

/// As many as the daemon has workers by default.
const DEFAULT_WORKERS: usize = 4;

/// Enough for any message a person reads, and small enough to keep with every result.
const DEFAULT_OUTPUT_LIMIT: usize = 64 * 1024;

/// What an [`HttpExecutor`](crate::HttpExecutor) can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// How many threads call at once; so many idle connections are kept.
    pub workers: usize,
    /// Networks that are never called, beside link-local and cloud metadata addresses.
    pub deny: Vec<IpNet>,
    /// The only networks that may be called; empty allows all that aren't denied.
    pub allow: Vec<IpNet>,
    /// How many bytes of an answer's body are kept as the output.
    pub output_limit: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            workers: DEFAULT_WORKERS,
            deny: Vec::new(),
            allow: Vec::new(),
            output_limit: DEFAULT_OUTPUT_LIMIT,
        }
    }
}
