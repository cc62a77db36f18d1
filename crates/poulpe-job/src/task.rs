//! A task: what a client asks for, checked for form but not yet accepted.

use crate::{Digest, JobId, Kind, LaneSet, Timestamp};
use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;
use std::time::Duration;

/// When a job may first be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Due {
    /// This long after the store accepts it, by the store's own clock. Zero means at once.
    In(Duration),
    /// At this point on the wall clock.
    At(Timestamp),
}

impl Due {
    /// As soon as it is accepted.
    pub const NOW: Due = Due::In(Duration::ZERO);

    /// The point in time, for a store whose clock reads `now`.
    pub fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            Due::In(wait) => now.after(wait),
            Due::At(at) => at,
        }
    }
}

/// The argument of a task: one text, or a list where exact words matter (EXEC).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Params {
    /// Query string, body, or words separated by white space.
    Text(String),
    /// Exact arguments of a command.
    List(Vec<String>),
}

impl Default for Params {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

/// The rank of a job among ready ones: 0 goes first, 9 last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Priority(u8);

impl Priority {
    /// The rank, when it is one of 0 to 9.
    pub const fn new(rank: u8) -> Option<Self> {
        if rank <= 9 { Some(Self(rank)) } else { None }
    }

    /// The rank, 0 to 9.
    pub const fn rank(self) -> u8 {
        self.0
    }
}

impl Default for Priority {
    /// The middle: 5.
    fn default() -> Self {
        Self(5)
    }
}

/// What a client asks for. Fields that are `None` take the daemon's defaults when the task is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The id the client chose, if it did.
    pub id: Option<JobId>,
    /// `method` on the wire.
    pub kind: Kind,
    /// URL, command or mail name.
    pub name: String,
    /// Query string, body or arguments.
    pub params: Params,
    /// `cc` on the wire.
    pub lanes: LaneSet,
    /// `delay` or `at` on the wire.
    pub due: Due,
    /// How long the client wants to wait for the result; not part of the job.
    pub wait: Duration,
    /// The time an attempt may take.
    pub timeout: Option<Duration>,
    /// How many failed attempts are followed by another one.
    pub max_retry: Option<u32>,
    /// The time between a failed attempt and the next.
    pub retry_interval: Option<Duration>,
    /// Rank among ready jobs.
    pub priority: Priority,
    /// Extra headers of GET and POST, in the order given.
    pub headers: Vec<(String, String)>,
}

impl Task {
    /// A task of this kind and name, due at once, with defaults for everything else.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self {
            id: None,
            kind,
            name: name.into(),
            params: Params::default(),
            lanes: LaneSet::any(),
            due: Due::NOW,
            wait: Duration::ZERO,
            timeout: None,
            max_retry: None,
            retry_interval: None,
            priority: Priority::default(),
            headers: Vec::new(),
        }
    }

    /// The fingerprint by which a repeat is told from another task of the same id: every field but `id` and `wait`,
    /// the delay as it was written. SipHash-1-3-128 with a fixed key, so it is the same in every process; field tags
    /// and lengths keep `("ab", "c")` apart from `("a", "bc")`.
    pub fn digest(&self) -> Digest {
        let mut hash = Fields(SipHasher13::new());
        hash.text(1, self.kind.as_str());
        hash.text(2, &self.name);
        match &self.params {
            Params::Text(text) => hash.text(3, text),
            Params::List(words) => {
                hash.number(4, words.len() as u128);
                for word in words {
                    hash.text(5, word);
                }
            }
        }
        for lane in self.lanes.lanes() {
            hash.number(6, u128::from(*lane));
        }
        match self.due {
            Due::In(wait) => hash.number(7, wait.as_nanos()),
            Due::At(at) => hash.number(8, u128::from(at.as_millis() as u64)),
        }
        if let Some(timeout) = self.timeout {
            hash.number(9, timeout.as_nanos());
        }
        if let Some(max_retry) = self.max_retry {
            hash.number(10, u128::from(max_retry));
        }
        if let Some(interval) = self.retry_interval {
            hash.number(11, interval.as_nanos());
        }
        hash.number(12, u128::from(self.priority.rank()));
        for (name, value) in &self.headers {
            hash.text(13, name);
            hash.text(14, value);
        }
        Digest(hash.0.finish128().as_bytes())
    }
}

/// Feeds tagged, length-prefixed fields to the hash.
struct Fields(SipHasher13);

impl Fields {
    fn text(&mut self, tag: u8, text: &str) {
        self.0.write(&[tag]);
        self.0.write(&(text.len() as u64).to_le_bytes());
        self.0.write(text.as_bytes());
    }

    fn number(&mut self, tag: u8, number: u128) {
        self.0.write(&[tag]);
        self.0.write(&number.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> Task {
        Task::new(Kind::GET, "http://localhost/a")
    }

    #[test]
    fn wait_and_id_are_not_part_of_the_digest() {
        let mut other = task();
        other.wait = Duration::from_secs(5);
        other.id = JobId::new("x").ok();
        assert_eq!(other.digest(), task().digest());
    }

    #[test]
    fn every_other_field_is_part_of_the_digest() {
        let changes: [fn(&mut Task); 11] = [
            |t| t.kind = Kind::POST,
            |t| t.name.push('b'),
            |t| t.params = Params::Text("x".into()),
            |t| t.params = Params::List(vec![]),
            |t| t.lanes = LaneSet::new([1]),
            |t| t.due = Due::In(Duration::from_millis(1)),
            |t| t.timeout = Some(Duration::from_secs(60)),
            |t| t.max_retry = Some(3),
            |t| t.retry_interval = Some(Duration::from_secs(10)),
            |t| t.priority = Priority(4),
            |t| t.headers.push(("a".into(), "b".into())),
        ];
        let mut seen = vec![task().digest()];
        for change in changes {
            let mut changed = task();
            change(&mut changed);
            assert!(!seen.contains(&changed.digest()), "{changed:?}");
            seen.push(changed.digest());
        }
    }

    #[test]
    fn the_digest_is_the_same_in_every_process() {
        // Stored beside each job: a change here makes repeats after an upgrade look like conflicts.
        let hex: String = task()
            .digest()
            .0
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(hex, "ba83addc0b5bd38ff47eb81141792be2");
    }
}
