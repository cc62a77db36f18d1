//! What commands print on standard output, and its form for scripts. Decides nothing about what is said.

use serde::Serialize;
use std::io::Write;

/// Prints to standard output. Whoever reads may have seen enough: `| head` is no failure.
pub(crate) fn print(text: &str) {
    let mut stdout = std::io::stdout();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

/// A value as JSON, for scripts.
pub(crate) fn json(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value);
    text.unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}")) + "\n"
}
