//! How far a move is, on standard error: one line that changes if somebody is looking, else a line a second.

use poulpe_core::store::{SystemTimeSource, TimeSource};
use std::io::IsTerminal;
use std::time::Duration;

/// How often it is told.
const OFTEN: Duration = Duration::from_millis(200);
const RARELY: Duration = Duration::from_secs(1);

/// How many characters the bar has.
const BAR: u64 = 30;

/// What is told, and when it was last.
pub(super) struct Progress<'a> {
    what: &'static str,
    time: &'a SystemTimeSource,
    is_seen: bool,
    told: Option<Duration>,
}

impl<'a> Progress<'a> {
    pub(super) fn new(what: &'static str, time: &'a SystemTimeSource) -> Self {
        Self {
            what,
            time,
            is_seen: std::io::stderr().is_terminal(),
            told: None,
        }
    }

    /// So many of about so many are done.
    pub(super) fn show(&mut self, done: u64, total: u64) {
        let now = self.time.monotonic();
        let pause = if self.is_seen { OFTEN } else { RARELY };
        let is_early = self.told.is_some_and(|told| now < told + pause);
        if is_early || done == 0 {
            return;
        }
        self.told = Some(now);
        let (what, total) = (self.what, total.max(done));
        if self.is_seen {
            let filled = (done * BAR / total) as usize;
            let bar = "#".repeat(filled) + &".".repeat(BAR as usize - filled);
            eprint!("\r{what} {bar} {done} of {total} ");
        } else {
            eprintln!("{what} {done} of about {total}");
        }
    }

    /// That was all.
    pub(super) fn end(&self, done: u64) {
        if self.is_seen && self.told.is_some() {
            eprint!("\r{}\r", " ".repeat(BAR as usize + 60));
        }
        eprintln!("{} {done}", self.what);
    }
}
