//! What can go wrong with Kafka, as sentences a person can act on. Decides nothing.

use poulpe_core::StoreError;
use rskafka::client::error::{Error, ProtocolError};
use std::time::Duration;

/// Why something with Kafka didn't work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Nothing came back.
    #[error("{0}: no answer within {1:?}; is a broker there, and can it be reached?")]
    Silent(&'static str, Duration),
    /// The broker, or the way to it.
    #[error("{0}: {1}")]
    Broker(&'static str, Error),
    /// It is never created by us.
    #[error("topic {0} isn't there; create it, poulpe never does")]
    NoTopic(String),
    /// Brokers know fewer partitions than they did.
    #[error("partition {1} of topic {0} isn't there any more")]
    NoPartition(String, i32),
    /// See [`Reset`](crate::Reset).
    #[error(
        "partition {partition} ends at {end}, before the {offset} that was reached: the topic was made anew, or brokers lost \
         its end; choose by --kafka_reset what is read now"
    )]
    Truncated {
        partition: i32,
        offset: i64,
        end: i64,
    },
    /// To be tried again on another connection.
    #[error("records at offset {0} can't be read: {1}")]
    Unreadable(i64, String),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("the checkpoint {0} can't be read; a newer poulpe may have written it")]
    Checkpoint(String),
}

impl Trouble {
    /// What the broker said, if it did.
    pub(crate) fn protocol(&self) -> Option<ProtocolError> {
        match self {
            Trouble::Broker(_, Error::ServerError { protocol_error, .. }) => Some(*protocol_error),
            _ => None,
        }
    }
}

/// Waits for Kafka, but not for ever: the client itself has no time-outs.
pub(crate) async fn bounded<T>(
    what: &'static str,
    limit: Duration,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, Trouble> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => answer.map_err(|error| Trouble::Broker(what, error)),
        Err(_) => Err(Trouble::Silent(what, limit)),
    }
}

/// How long to wait before the next try: longer each time, up to some seconds.
#[derive(Debug)]
pub(crate) struct Pace(Duration);

impl Pace {
    const FIRST: Duration = Duration::from_millis(250);
    const LONGEST: Duration = Duration::from_secs(5);

    pub(crate) fn next(&mut self) -> Duration {
        let next = self.0;
        self.0 = (self.0 * 2).min(Self::LONGEST);
        next
    }

    /// It works again.
    pub(crate) fn reset(&mut self) {
        self.0 = Self::FIRST;
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self(Self::FIRST)
    }
}
