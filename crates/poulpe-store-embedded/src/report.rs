//! What an audit and a repair report. Pure data, for people and for programs.

use poulpe_store::Counts;
use serde::Serialize;

/// How far reading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    /// Bytes that were read.
    pub read_bytes: u64,
    /// Bytes there are to read.
    pub total_bytes: u64,
}

/// What an audit found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// The format of the directory; 0 if that can't be read.
    pub format: u32,
    /// A process has it open.
    pub in_use: bool,
    /// That process, where it left its number.
    pub pid: Option<u32>,
    /// The segments.
    pub segments: SegmentCounts,
    /// Readable frames.
    pub frames: u64,
    /// Readable records.
    pub records: RecordCounts,
    /// Jobs by state.
    pub jobs: JobCounts,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Results that are kept, dead letters' included.
    pub results: u64,
    /// The bytes of their records.
    pub result_bytes: u64,
    /// Readable start marks, most of them stale.
    pub start_marks: u64,
    /// Bytes at the end of the log that were never acknowledged. Normal after a crash, and while the store is in use.
    pub torn_bytes: u64,
    /// What is wrong. Empty if the store is sound.
    pub problems: Vec<Problem>,
}

/// Something that contradicts the format or an invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file it is in; `None` if it is in none alone.
    pub file: Option<String>,
    /// Where in it.
    pub offset: Option<u64>,
    /// What is wrong.
    pub what: String,
}

/// How many segments there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SegmentCounts {
    /// Those of the log.
    pub hot: u64,
    /// Those that cleaning has made.
    pub cold: u64,
    /// How long the files are.
    pub bytes: u64,
    /// The records that count.
    pub live_bytes: u64,
}

/// How many records there are, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RecordCounts {
    /// Heads of segments.
    pub heads: u64,
    /// Jobs, new or changed.
    pub puts: u64,
    /// Ends of jobs.
    pub ends: u64,
    /// Values of checkpoints.
    pub checkpoints: u64,
    /// Start marks in the log.
    pub starts: u64,
}

/// How many jobs there are, by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct JobCounts {
    /// Not due yet.
    pub delayed: u64,
    /// Due.
    pub ready: u64,
    /// Started, without a verdict yet.
    pub running: u64,
    /// Waiting after a failed attempt.
    pub retrying: u64,
    /// Dead letters.
    pub dead: u64,
    /// Ended, with a result that is kept.
    pub done: u64,
}

/// What a repair did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepairReport {
    /// Jobs that live, copied.
    pub living: u64,
    /// Dead letters, copied.
    pub dead: u64,
    /// Ends with their results, copied.
    pub ends: u64,
    /// Checkpoints, copied.
    pub checkpoints: u64,
    /// Records among all that were read which lay in damaged frames, but were whole themselves.
    pub rescued_records: u64,
    /// Living jobs whose latest readable record was written before something that was lost: they may run again.
    pub may_run_again: u64,
    /// Jobs whose end was lost, as a later job with their id shows. They aren't copied.
    pub superseded: u64,
    /// What was lost.
    pub lost: Vec<Lost>,
    /// An audit of what was made.
    pub made: CheckReport,
}

/// Bytes that couldn't be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// The file.
    pub file: String,
    /// Where in it.
    pub offset: u64,
    /// How many. Zero where the file ends too early: nobody knows how many there were.
    pub bytes: u64,
    /// Whole records that were found there all the same.
    pub rescued_records: u64,
    /// What is wrong there.
    pub what: String,
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

impl From<Counts> for JobCounts {
    fn from(counts: Counts) -> Self {
        Self {
            delayed: counts.delayed,
            ready: counts.ready,
            running: counts.running,
            retrying: counts.retrying,
            dead: counts.dead,
            done: counts.done,
        }
    }
}
