//! A result as it goes to Kafka: keyed by the job's id, cut if it is too large. Pure.

use poulpe_core::store::OutboxItem;
use poulpe_core::wire::Answer;
use rskafka::chrono::DateTime;
use rskafka::record::Record;

/// The largest value that is tried: brokers take a megabyte unless told otherwise.
pub(crate) const MAX_VALUE: usize = 900_000;

/// What isn't the output of a job takes less than this, as far as poulpe decides on it.
const LEAST_VALUE: usize = 256;

/// A result on its way.
pub(crate) struct Outgoing {
    pub(crate) token: u64,
    key: String,
    answer: Answer,
    trace: Option<String>,
    at: i64,
}

impl Outgoing {
    /// Of a job that ended; none if it didn't, which the outbox rules out.
    pub(crate) fn new(item: OutboxItem) -> Option<Self> {
        let OutboxItem { token, job: view } = item;
        let result = view.result?;
        let headers = view.job.map(|job| job.headers).unwrap_or_default();
        let trace = headers.into_iter().find(|(name, _)| name == "traceparent");
        Some(Self {
            token,
            key: view.id.to_string(),
            answer: Answer::ended(&view.id, &result),
            trace: trace.map(|(_, value)| value),
            at: result.finished_at.as_millis(),
        })
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The record, with a value of at most `max` bytes if that is possible; and whether something was cut.
    pub(crate) fn record(&self, max: usize) -> Option<(Record, bool)> {
        let (value, is_cut) = value(&self.answer, max)?;
        let headers = self.trace.iter();
        let headers = headers.map(|trace| ("traceparent".to_string(), trace.clone().into_bytes()));
        let record = Record {
            key: Some(self.key.clone().into_bytes()),
            value: Some(value),
            headers: headers.collect(),
            timestamp: DateTime::from_timestamp_millis(self.at).unwrap_or_default(),
        };
        Some((record, is_cut))
    }
}

/// The answer as JSON; without the end of its output, or of its reason, if it would be too long.
fn value(answer: &Answer, max: usize) -> Option<(Vec<u8>, bool)> {
    let whole = serde_json::to_vec(answer).ok()?;
    if whole.len() <= max {
        return Some((whole, false));
    }
    let output = answer.output.as_deref().unwrap_or_default();
    let (mut output_kept, mut reason_kept) = (output.len(), answer.reason.len());
    loop {
        let cut = cut(answer, output_kept, reason_kept);
        let value = serde_json::to_vec(&cut).ok()?;
        let is_least = output_kept == 0 && reason_kept <= LEAST_VALUE;
        if value.len() <= max || is_least {
            return Some((value, true));
        }
        if output_kept > 0 {
            // In proportion: escaped characters take more room in JSON than they do here. A little less, so that it ends.
            output_kept = (output_kept * max / value.len()).saturating_sub(64);
        } else {
            reason_kept /= 2;
        }
    }
}

fn cut(answer: &Answer, output_kept: usize, reason_kept: usize) -> Answer {
    let output = answer.output.as_deref().unwrap_or_default();
    let output_kept = output.floor_char_boundary(output_kept);
    let reason = &answer.reason[..answer.reason.floor_char_boundary(reason_kept)];
    let between = if reason.is_empty() { "" } else { "; " };
    Answer {
        output: Some(output[..output_kept].into()),
        reason: format!(
            "{reason}{between}cut for Kafka: {output_kept} of {} bytes of output",
            output.len()
        ),
        ..answer.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poulpe_core::{JobId, JobResult, Outcome, State, Timestamp};

    fn answer(output: &str, reason: &str) -> Answer {
        let result = JobResult {
            outcome: Outcome::Ok,
            reason: reason.into(),
            state: State::Done,
            output: output.into(),
            status: Some(200),
            attempts: 1,
            started_at: None,
            finished_at: Timestamp::from_millis(1),
        };
        Answer::ended(&JobId::new("a").expect("an id"), &result)
    }

    #[test]
    fn what_fits_is_sent_whole() {
        let (value, is_cut) = value(&answer("x", ""), 1_000).expect("JSON");
        assert!(!is_cut && !String::from_utf8_lossy(&value).contains("cut"));
    }

    #[test]
    fn what_is_too_large_is_cut_and_says_so() {
        for output in ["x".repeat(50_000), "\"\n🐙".repeat(9_000)] {
            let (value, is_cut) = value(&answer(&output, ""), 10_000).expect("JSON");
            assert!(is_cut && value.len() <= 10_000, "{}", value.len());
            let told: serde_json::Value = serde_json::from_slice(&value).expect("JSON");
            let reason = told["reason"].as_str().expect("a reason");
            assert!(
                reason.contains(&format!("of {} bytes", output.len())),
                "{reason}"
            );
            let kept = told["output"].as_str().expect("an output");
            assert!(
                output.starts_with(kept) && kept.len() > 3_000,
                "{}",
                kept.len()
            );
        }
    }

    #[test]
    fn a_reason_that_is_too_long_is_cut_too() {
        let (value, is_cut) = value(&answer("x", &"r".repeat(50_000)), 1_000).expect("JSON");
        assert!(is_cut && value.len() <= 1_000);
    }
}
