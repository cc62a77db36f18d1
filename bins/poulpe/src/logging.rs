//! The log, on standard error.

use crate::flags::LogForm;
use tracing_subscriber::EnvFilter;

/// The client of Kafka logs each of its many tries; poulpe says what is wrong once.
const DEFAULT: &str = "info,rskafka=off";

/// Starts logging. RUST_LOG sets the level, info without it.
pub(crate) fn start(form: LogForm) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match form {
        LogForm::Text => builder.with_target(false).init(),
        LogForm::Json => builder.json().flatten_event(true).init(),
    }
}
