//! Reading records of a partition, and finding a way past what can't be read. Never decides what becomes of a record.

use crate::client::LIMIT;
use crate::trouble::{Trouble, bounded};
use rskafka::client::error::{Error, ProtocolError, RequestError};
use rskafka::client::partition::{OffsetAt, PartitionClient};
use rskafka::record::RecordAndOffset;
use std::time::Duration;

/// How much is read at once. What was read waits in memory while it is being stored.
const FETCH_BYTES: i32 = 1024 * 1024;

/// How long the broker may wait for records when there are none.
const WAIT: Duration = Duration::from_secs(2);

/// What reading gave.
pub(crate) enum Fetched {
    /// Records, and where the log ends.
    Records(Vec<RecordAndOffset>, i64),
    /// The log doesn't have this place.
    OutOfRange,
    /// What is there isn't what this client understands.
    Unreadable(String),
}

/// Reads from an offset on; waits a moment if there is nothing.
pub(crate) async fn fetch(broker: &PartitionClient, offset: i64) -> Result<Fetched, Trouble> {
    request(broker, offset, FETCH_BYTES, WAIT).await
}

/// Reads as little as the broker gives: the batch that has this offset.
pub(crate) async fn fetch_least(broker: &PartitionClient, offset: i64) -> Result<Fetched, Trouble> {
    request(broker, offset, 2, Duration::ZERO).await
}

async fn request(
    broker: &PartitionClient,
    offset: i64,
    bytes: i32,
    wait: Duration,
) -> Result<Fetched, Trouble> {
    let asked = broker.fetch_records(offset, 1..bytes, wait.as_millis() as i32);
    match bounded("reading", LIMIT + wait, asked).await {
        Ok((records, end)) => Ok(Fetched::Records(records, end)),
        Err(trouble) if trouble.protocol() == Some(ProtocolError::OffsetOutOfRange) => {
            Ok(Fetched::OutOfRange)
        }
        Err(trouble) => match unreadable(&trouble) {
            Some(reason) => Ok(Fetched::Unreadable(reason)),
            None => Err(trouble),
        },
    }
}

/// Whether the answer came but couldn't be understood.
fn unreadable(trouble: &Trouble) -> Option<String> {
    let Trouble::Broker(_, error) = trouble else {
        return None;
    };
    match error {
        Error::Request(
            RequestError::ReadError(_)
            | RequestError::ReadVersionedError(_)
            | RequestError::TooMuchData { .. },
        )
        | Error::InvalidResponse(_)
        | Error::ServerError {
            protocol_error:
                ProtocolError::CorruptMessage | ProtocolError::UnsupportedCompressionType,
            ..
        } => Some(error.to_string()),
        _ => None,
    }
}

/// Where the log begins and ends.
pub(crate) async fn range(broker: &PartitionClient) -> Result<(i64, i64), Trouble> {
    let earliest = broker.get_offset(OffsetAt::Earliest);
    let earliest = bounded("asking for the first offset", LIMIT, earliest).await?;
    let latest = broker.get_offset(OffsetAt::Latest);
    let latest = bounded("asking for the last offset", LIMIT, latest).await?;
    Ok((earliest, latest))
}

/// The first offset behind an unreadable one that can be read, or the end of the log. One by one: a batch doesn't say
/// where it ends unless it can be read, and a good one behind it mustn't be passed over.
pub(crate) async fn behind(broker: &PartitionClient, unreadable: i64) -> Result<i64, Trouble> {
    let (_, end) = range(broker).await?;
    let mut at = unreadable + 1;
    while at < end {
        match fetch_least(broker, at).await? {
            Fetched::Unreadable(_) => at += 1,
            Fetched::Records(..) | Fetched::OutOfRange => break,
        }
    }
    Ok(at)
}
