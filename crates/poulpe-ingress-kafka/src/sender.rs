//! Sends results on: takes them out of the outbox, and acknowledges what brokers have. Each at least once, those of one key
//! in order: a partition has one request under way, and what failed is sent again before what comes later. Runs as one
//! task; on a shared store only that of one daemon works.

use crate::Shared;
use crate::client::{self, LIMIT};
use crate::outgoing::{MAX_VALUE, Outgoing};
use crate::partitioner::partition_of;
use crate::status::Of;
use crate::trouble::{Pace, Trouble, bounded};
use futures_util::future::join_all;
use poulpe_core::{Phase, Stop};
use rskafka::client::Client;
use rskafka::client::error::ProtocolError;
use rskafka::client::partition::{Compression, PartitionClient};
use rskafka::record::Record;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// How many results are taken at once.
const BATCH: usize = 4_000;

/// How many bytes go in one request: half of what brokers take unless told otherwise.
const REQUEST: usize = 500_000;

/// A look without a wake-up, for jobs that the store itself ended.
const LOOK: Duration = Duration::from_secs(1);

/// How long the partitions of the topic are taken for known.
const KNOWN: Duration = Duration::from_secs(30);

/// How long the last results may take to be sent when poulpe stops.
const FLUSH: Duration = Duration::from_secs(5);

/// Connections to the topic.
struct Link {
    client: Client,
    partitions: Vec<i32>,
    open: BTreeMap<i32, Arc<PartitionClient>>,
    since: Instant,
}

/// What became of some results.
#[derive(Default)]
struct Sent {
    tokens: Vec<u64>,
    cut: u64,
    trouble: Option<Trouble>,
}

/// Sends until poulpe has stopped.
pub(crate) async fn run(shared: Arc<Shared>, mut stop: Stop) {
    let Some(topic) = shared.config.resp_topic.clone() else {
        return;
    };
    let mut link = None;
    let mut pace = Pace::default();
    loop {
        let sent = send_all(&shared, &topic, &mut link).await;
        let works = sent.is_ok();
        let wait = match sent {
            Ok(()) => {
                pace.reset();
                LOOK
            }
            Err(trouble) => {
                link = None;
                shared.status.trouble(Of::Results, &trouble);
                pace.next()
            }
        };
        tokio::select! {
            () = shared.feed.ended(), if works => {}
            () = tokio::time::sleep(wait) => {}
            () = stop.reached(Phase::Stopped) => break,
        }
    }
    let flushed = tokio::time::timeout(FLUSH, send_all(&shared, &topic, &mut link)).await;
    if !matches!(flushed, Ok(Ok(()))) {
        tracing::warn!("not all results were sent to kafka, the rest will be after the next start");
    }
}

/// Sends everything that is there.
async fn send_all(shared: &Shared, topic: &str, link: &mut Option<Link>) -> Result<(), Trouble> {
    if !shared.leads.load(Ordering::Relaxed) {
        return Ok(());
    }
    loop {
        let items = shared.feed.unsent(BATCH).await?;
        if items.is_empty() {
            shared.status.works(Of::Results);
            return Ok(());
        }
        let link = connected(shared, topic, link).await?;
        let mut of_partition: BTreeMap<i32, Vec<Outgoing>> = BTreeMap::new();
        for item in items {
            let token = item.token;
            let Some(outgoing) = Outgoing::new(item) else {
                shared.feed.sent(vec![token]).await?;
                continue;
            };
            let turn = partition_of(outgoing.key().as_bytes(), link.partitions.len());
            let number = link.partitions.get(turn).copied().unwrap_or_default();
            of_partition.entry(number).or_default().push(outgoing);
        }
        for number in of_partition.keys() {
            if !link.open.contains_key(number) {
                let broker = client::partition(&link.client, topic, *number).await?;
                link.open.insert(*number, Arc::new(broker));
            }
        }
        let sending = of_partition.iter().filter_map(|(number, results)| {
            let broker = link.open.get(number)?;
            Some(send(broker, results))
        });
        let mut trouble = None;
        for sent in join_all(sending).await {
            let count = sent.tokens.len() as u64;
            shared.feed.sent(sent.tokens).await?;
            shared.status.sent(count, sent.cut);
            trouble = trouble.or(sent.trouble);
        }
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        shared.status.works(Of::Results);
    }
}

/// The link, looked up anew once in a while: partitions may have been added.
async fn connected<'a>(
    shared: &Shared,
    topic: &str,
    link: &'a mut Option<Link>,
) -> Result<&'a mut Link, Trouble> {
    let known = link.take().filter(|link| link.since.elapsed() < KNOWN);
    let known = match known {
        Some(known) => known,
        None => {
            let client = shared.connector.client().await?;
            Link {
                partitions: client::partitions(&client, topic).await?,
                client,
                open: BTreeMap::new(),
                since: Instant::now(),
            }
        }
    };
    Ok(link.insert(known))
}

/// Sends results of one partition, in order; stops at the first that doesn't get through.
async fn send(broker: &PartitionClient, results: &[Outgoing]) -> Sent {
    let mut sent = Sent::default();
    let mut waiting: Vec<(&Outgoing, Record)> = Vec::new();
    let mut bytes = 0;
    for outgoing in results {
        let Some((record, is_cut)) = outgoing.record(MAX_VALUE) else {
            continue;
        };
        let size = record.approximate_size() + 64;
        if bytes + size > REQUEST && !waiting.is_empty() {
            bytes = 0;
            if flush(broker, std::mem::take(&mut waiting), &mut sent)
                .await
                .is_none()
            {
                return sent;
            }
        }
        sent.cut += u64::from(is_cut);
        bytes += size;
        waiting.push((outgoing, record));
    }
    // What went wrong stands in it.
    let _ = flush(broker, waiting, &mut sent).await;
    sent
}

/// Sends records in one request; none if that failed.
async fn flush(
    broker: &PartitionClient,
    waiting: Vec<(&Outgoing, Record)>,
    sent: &mut Sent,
) -> Option<()> {
    let (results, records): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
    match produce(broker, records).await {
        Ok(()) => sent
            .tokens
            .extend(results.iter().map(|outgoing| outgoing.token)),
        Err(trouble) if is_too_large(&trouble) => {
            for outgoing in results {
                if let Err(trouble) = send_one(broker, outgoing, sent).await {
                    sent.trouble = Some(trouble);
                    return None;
                }
            }
        }
        Err(trouble) => {
            sent.trouble = Some(trouble);
            return None;
        }
    }
    Some(())
}

/// Sends a result that may be larger than the topic takes: shorter each time.
async fn send_one(
    broker: &PartitionClient,
    outgoing: &Outgoing,
    sent: &mut Sent,
) -> Result<(), Trouble> {
    let mut max = MAX_VALUE;
    let mut last = usize::MAX;
    while let Some((record, is_cut)) = outgoing.record(max) {
        let size = record.approximate_size();
        if size < last {
            match produce(broker, vec![record]).await {
                Ok(()) => {
                    sent.tokens.push(outgoing.token);
                    sent.cut += u64::from(is_cut);
                    return Ok(());
                }
                Err(trouble) if is_too_large(&trouble) => last = size,
                Err(trouble) => return Err(trouble),
            }
        }
        if max == 0 {
            break;
        }
        max /= 2;
    }
    // For ever in the way of all others otherwise.
    tracing::error!(
        job = outgoing.key(),
        "the topic takes not even the shortest form of a result; it isn't sent"
    );
    sent.tokens.push(outgoing.token);
    Ok(())
}

async fn produce(broker: &PartitionClient, records: Vec<Record>) -> Result<(), Trouble> {
    let produced = broker.produce(records, Compression::NoCompression);
    bounded("sending results", LIMIT, produced).await.map(drop)
}

fn is_too_large(trouble: &Trouble) -> bool {
    matches!(
        trouble.protocol(),
        Some(ProtocolError::MessageTooLarge | ProtocolError::RecordListTooLarge)
    )
}
