//! What the store remembers of a schedule and of a cron file, as bytes under a checkpoint's name. Knows no rules.

use poulpe_job::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of both forms that this code writes, and the newest it reads. The first byte.
const VERSION: u8 = 1;

/// How many of its jobs a schedule remembers, for those that mustn't overlap: more at once would be a mistake of theirs.
const RECENT: usize = 16;

/// How far a schedule was driven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Every fire time up to here has been decided.
    pub(super) driven_to: Timestamp,
    /// Somebody paused it.
    pub(super) is_paused: bool,
    /// Fire times that were missed and given up.
    pub(super) missed: u64,
    /// Fire times that were skipped.
    pub(super) skipped: u64,
    /// The last one given up, and why.
    pub(super) last_skip: Option<(Timestamp, SkipReason)>,
    /// Times of its latest jobs, newest last.
    pub(super) recent: Vec<Timestamp>,
}

/// Why a fire time gave no job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SkipReason {
    /// It passed while nobody ran it.
    Missed,
    /// An earlier job of the schedule hadn't ended.
    Overlap,
}

impl SkipReason {
    /// For machines.
    pub fn name(self) -> &'static str {
        match self {
            SkipReason::Missed => "missed",
            SkipReason::Overlap => "overlap",
        }
    }

    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            SkipReason::Missed => {
                "it passed more than a minute before anybody could run it, and MISFIRE gives it up"
            }
            SkipReason::Overlap => {
                "an earlier job of the schedule had not ended, and OVERLAP=skip is set"
            }
        }
    }
}

impl Cursor {
    /// Of a schedule that starts after this instant.
    pub(super) fn new(driven_to: Timestamp) -> Self {
        Self {
            driven_to,
            is_paused: false,
            missed: 0,
            skipped: 0,
            last_skip: None,
            recent: Vec::new(),
        }
    }

    /// It gave jobs at these times.
    pub(super) fn ran(&mut self, times: &[Timestamp]) {
        self.recent.extend_from_slice(times);
        let too_many = self.recent.len().saturating_sub(RECENT);
        self.recent.drain(..too_many);
    }
}

/// How far a file was driven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileMark {
    /// When this version of it was read, everything up to here had been decided.
    pub(super) driven_to: Timestamp,
    /// The schedules of this version.
    pub(super) ids: Vec<String>,
}

/// Under which name the store keeps a schedule's cursor.
pub(super) fn cursor_name(id: &str) -> String {
    format!("cron/{id}")
}

/// Under which name the store keeps a file's mark.
pub(super) fn mark_name(file: &str) -> String {
    format!("cron-file/{file}")
}

pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let bytes = postcard::to_extend(value, vec![VERSION]);
    bytes.unwrap_or_else(|error| unreachable!("plain data always encodes: {error}"))
}

/// `None` for bytes that a newer poulpe wrote, or nobody.
pub(super) fn decode<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Option<T> {
    let (version, body) = bytes.split_first()?;
    if *version > VERSION {
        return None;
    }
    postcard::from_bytes(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What version 1 wrote: every later one reads it, or an upgrade would run or skip fire times.
    #[test]
    fn a_cursor_of_version_1_is_read() {
        let mut cursor = Cursor::new(Timestamp::from_millis(1_000));
        cursor.ran(&[Timestamp::from_millis(500), Timestamp::from_millis(1_000)]);
        cursor.missed = 3;
        cursor.last_skip = Some((Timestamp::from_millis(-1), SkipReason::Overlap));
        let bytes = [1, 208, 15, 0, 3, 0, 1, 1, 1, 2, 232, 7, 208, 15];
        assert_eq!(encode(&cursor), bytes);
        assert_eq!(decode(&bytes), Some(cursor));
        assert_eq!(decode::<Cursor>(&[2, 208, 15]), None);
    }

    #[test]
    fn a_mark_of_version_1_is_read() {
        let mark = FileMark {
            driven_to: Timestamp::from_millis(1_000),
            ids: vec!["a".into()],
        };
        let bytes = [1, 208, 15, 1, 1, b'a'];
        assert_eq!(encode(&mark), bytes);
        assert_eq!(decode(&bytes), Some(mark));
    }

    #[test]
    fn only_the_latest_jobs_are_remembered() {
        let mut cursor = Cursor::new(Timestamp::default());
        let times: Vec<Timestamp> = (0..100).map(Timestamp::from_millis).collect();
        cursor.ran(&times);
        assert_eq!(cursor.recent, times[84..]);
    }
}
