//! What an operator decides about commands. Data only, checked by the executor when it is made. Filled in by the binary
//! or an embedder.

/// How much of standard output, and of standard error, is kept by default: as much as an answer's body of an HTTP job,
/// enough for any message, and little beside the bytes that a store keeps of results.
pub const OUTPUT_LIMIT: usize = 64 * 1024;

/// How commands may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandConfig {
    /// What tasks may run; nothing means that `EXEC` is off. Each entry is the absolute path of a command, the
    /// absolute path of a directory (every executable directly in it), a bare name that is looked up on `PATH` once
    /// at the start, or `*` for everything.
    pub allow: Vec<String>,
    /// How many bytes of standard output, and as many of standard error, are kept. The command may print more; the
    /// rest is read and dropped.
    pub output_limit: usize,
}

impl Default for CommandConfig {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            output_limit: OUTPUT_LIMIT,
        }
    }
}
