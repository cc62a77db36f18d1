//! What is stored of a job's content: bytes that only daemons read. Each starts with its version. Results and errors that
//! a script makes up are texts, which are turned into the real thing here.

use crate::error::strange;
use poulpe_job::{AttemptError, Job, JobResult, Timestamp};
use poulpe_store::{Member, StoreError, StoreResult};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The version of what this code writes, and the newest it reads.
const VERSION: u8 = b'1';

const JOB: u8 = b'J';
const RESULT: u8 = b'R';
const ERROR: u8 = b'E';
const MEMBER: u8 = b'M';
/// Of a script: cancelled; attempts and time.
const CANCELLED: u8 = b'C';
/// Of a script: lost; attempt and time.
const LOST: u8 = b'L';
/// Of a script: lost too often; attempts, losses and time.
const POISONED: u8 = b'P';

pub(crate) fn of_job(job: &Job) -> StoreResult<Vec<u8>> {
    encode(JOB, job)
}

pub(crate) fn of_result(result: &JobResult) -> StoreResult<Vec<u8>> {
    encode(RESULT, result)
}

pub(crate) fn of_error(error: &AttemptError) -> StoreResult<Vec<u8>> {
    encode(ERROR, error)
}

pub(crate) fn of_member(member: &Member) -> StoreResult<Vec<u8>> {
    encode(MEMBER, member)
}

pub(crate) fn member(bytes: &[u8]) -> StoreResult<Member> {
    match split(bytes)? {
        (MEMBER, body) => decode(body),
        _ => Err(strange("a daemon that is something else")),
    }
}

pub(crate) fn job(bytes: &[u8]) -> StoreResult<Job> {
    match split(bytes)? {
        (JOB, body) => decode(body),
        _ => Err(strange("a job that is something else")),
    }
}

pub(crate) fn result(bytes: &[u8]) -> StoreResult<JobResult> {
    match split(bytes)? {
        (RESULT, body) => decode(body),
        (CANCELLED, body) => {
            let [attempts, at] = numbers(body)?;
            Ok(JobResult::cancelled(
                attempts as u32,
                None,
                Timestamp::from_millis(at),
            ))
        }
        (POISONED, body) => {
            let [attempts, losses, at] = numbers(body)?;
            Ok(JobResult::poisoned(
                attempts as u32,
                losses as u32,
                Timestamp::from_millis(at),
            ))
        }
        _ => Err(strange("a result that is something else")),
    }
}

pub(crate) fn error(bytes: &[u8]) -> StoreResult<AttemptError> {
    match split(bytes)? {
        (ERROR, body) => decode(body),
        (LOST, body) => {
            let [attempt, at] = numbers(body)?;
            Ok(AttemptError::lost(
                attempt as u32,
                Timestamp::from_millis(at),
            ))
        }
        _ => Err(strange("an error that is something else")),
    }
}

fn encode(kind: u8, value: &impl Serialize) -> StoreResult<Vec<u8>> {
    postcard::to_extend(value, vec![VERSION, kind])
        .map_err(|error| StoreError::Unavailable(format!("a record can't be written: {error}")))
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> StoreResult<T> {
    postcard::from_bytes(body).map_err(|error| strange(&format!("a damaged record, {error}")))
}

fn split(bytes: &[u8]) -> StoreResult<(u8, &[u8])> {
    match bytes {
        [VERSION, kind, body @ ..] => Ok((*kind, body)),
        [version, _, ..] if *version > VERSION => Err(StoreError::Unavailable(
            "a newer poulpe wrote a record; upgrade this one".into(),
        )),
        _ => Err(strange("a damaged record")),
    }
}

fn numbers<const N: usize>(body: &[u8]) -> StoreResult<[i64; N]> {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let mut numbers = [0; N];
    let mut words = text.split(' ');
    for number in &mut numbers {
        let word = words.next().and_then(|word| word.parse().ok());
        *number = word.ok_or_else(|| strange("a damaged record"))?;
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use poulpe_job::State;

    #[test]
    fn what_a_script_makes_up_is_read() {
        let cancelled = JobResult::cancelled(3, None, Timestamp::from_millis(1_700));
        assert_eq!(result(b"1C3 1700"), Ok(cancelled));
        assert_eq!(
            result(b"1P5 5 1700").map(|result| result.state),
            Ok(State::Dead)
        );
        assert_eq!(error(b"1L2 1700").map(|error| error.attempt), Ok(2));
    }

    #[test]
    fn what_is_damaged_or_newer_is_refused() {
        for bytes in [&b""[..], b"1", b"1C", b"1C3", b"1Cx 1", b"1X1 2", b"1R"] {
            assert!(result(bytes).is_err(), "{bytes:?}");
        }
        let newer = result(b"2C3 1700").map_err(|error| error.to_string());
        assert!(newer.is_err_and(|text| text.contains("upgrade")));
    }

    #[test]
    fn what_is_written_is_read() {
        let written = AttemptError {
            attempt: 7,
            started_at: Timestamp::from_millis(1),
            finished_at: Timestamp::from_millis(2),
            status: Some(-9),
            reason: "🐙".into(),
        };
        let bytes = of_error(&written).expect("it encodes");
        assert_eq!(error(&bytes), Ok(written));
    }
}
