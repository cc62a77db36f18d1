//! Bounds how long a client may take: where its connection is, since when, and when that has been too long. Never
//! waits itself and holds no timer, so that a request costs two readings of the clock and no timer. The stream and
//! the app say what happens, the connection asks.

use crate::config::{HttpConfig, LINGER};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::Instant;

const IDLE: u8 = 0;
const HEAD: u8 = 1;
const BODY: u8 = 2;
const ANSWER: u8 = 3;
const CLOSING: u8 = 4;

/// Where a connection is. Everything happens in the connection's one task; the atomics only make it shareable, so no
/// order is asked of them.
pub(crate) struct Pace {
    header_timeout: Duration,
    body_timeout: Duration,
    idle_timeout: Duration,
    start: Instant,
    phase: AtomicU8,
    /// When the phase began, in nanoseconds since the start. `BODY` counts from the first byte of the head.
    since: AtomicU64,
    body_late: AtomicBool,
    body_unread: AtomicBool,
}

/// What took too long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// The body: the request can still be answered.
    Body,
    /// Anything else: close.
    Connection,
}

impl Pace {
    /// A new connection, which must send a head in time.
    pub(crate) fn new(config: &HttpConfig) -> Self {
        Self {
            header_timeout: config.header_timeout,
            body_timeout: config.body_timeout,
            idle_timeout: config.idle_timeout,
            start: Instant::now(),
            phase: AtomicU8::new(HEAD),
            since: AtomicU64::new(0),
            body_late: AtomicBool::new(false),
            body_unread: AtomicBool::new(false),
        }
    }

    /// Bytes came in.
    pub(crate) fn received(&self) {
        if self.phase.load(Relaxed) == IDLE {
            self.enter(HEAD);
        }
    }

    /// A head is complete.
    pub(crate) fn request(&self, has_body: bool) {
        self.body_late.store(false, Relaxed);
        self.body_unread.store(has_body, Relaxed);
        self.phase
            .store(if has_body { BODY } else { ANSWER }, Relaxed);
    }

    /// The body is complete.
    pub(crate) fn body_read(&self) {
        self.body_unread.store(false, Relaxed);
        self.phase.store(ANSWER, Relaxed);
    }

    /// The answer is ready to be written.
    pub(crate) fn answered(&self) {
        self.enter(IDLE);
    }

    /// A client that had stopped taking its answer goes on taking it.
    pub(crate) fn taken(&self) {
        if self.phase.load(Relaxed) == IDLE {
            self.enter(IDLE);
        }
    }

    /// The last byte was written; what still comes is thrown away.
    pub(crate) fn closing(&self) {
        self.enter(CLOSING);
    }

    /// Whether the latest request was answered without its body having been read to the end.
    pub(crate) fn body_unread(&self) -> bool {
        self.body_unread.load(Relaxed)
    }

    /// Whether the time for the body is over.
    pub(crate) fn body_late(&self) -> bool {
        self.body_late.load(Relaxed)
    }

    /// When the present phase has lasted too long; `None` while it is our turn.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let limit = match self.phase.load(Relaxed) {
            IDLE => self.idle_timeout,
            HEAD => self.header_timeout,
            BODY if !self.body_late() => self.body_timeout,
            CLOSING => LINGER,
            _ => return None,
        };
        Some(self.start + Duration::from_nanos(self.since.load(Relaxed)) + limit)
    }

    /// The deadline has passed: says what that means, and marks a late body for whoever reads it.
    pub(crate) fn overdue(&self) -> Overdue {
        if self.phase.load(Relaxed) != BODY {
            return Overdue::Connection;
        }
        self.body_late.store(true, Relaxed);
        Overdue::Body
    }

    fn enter(&self, phase: u8) {
        let since = self.start.elapsed().as_nanos();
        // 64 bits of nanoseconds last 584 years.
        self.since.store(since as u64, Relaxed);
        self.phase.store(phase, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace {
        Pace::new(&HttpConfig::new([127, 0, 0, 1].into(), 0, "1"))
    }

    #[test]
    fn a_new_connection_must_send_a_head() {
        let pace = pace();
        assert_eq!(pace.deadline(), Some(pace.start + pace.header_timeout));
        assert_eq!(pace.overdue(), Overdue::Connection);
    }

    #[test]
    fn nothing_is_due_while_the_answer_is_ours() {
        let pace = pace();
        pace.request(false);
        assert_eq!(pace.deadline(), None);
    }

    #[test]
    fn a_late_body_is_told_once() {
        let pace = pace();
        pace.request(true);
        assert_eq!(pace.deadline(), Some(pace.start + pace.body_timeout));
        assert_eq!(pace.overdue(), Overdue::Body);
        assert!(pace.body_late() && pace.deadline().is_none());
    }

    #[test]
    fn a_resting_connection_is_given_longer_until_a_byte_comes() {
        let pace = pace();
        pace.answered();
        let resting = pace.deadline();
        pace.received();
        assert!(pace.deadline() < resting);
    }
}
