//! Reads one partition: fetches records, has them stored together with the new offset, and goes on. Never reads a
//! partition that another daemon owns: every write compares the whole cursor. Runs as one task for each partition.

use crate::Shared;
use crate::client::{self, partition};
use crate::config::{Reset, Start};
use crate::cursor::{self, Cursor, Kept};
use crate::decode::{Place, fed};
use crate::fetch::{self, Fetched, fetch, fetch_least};
use crate::letter;
use crate::status::Of;
use crate::trouble::{Pace, Trouble};
use poulpe_core::{Fed, FeedAnswer};
use rskafka::client::partition::PartitionClient;
use rskafka::record::RecordAndOffset;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How many records are stored in one write: enough that the sync counts for little, few enough that others get a turn.
const GROUP: usize = 1_000;

/// How often is looked whether there is room again.
const LOOK: Duration = Duration::from_millis(100);

/// So many empty answers where there should be records mean that they were compacted away.
const EMPTY_MAX: u32 = 3;

/// How often giving back a partition is tried.
const RELEASE_TRIES: u32 = 5;

/// Another daemon has the partition.
struct Lost;

/// Reads one partition.
pub(crate) struct Reader {
    pub(crate) shared: Arc<Shared>,
    pub(crate) partition: i32,
    pub(crate) stop: watch::Receiver<bool>,
    /// An offset at which something couldn't be read, on another connection.
    suspect: Option<i64>,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>, partition: i32, stop: watch::Receiver<bool>) -> Self {
        Self {
            shared,
            partition,
            stop,
            suspect: None,
        }
    }

    /// Reads until told to stop, or until another daemon has the partition.
    pub(crate) async fn run(mut self) {
        let mut pace = Pace::default();
        let mut stop = self.stop.clone();
        let of = Of::Partition(self.partition);
        loop {
            let ended = tokio::select! {
                ended = self.session(&mut pace) => ended,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let trouble = match ended {
                Ok(Lost) => {
                    tracing::info!(
                        partition = self.partition,
                        "another daemon reads this partition"
                    );
                    break;
                }
                Err(trouble) => trouble,
            };
            self.shared.status.trouble(of, &trouble);
            tokio::select! {
                () = tokio::time::sleep(pace.next()) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        self.release().await;
        self.shared.status.left(self.partition);
    }

    /// Reads until something goes wrong. May be dropped at any time: whatever is under way is durable with its offset, or
    /// is read again.
    async fn session(&mut self, pace: &mut Pace) -> Result<Lost, Trouble> {
        let topic = self.shared.config.topic.clone();
        let connected = self.shared.connector.client().await?;
        let numbers = client::partitions(&connected, &topic).await?;
        if !numbers.contains(&self.partition) {
            return Err(Trouble::NoPartition(topic, self.partition));
        }
        let broker = partition(&connected, &topic, self.partition).await?;
        let Some(mut own) = self.acquire(&broker).await? else {
            return Ok(Lost);
        };
        let mut read = Vec::new();
        let mut empties = 0;
        loop {
            self.room().await?;
            let at = next_offset(&read).unwrap_or(own.cursor.offset);
            let (stored, fetched) = tokio::join!(self.store(&mut own, read), fetch(&broker, at));
            if !stored? {
                return Ok(Lost);
            }
            read = Vec::new();
            match fetched? {
                Fetched::Records(records, end) => {
                    self.shared
                        .status
                        .part(self.partition, |part| part.end = Some(end));
                    self.shared.status.works(Of::Partition(self.partition));
                    pace.reset();
                    let is_hole = records.is_empty() && end > at;
                    empties = if is_hole { empties + 1 } else { 0 };
                    if empties > EMPTY_MAX {
                        empties = 0;
                        if !self.step(&mut own, at + 1).await? {
                            return Ok(Lost);
                        }
                    }
                    read = records;
                }
                Fetched::OutOfRange => {
                    if !self.out_of_range(&broker, &mut own).await? {
                        return Ok(Lost);
                    }
                }
                Fetched::Unreadable(reason) => {
                    match fetch_least(&broker, at).await? {
                        // It is a later one that can't be read.
                        Fetched::Records(records, _) => read = records,
                        _ if self.suspect != Some(at) => {
                            self.suspect = Some(at);
                            return Err(Trouble::Unreadable(at, reason));
                        }
                        _ => {
                            let behind = fetch::behind(&broker, at).await?;
                            if !self.bury(&mut own, behind, reason).await? {
                                return Ok(Lost);
                            }
                        }
                    }
                }
            }
        }
    }

    /// Takes the partition; none if somebody else does at this moment.
    async fn acquire(&self, broker: &PartitionClient) -> Result<Option<Kept>, Trouble> {
        let feed = &*self.shared.feed;
        let name = cursor::name(&self.shared.config.topic, self.partition);
        let mut own = match Kept::load(feed, name.clone()).await? {
            Some(own) => own,
            None => {
                let (earliest, latest) = fetch::range(broker).await?;
                let offset = match self.shared.config.start {
                    Start::Earliest => earliest,
                    Start::Latest => latest,
                };
                let cursor = Cursor {
                    offset,
                    owner: String::new(),
                    epoch: 0,
                    resets: 0,
                    stuck: false,
                };
                Kept::first(name, cursor)
            }
        };
        if own.cursor.owner != self.shared.me {
            let cursor = Cursor {
                owner: self.shared.me.clone(),
                epoch: own.cursor.epoch + 1,
                ..own.cursor.clone()
            };
            if !own.set(feed, cursor).await? {
                return Ok(None);
            }
        }
        if own.cursor.stuck && !self.truncated(broker, &mut own).await? {
            return Ok(None);
        }
        self.show(&own);
        Ok(Some(own))
    }

    fn show(&self, own: &Kept) {
        self.shared.status.part(self.partition, |part| {
            part.offset = Some(own.cursor.offset);
            part.owner.clone_from(&own.cursor.owner);
        });
    }

    /// Waits until fewer jobs are waiting.
    async fn room(&self) -> Result<(), Trouble> {
        let status = &self.shared.status;
        while self.shared.feed.backlog().await? >= self.shared.config.queue_max {
            status.paused(true);
            tokio::time::sleep(LOOK).await;
        }
        status.paused(false);
        Ok(())
    }

    /// Stores records; false if the partition was lost.
    async fn store(&self, own: &mut Kept, records: Vec<RecordAndOffset>) -> Result<bool, Trouble> {
        for group in records.chunks(GROUP) {
            let next = next_offset(group).unwrap_or(own.cursor.offset);
            let resets = own.cursor.resets;
            if !self.feed(own, next, || self.fed(group, resets)).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn fed(&self, records: &[RecordAndOffset], resets: u32) -> Vec<Fed> {
        let feed = &*self.shared.feed;
        let check = |task: &poulpe_core::Task| feed.check(task);
        let place = |offset| Place {
            topic: &self.shared.config.topic,
            partition: self.partition,
            offset,
            resets,
        };
        let fed = (records.iter()).filter_map(|one| fed(&place(one.offset), &one.record, &check));
        fed.collect()
    }

    /// Stores something with the offset behind it; false if the partition was lost.
    async fn feed(
        &self,
        own: &mut Kept,
        next: i64,
        make: impl Fn() -> Vec<Fed>,
    ) -> Result<bool, Trouble> {
        let replies = self.shared.config.resp_topic.is_some();
        loop {
            let (checkpoint, moved) = own.moved(Cursor {
                offset: next,
                ..own.cursor.clone()
            });
            match self.shared.feed.feed(make(), replies, checkpoint).await? {
                FeedAnswer::Taken(taken) => {
                    *own = moved;
                    self.shared.status.taken(taken);
                    self.show(own);
                    return Ok(true);
                }
                FeedAnswer::Moved => return Ok(false),
                FeedAnswer::Full => {
                    self.shared.status.paused(true);
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    /// Goes on behind a place where nothing is.
    async fn step(&self, own: &mut Kept, offset: i64) -> Result<bool, Trouble> {
        let cursor = Cursor {
            offset,
            ..own.cursor.clone()
        };
        let is_ours = own.set(&*self.shared.feed, cursor).await?;
        self.show(own);
        Ok(is_ours)
    }

    /// Leaves a dead letter for records that can't be read, and goes on behind them.
    async fn bury(&self, own: &mut Kept, behind: i64, reason: String) -> Result<bool, Trouble> {
        let offset = own.cursor.offset;
        tracing::error!(
            partition = self.partition,
            offset,
            behind,
            reason,
            "records can't be read, burying them"
        );
        let place = Place {
            topic: &self.shared.config.topic,
            partition: self.partition,
            offset,
            resets: own.cursor.resets,
        };
        let Some(letter) = letter::of_batch(&place, behind - 1) else {
            return self.step(own, behind).await;
        };
        let reason = format!(
            "the records from {offset} to {} can't be read: {reason}",
            behind - 1
        );
        let make = || {
            vec![Fed {
                letter: letter.clone(),
                task: Err(reason.clone()),
                trace: None,
            }]
        };
        self.feed(own, behind, make).await
    }

    /// The log doesn't have the place that was reached.
    async fn out_of_range(
        &self,
        broker: &PartitionClient,
        own: &mut Kept,
    ) -> Result<bool, Trouble> {
        let (earliest, latest) = fetch::range(broker).await?;
        let offset = own.cursor.offset;
        if offset < earliest {
            tracing::error!(
                partition = self.partition,
                offset,
                earliest,
                records = earliest - offset,
                "records were deleted before they could be read"
            );
            return self.step(own, earliest).await;
        }
        if offset <= latest {
            // It was a moment ago.
            return Ok(true);
        }
        let cursor = Cursor {
            stuck: true,
            ..own.cursor.clone()
        };
        if !own.set(&*self.shared.feed, cursor).await? {
            return Ok(false);
        }
        self.truncated(broker, own).await
    }

    /// The log ended before the place that was reached: goes on as the operator has chosen.
    async fn truncated(&self, broker: &PartitionClient, own: &mut Kept) -> Result<bool, Trouble> {
        let (earliest, latest) = fetch::range(broker).await?;
        let offset = match self.shared.config.reset {
            Reset::Earliest => earliest,
            Reset::Latest => latest,
            Reset::Stop => {
                return Err(Trouble::Truncated {
                    partition: self.partition,
                    offset: own.cursor.offset,
                    end: latest,
                });
            }
        };
        tracing::warn!(
            partition = self.partition,
            reached = own.cursor.offset,
            offset,
            "the log is another one, reading anew"
        );
        let cursor = Cursor {
            offset,
            resets: own.cursor.resets + 1,
            stuck: false,
            ..own.cursor.clone()
        };
        own.set(&*self.shared.feed, cursor).await
    }

    /// Gives the partition back, so that another daemon needn't wait.
    async fn release(&self) {
        let feed = &*self.shared.feed;
        for _ in 0..RELEASE_TRIES {
            let name = cursor::name(&self.shared.config.topic, self.partition);
            let Ok(Some(mut own)) = Kept::load(feed, name).await else {
                return;
            };
            if own.cursor.owner != self.shared.me {
                self.show(&own);
                return;
            }
            let cursor = Cursor {
                owner: String::new(),
                ..own.cursor.clone()
            };
            // What was under way when the reader stopped may have moved it meanwhile.
            if matches!(own.set(feed, cursor).await, Ok(true)) {
                self.show(&own);
                return;
            }
        }
    }
}

fn next_offset(records: &[RecordAndOffset]) -> Option<i64> {
    records.last().map(|last| last.offset + 1)
}
