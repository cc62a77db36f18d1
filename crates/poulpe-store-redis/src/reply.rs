//! Reads the answers of scripts, whose forms their heads tell. A form that no script gives is an error, not a panic.

use crate::error::strange;
use crate::record;
use fred::types::Value;
use poulpe_job::{AttemptError, JobId, Lane, Progress, State, Timestamp};
use poulpe_store::{JobView, StoreResult};

/// The values of an answer, one after the other.
pub(crate) struct Reply(std::vec::IntoIter<Value>);

impl Reply {
    pub(crate) fn of(value: Value) -> StoreResult<Self> {
        match value {
            Value::Array(values) => Ok(Self(values.into_iter())),
            // An empty array.
            Value::Null => Ok(Self(Vec::new().into_iter())),
            other => Err(strange(&format!("{:?} for a list", other.kind()))),
        }
    }

    pub(crate) fn next(&mut self) -> StoreResult<Value> {
        self.0.next().ok_or_else(|| strange("it is too short"))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    pub(crate) fn number(&mut self) -> StoreResult<i64> {
        number(&self.next()?)
    }

    /// A number that counts something.
    pub(crate) fn count(&mut self) -> StoreResult<u32> {
        u32::try_from(self.number()?).map_err(|_| strange("a count out of range"))
    }

    pub(crate) fn total(&mut self) -> StoreResult<u64> {
        u64::try_from(self.number()?).map_err(|_| strange("a total out of range"))
    }

    pub(crate) fn flag(&mut self) -> StoreResult<bool> {
        Ok(self.number()? == 1)
    }

    pub(crate) fn time(&mut self) -> StoreResult<Timestamp> {
        Ok(Timestamp::from_millis(self.number()?))
    }

    pub(crate) fn text(&mut self) -> StoreResult<String> {
        text(&self.next()?)
    }

    pub(crate) fn id(&mut self) -> StoreResult<JobId> {
        JobId::new(&self.text()?).map_err(|bad| strange(&format!("an id that {bad}")))
    }

    pub(crate) fn bytes(&mut self) -> StoreResult<Vec<u8>> {
        bytes(self.next()?)
    }

    pub(crate) fn list(&mut self) -> StoreResult<Reply> {
        Reply::of(self.next()?)
    }

    /// A lane, or none for -1.
    pub(crate) fn lane(&mut self) -> StoreResult<Option<Lane>> {
        Ok(Lane::try_from(self.number()?).ok())
    }

    pub(crate) fn errors(&mut self) -> StoreResult<Vec<AttemptError>> {
        self.list()?.all_errors()
    }

    /// Errors, up to the end.
    pub(crate) fn all_errors(mut self) -> StoreResult<Vec<AttemptError>> {
        let mut errors = Vec::with_capacity(self.0.len());
        while !self.is_empty() {
            errors.push(record::error(&self.bytes()?)?);
        }
        Ok(errors)
    }

    /// The numbers of a progress, in the order of its fields.
    pub(crate) fn counters(&mut self) -> StoreResult<Progress> {
        Ok(Progress {
            claims: self.count()?,
            attempts: self.count()?,
            failures: self.count()?,
            losses: self.count()?,
            cancel_requested: self.flag()?,
            errors: Vec::new(),
        })
    }
}

/// Values that a script has packed with `struct`, one after the other.
pub(crate) struct Packed<'a>(pub(crate) &'a [u8]);

impl Packed<'_> {
    fn take<const N: usize>(&mut self) -> StoreResult<[u8; N]> {
        let (first, rest) = self
            .0
            .split_first_chunk()
            .ok_or_else(|| strange("it is too short"))?;
        self.0 = rest;
        Ok(*first)
    }

    pub(crate) fn count(&mut self) -> StoreResult<u32> {
        Ok(u32::from_be_bytes(self.take()?))
    }

    pub(crate) fn flag(&mut self) -> StoreResult<bool> {
        Ok(self.take::<1>()? == [1])
    }

    pub(crate) fn time(&mut self) -> StoreResult<Timestamp> {
        Ok(Timestamp::from_millis(
            f64::from_be_bytes(self.take()?) as i64
        ))
    }

    /// A lane, or none for -1.
    pub(crate) fn lane(&mut self) -> StoreResult<Option<Lane>> {
        Ok(Lane::try_from(i32::from_be_bytes(self.take()?)).ok())
    }

    /// All that is left, digits.
    pub(crate) fn rest_as_number(self) -> StoreResult<u64> {
        let text = std::str::from_utf8(self.0).ok();
        let number = text.and_then(|text| text.parse().ok());
        number.ok_or_else(|| strange("a nonce that is no number"))
    }
}

pub(crate) fn number(value: &Value) -> StoreResult<i64> {
    value
        .as_i64()
        .ok_or_else(|| strange(&format!("{:?} for a number", value.kind())))
}

pub(crate) fn text(value: &Value) -> StoreResult<String> {
    value
        .as_string()
        .ok_or_else(|| strange(&format!("{:?} for a text", value.kind())))
}

fn bytes(value: Value) -> StoreResult<Vec<u8>> {
    match value {
        Value::Bytes(bytes) => Ok(bytes.to_vec()),
        Value::String(text) => Ok(text.as_bytes().to_vec()),
        other => Err(strange(&format!("{:?} for bytes", other.kind()))),
    }
}

/// A state by the letter of the scripts.
pub(crate) fn state(letter: &str) -> StoreResult<State> {
    match letter {
        "D" => Ok(State::Delayed),
        "R" => Ok(State::Ready),
        "L" => Ok(State::Running),
        "T" => Ok(State::Retrying),
        "X" => Ok(State::Dead),
        "E" => Ok(State::Done),
        other => Err(strange(&format!("the state {other:?}"))),
    }
}

/// What `look.lua` says of one job.
pub(crate) enum Seen {
    View(Box<JobView>),
    Expired,
    Unknown,
}

pub(crate) fn seen(value: Value) -> StoreResult<Seen> {
    match value {
        Value::Array(_) => Ok(Seen::View(Box::new(view(Reply::of(value)?)?))),
        other => match text(&other)?.as_str() {
            "E" => Ok(Seen::Expired),
            "U" => Ok(Seen::Unknown),
            word => Err(strange(word)),
        },
    }
}

fn view(mut reply: Reply) -> StoreResult<JobView> {
    let sequence = reply.text()?.parse();
    let sequence = sequence.map_err(|_| strange("a sequence that is no number"))?;
    let state = state(&reply.text()?)?;
    let id = reply.id()?;
    let body = reply.bytes()?;
    let mut progress = reply.counters()?;
    let lane = reply.lane()?;
    let (accepted_at, due) = (reply.time()?, reply.time()?);
    let result = reply.bytes()?;
    progress.errors = reply.errors()?;
    if state == State::Done {
        progress = Progress::default();
    }
    let mut job = None;
    if state != State::Done {
        let mut stored = record::job(&body)?;
        stored.accepted_at = accepted_at;
        stored.due = due;
        job = Some(stored);
    }
    let result = (!result.is_empty()).then(|| record::result(&result));
    Ok(JobView {
        sequence,
        state,
        id,
        job,
        progress,
        lane: lane.filter(|_| state == State::Running),
        result: result.transpose()?,
    })
}
