//! Says when a client on a socket was silent for too long, or didn't take what it was sent. Never waits itself and holds
//! no timer. Asked by the socket whenever it moves.

use std::time::Duration;
use tokio::time::Instant;

/// A client that is silent is asked after this part of the time that it may be silent.
const ASK_AFTER: u32 = 3;

/// What it is time for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// To ask whether anybody is there.
    Ping,
    /// To end: nobody is there.
    Silent,
    /// To end: nobody takes what was sent.
    Slow,
}

/// How a client keeps up.
pub(crate) struct Pulse {
    idle_timeout: Duration,
    write_timeout: Duration,
    heard: Instant,
    asked: bool,
    /// Since when something waits to be taken.
    stalled: Option<Instant>,
}

impl Pulse {
    pub(crate) fn new(idle_timeout: Duration, write_timeout: Duration, now: Instant) -> Self {
        Self {
            idle_timeout,
            write_timeout,
            heard: now,
            asked: false,
            stalled: None,
        }
    }

    /// A frame came, or we aren't listening: then silence is no fault of the client's.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.asked = false;
    }

    /// The client doesn't take more at present.
    pub(crate) fn stalled(&mut self, now: Instant) {
        self.stalled.get_or_insert(now);
    }

    /// The client took what it was sent.
    pub(crate) fn taken(&mut self) {
        self.stalled = None;
    }

    /// When to ask again what it is time for, at the latest.
    pub(crate) fn next(&self) -> Instant {
        let silence = if self.asked {
            self.idle_timeout
        } else {
            self.idle_timeout / ASK_AFTER
        };
        let silent = self.heard + silence;
        let slow = self.stalled.map(|since| since + self.write_timeout);
        slow.map_or(silent, |slow| slow.min(silent))
    }

    /// What it is time for, if for anything. Each ping is asked for once.
    pub(crate) fn beat(&mut self, now: Instant) -> Option<Beat> {
        if self
            .stalled
            .is_some_and(|since| now >= since + self.write_timeout)
        {
            return Some(Beat::Slow);
        }
        if now >= self.heard + self.idle_timeout {
            return Some(Beat::Silent);
        }
        if !self.asked && now >= self.heard + self.idle_timeout / ASK_AFTER {
            self.asked = true;
            return Some(Beat::Ping);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(75);
    const WRITE: Duration = Duration::from_secs(30);

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn a_silent_client_is_asked_once_and_then_given_up() {
        let start = Instant::now();
        let mut pulse = Pulse::new(IDLE, WRITE, start);
        assert_eq!((pulse.next(), pulse.beat(start)), (after(start, 25), None));
        assert_eq!(pulse.beat(after(start, 25)), Some(Beat::Ping));
        assert_eq!(pulse.beat(after(start, 74)), None);
        assert_eq!(pulse.next(), after(start, 75));
        assert_eq!(pulse.beat(after(start, 75)), Some(Beat::Silent));
    }

    #[test]
    fn whoever_is_heard_is_asked_again_later() {
        let start = Instant::now();
        let mut pulse = Pulse::new(IDLE, WRITE, start);
        pulse.beat(after(start, 25));
        pulse.heard(after(start, 26));
        assert_eq!(pulse.next(), after(start, 51));
        assert_eq!(pulse.beat(after(start, 51)), Some(Beat::Ping));
    }

    #[test]
    fn whoever_takes_nothing_is_given_up_from_the_first_moment_on() {
        let start = Instant::now();
        let mut pulse = Pulse::new(IDLE, WRITE, start);
        pulse.stalled(start);
        pulse.stalled(after(start, 20));
        pulse.heard(after(start, 29));
        assert_eq!(pulse.next(), after(start, 30));
        assert_eq!(pulse.beat(after(start, 30)), Some(Beat::Slow));
        pulse.taken();
        assert_eq!(pulse.beat(after(start, 30)), None);
    }
}
