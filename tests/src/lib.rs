//! What the end to end tests share: a daemon in a directory of its own, a target that counts calls.
#![forbid(unsafe_code)]

mod daemon;
mod target;

pub use daemon::{Answer, Daemon, Home, Signal, binary};
pub use target::Target;

use std::time::{Duration, Instant};

/// How long a test waits for what must happen, on a slow and busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until the answer is yes; panics with `what` when patience is over.
pub fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_true() {
        assert!(Instant::now() < end, "never happened: {what}");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
