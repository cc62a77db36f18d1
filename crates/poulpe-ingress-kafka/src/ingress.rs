//! The door itself: looks which partitions there are and which of them are ours, and has each read by a task.

use crate::client::{self, Connector};
use crate::config::{BadKafkaConfig, KafkaConfig};
use crate::cursor::{self, Kept};
use crate::group::{BEAT, Group};
use crate::reader::Reader;
use crate::status::{Of, Status};
use crate::trouble::{Pace, Trouble};
use crate::{Shared, sender};
use poulpe_core::{BoxFuture, Feed, Ingress, IngressError, Phase, Stop, Submit};
use rskafka::client::Client;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How often is looked whether there are more partitions.
const TOPIC_LOOK: Duration = Duration::from_secs(10);

/// How long partitions may take to be given back when poulpe stops.
const RELEASE: Duration = Duration::from_secs(5);

/// Figures are shown at most so often.
const SHOW: Duration = Duration::from_millis(100);

/// Tasks from a topic, results to another one.
pub struct KafkaIngress {
    shared: Arc<Shared>,
}

impl KafkaIngress {
    /// Checks the configuration, and reads the file of authorities; connects to nothing yet. `feed` is where tasks go.
    pub fn new(config: KafkaConfig, feed: Arc<dyn Feed>) -> Result<Self, BadKafkaConfig> {
        let shared = Shared {
            connector: Connector::new(&config)?,
            status: Status::new(config.place()),
            me: format!("{}-{:016x}", host(), rand::random::<u64>()),
            leads: AtomicBool::new(!feed.shares_store()),
            feed,
            config,
        };
        // From now on readiness knows of it.
        shared.feed.report(shared.status.view());
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Whether a configuration can work, without a scheduler.
    pub fn check(config: &KafkaConfig) -> Result<(), BadKafkaConfig> {
        Connector::new(config).map(drop)
    }
}

/// What people call this machine.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => "poulpe".into(),
        name => name.into(),
    }
}

impl Ingress for KafkaIngress {
    fn serve(
        self: Box<Self>,
        _submit: Arc<dyn Submit>,
        mut stop: Stop,
    ) -> BoxFuture<'static, Result<(), IngressError>> {
        Box::pin(async move {
            let shared = self.shared;
            let shown = tokio::spawn(show(shared.clone()));
            let sending = tokio::spawn(sender::run(shared.clone(), stop.clone()));
            let mut door = Door::new(shared.clone());
            tokio::select! {
                () = door.open() => {}
                () = stop.reached(Phase::Draining) => {}
            }
            door.close().await;
            let ended = sending.await;
            shown.abort();
            shared.feed.report(shared.status.view());
            ended.map_err(|error| IngressError(format!("the sender of results stopped: {error}")))
        })
    }
}

/// Shows how the door does.
async fn show(shared: Arc<Shared>) {
    loop {
        shared.feed.report(shared.status.view());
        shared.status.changed().await;
        tokio::time::sleep(SHOW).await;
    }
}

/// A partition that is being read.
struct Reading {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

struct Door {
    shared: Arc<Shared>,
    group: Group,
    client: Option<Client>,
    partitions: Vec<i32>,
    looked: Option<Instant>,
    reading: BTreeMap<i32, Reading>,
}

impl Door {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            group: Group::default(),
            client: None,
            partitions: Vec::new(),
            looked: None,
            reading: BTreeMap::new(),
        }
    }

    /// Reads what is ours, for ever.
    async fn open(&mut self) {
        let mut pace = Pace::default();
        loop {
            let mut wait = if self.shared.feed.shares_store() {
                BEAT
            } else {
                TOPIC_LOOK
            };
            let beat = self.group.beat(&self.shared).await;
            let shared = self.shared.clone();
            note(&shared.status, Of::Group, &beat);
            shared
                .leads
                .store(self.group.leads(&shared.me), Ordering::Relaxed);
            let looked = self.look().await;
            note(&shared.status, Of::Topic, &looked);
            match looked {
                Ok(()) => pace.reset(),
                Err(_) => {
                    self.client = None;
                    wait = wait.min(pace.next());
                }
            }
            let shared_out = self.share_out().await;
            if let Err(trouble) = shared_out {
                shared.status.trouble(Of::Group, &trouble);
                wait = wait.min(BEAT);
            }
            // A reader that ended by itself is looked after at once.
            wait = if self
                .partitions
                .iter()
                .any(|number| self.is_missing(*number))
            {
                wait.min(BEAT)
            } else {
                wait
            };
            tokio::time::sleep(wait).await;
        }
    }

    fn is_missing(&self, number: i32) -> bool {
        self.group.is_for(&self.shared.me, number) && !self.reading.contains_key(&number)
    }

    /// Looks which partitions there are.
    async fn look(&mut self) -> Result<(), Trouble> {
        if self
            .looked
            .is_some_and(|at| at.elapsed() < TOPIC_LOOK - BEAT)
            && self.client.is_some()
        {
            return Ok(());
        }
        let client = match self.client.take() {
            Some(client) => client,
            None => self.shared.connector.client().await?,
        };
        self.partitions = client::partitions(&client, &self.shared.config.topic).await?;
        self.client = Some(client);
        self.looked = Some(Instant::now());
        Ok(())
    }

    /// Starts to read what is ours, and stops reading what isn't any more.
    async fn share_out(&mut self) -> Result<(), Trouble> {
        let me = self.shared.me.clone();
        self.reading
            .retain(|_, reading| !reading.task.is_finished());
        for (number, reading) in &self.reading {
            if !self.group.is_for(&me, *number) {
                reading.stop.send_replace(true);
            }
        }
        for number in self.partitions.clone() {
            if self.reading.contains_key(&number) {
                continue;
            }
            let is_free = !self.shared.feed.shares_store() || self.is_free(number).await?;
            if is_free && self.group.is_for(&me, number) {
                self.read(number);
            }
        }
        Ok(())
    }

    /// Whether nobody else who lives reads a partition. Shows how far it was read.
    async fn is_free(&self, number: i32) -> Result<bool, Trouble> {
        let name = cursor::name(&self.shared.config.topic, number);
        let Some(kept) = Kept::load(&*self.shared.feed, name).await? else {
            return Ok(true);
        };
        let cursor = kept.cursor;
        let is_free = cursor.owner.is_empty() || !self.group.lives(&cursor.owner);
        self.shared.status.part(number, |part| {
            part.offset = Some(cursor.offset);
            part.owner = cursor.owner;
        });
        Ok(is_free)
    }

    fn read(&mut self, number: i32) {
        let (stop, stopped) = watch::channel(false);
        let reader = Reader::new(self.shared.clone(), number, stopped);
        let task = tokio::spawn(reader.run());
        self.reading.insert(number, Reading { stop, task });
    }

    /// Gives all partitions back.
    async fn close(&mut self) {
        for reading in self.reading.values() {
            reading.stop.send_replace(true);
        }
        let end = Instant::now() + RELEASE;
        for (_, reading) in std::mem::take(&mut self.reading) {
            let abort = reading.task.abort_handle();
            if tokio::time::timeout_at(end, reading.task).await.is_err() {
                abort.abort();
            }
        }
        if let Ok(Err(trouble)) = tokio::time::timeout_at(end, self.group.leave(&self.shared)).await
        {
            tracing::warn!(reason = %trouble, "the other daemons will find out that this one has left");
        }
    }
}

fn note<T>(status: &Status, of: Of, outcome: &Result<T, Trouble>) {
    match outcome {
        Ok(_) => status.works(of),
        Err(trouble) => status.trouble(of, trouble),
    }
}
