//! Values on their way to a script.

use fred::types::Value;
use poulpe_job::{Due, LaneSet};
use poulpe_store::LeaseId;
use std::time::Duration;

/// The lanes of a job that may run on any.
const ANY: &str = "*";

/// The arguments of one call.
#[derive(Default)]
pub(crate) struct Args(pub(crate) Vec<Value>);

impl Args {
    pub(crate) fn text(&mut self, text: impl Into<String>) -> &mut Self {
        self.0.push(Value::String(text.into().into()));
        self
    }

    pub(crate) fn word(&mut self, word: &'static str) -> &mut Self {
        self.0.push(Value::from_static_str(word));
        self
    }

    pub(crate) fn bytes(&mut self, bytes: impl Into<Vec<u8>>) -> &mut Self {
        self.0.push(Value::Bytes(bytes.into().into()));
        self
    }

    /// Whether there is a value, and the value.
    pub(crate) fn maybe(&mut self, value: Option<&Vec<u8>>) -> &mut Self {
        match value {
            Some(value) => self.word("1").bytes(value.clone()),
            None => self.word("0").word(""),
        }
    }

    /// The id of a job and the rest of its lease.
    pub(crate) fn lease(&mut self, lease: &LeaseId) -> &mut Self {
        let LeaseId {
            job,
            claims,
            incarnation,
            nonce,
        } = lease;
        self.text(job.as_str())
            .text(format!("{claims}:{}:{nonce}", incarnation.0))
    }

    pub(crate) fn due(&mut self, due: Due) -> &mut Self {
        self.text(match due {
            Due::In(wait) => format!("+{}", millis(wait)),
            Due::At(at) => format!("={}", at.as_millis()),
        })
    }
}

/// In milliseconds, rounded up: a wait is never cut short. Beyond what a number of Lua holds exactly it is for ever.
pub(crate) fn millis(wait: Duration) -> u64 {
    const FOR_EVER: u128 = 1 << 53;
    wait.as_nanos().div_ceil(1_000_000).min(FOR_EVER) as u64
}

/// In microseconds.
pub(crate) fn micros(wait: Duration) -> String {
    const FOR_EVER: u128 = 1 << 52;
    wait.as_micros().min(FOR_EVER).to_string()
}

pub(crate) fn lanes(lanes: &LaneSet) -> String {
    if lanes.is_any() {
        return ANY.into();
    }
    join(lanes.lanes())
}

pub(crate) fn join(lanes: &[poulpe_job::Lane]) -> String {
    let texts: Vec<String> = lanes.iter().map(ToString::to_string).collect();
    texts.join(",")
}

/// Lanes as [`lanes`] writes them.
pub(crate) fn lane_set(text: &str) -> LaneSet {
    LaneSet::new(numbers(text))
}

/// The numbers in a list that is separated by commas.
pub(crate) fn numbers(text: &str) -> Vec<poulpe_job::Lane> {
    text.split(',')
        .filter_map(|word| word.parse().ok())
        .collect()
}
