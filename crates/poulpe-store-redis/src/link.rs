//! The connection: sends a script with its keys and arguments, loads it where it isn't known, and sorts errors. Knows no
//! verb.

use crate::args::Args;
use crate::connect;
use crate::error::{late, reason, unavailable};
use crate::health::{Health, Settings};
use crate::keys::Keys;
use crate::scripts::{Scripts, Verb};
use crate::{OpenError, Options};
use fred::clients::{Client, SubscriberClient};
use fred::error::ErrorKind;
use fred::interfaces::{ClientLike, EventInterface};
use fred::types::{ClusterHash, CustomCommand, Value};
use poulpe_store::{StoreError, StoreResult};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a call waits for a connection that is being made. A server that is gone for longer is told of at once, instead
/// of each caller finding out by itself.
const PATIENCE: Duration = Duration::from_secs(1);

/// After so many calls without an answer, one after the other, the connection is made anew: a server whose process hangs
/// keeps it open.
const SILENT_CALLS: u32 = 2;

/// How often that is done at most.
const RECONNECT_AGAIN: Duration = Duration::from_secs(2);

/// The oldest version that knows flags of scripts.
const OLDEST: u64 = 7;

/// A server, and how to talk to it.
pub(crate) struct Link {
    pub(crate) client: Client,
    /// The connection for changes that wait for replicas, which holds up everything behind them.
    waiting: Option<Client>,
    silent: Silent,
    /// The jobs were moved elsewhere while this daemon couldn't see it: it must do nothing more with them.
    pub(crate) moved: AtomicBool,
    pub(crate) keys: Keys,
    pub(crate) scripts: Scripts,
    pub(crate) options: Options,
    pub(crate) health: Health,
    /// The limits, as each script gets them.
    limits: [Value; 4],
    /// Where the keys lie on a Cluster.
    slot: u16,
}

impl Link {
    /// A link that isn't connected yet, and the client for wake-ups.
    pub(crate) fn new(options: Options) -> Result<(Self, SubscriberClient), OpenError> {
        let (client, subscriber) = connect::clients(&options)?;
        let limits = &options.limits;
        let limits = [
            crate::args::millis(limits.result_ttl).to_string(),
            limits.result_max.to_string(),
            limits.result_bytes.to_string(),
            limits.id_max.to_string(),
        ];
        let keys = Keys::new(&options.prefix);
        let slot = fred::util::redis_keyslot(keys.filled().as_bytes());
        let waiting = (options.wait > 0).then(|| client.clone_new());
        let link = Self {
            client,
            waiting,
            silent: Silent::default(),
            moved: AtomicBool::new(false),
            keys,
            scripts: Scripts::new(),
            health: Health::default(),
            limits: limits.map(|limit| Value::String(limit.into())),
            slot,
            options,
        };
        Ok((link, subscriber))
    }

    /// The arguments that every script begins with.
    pub(crate) fn args(&self) -> Args {
        let mut args = Args(Vec::with_capacity(16));
        args.text(self.manual_time());
        args.0.extend(self.limits.iter().cloned());
        args
    }

    #[cfg(feature = "manual-time")]
    fn manual_time(&self) -> String {
        let time = self.options.time.as_ref();
        time.map_or_else(String::new, |time| (time.wall().0 / 1_000).to_string())
    }

    #[cfg(not(feature = "manual-time"))]
    fn manual_time(&self) -> &'static str {
        ""
    }

    /// Runs a script.
    pub(crate) async fn call(&self, verb: &Verb, args: Args) -> StoreResult<Value> {
        self.call_on(&self.client, verb, args).await
    }

    async fn call_on(&self, client: &Client, verb: &Verb, args: Args) -> StoreResult<Value> {
        if self.moved.load(Relaxed) {
            return Err(moved());
        }
        let outcome = self.run(client, verb, args).await;
        if let Err(error) = &outcome {
            self.health.troubled(error);
        }
        outcome
    }

    /// Runs a script whose changes are to be acknowledged, and waits for the replicas that must have them.
    pub(crate) async fn change(&self, verb: &Verb, args: Args) -> StoreResult<Value> {
        let Some(client) = &self.waiting else {
            return self.call(verb, args).await;
        };
        // Replicas are counted by the connection that wrote: should it be another one by then, they may be another's.
        let reconnects = client.reconnect_rx();
        let answer = self.call_on(client, verb, args).await?;
        let confirmed = self.wait(client).await.and_then(|()| {
            if reconnects.is_empty() {
                return Ok(());
            }
            let reason = "the connection to Redis broke while replicas were waited for";
            Err(StoreError::Unavailable(reason.into()))
        });
        if let Err(error) = confirmed {
            self.health.troubled(&error);
            return Err(error);
        }
        Ok(answer)
    }

    /// Waits until the replicas have everything that was written up to now.
    async fn wait(&self, client: &Client) -> StoreResult<()> {
        let wanted = self.options.wait;
        let limit = (self.options.timeout / 2).as_millis().to_string();
        // A script that found everything done wrote nothing, and this waits for writes of this connection only.
        let beat = vec![self.keys.meta(), "beat".into(), "1".into()];
        self.command_on(client, "HINCRBY", beat).await?;
        let once = fred::types::config::Options {
            max_attempts: Some(1),
            ..Default::default()
        };
        let command = CustomCommand::new_static("WAIT", ClusterHash::Custom(self.slot), false);
        let waited = client
            .with_options(&once)
            .custom(command, vec![wanted.to_string(), limit])
            .await;
        let got = crate::reply::number(&waited.map_err(|error| unavailable(&error))?)?;
        if got < i64::from(wanted) {
            let reason = format!("{got} of {wanted} replicas confirmed the write in time");
            return Err(StoreError::Unavailable(reason));
        }
        Ok(())
    }

    async fn run(&self, client: &Client, verb: &Verb, args: Args) -> StoreResult<Value> {
        self.health.calls.fetch_add(1, Relaxed);
        let words = self.words(verb, args);
        let running = async {
            connected(client).await?;
            let mut sent = self.send(client, "FCALL", words.clone()).await;
            if sent.as_ref().is_err_and(is_unknown_function) {
                self.load(client).await?;
                sent = self.send(client, "FCALL", words).await;
            }
            match sent {
                Ok(value) => {
                    self.silent.answered();
                    Ok(value)
                }
                Err(error) => {
                    let is_useless = error.kind() == &ErrorKind::Timeout
                        || error.details().starts_with("READONLY");
                    if is_useless && self.silent.is_to_end() {
                        reconnect(client);
                    }
                    Err(unavailable(&error))
                }
            }
        };
        let ran = tokio::time::timeout(self.options.timeout, running).await;
        ran.map_err(|_| late())?
    }

    /// A call of a function: its name, its one key, its arguments.
    fn words(&self, verb: &Verb, args: Args) -> Vec<Value> {
        let mut words = Vec::with_capacity(3 + args.0.len());
        words.push(Value::String(verb.0.as_str().into()));
        words.push(Value::Integer(1));
        words.push(Value::String(self.keys.base().into()));
        words.extend(args.0);
        words
    }

    /// Sends a command to where the keys are. Not by fred's own `fcall`, which lets nothing else be sent until it is answered.
    async fn send(
        &self,
        client: &Client,
        name: &'static str,
        words: Vec<Value>,
    ) -> Result<Value, fred::error::Error> {
        let command = CustomCommand::new_static(name, ClusterHash::Custom(self.slot), false);
        client.custom(command, words).await
    }

    /// Has the server that holds the keys load the library.
    async fn load(&self, client: &Client) -> StoreResult<()> {
        let words = vec!["LOAD".into(), self.scripts.library.as_str().into()];
        match self.send(client, "FUNCTION", words).await {
            // Somebody was faster.
            Err(error) if !error.details().contains("already exists") => Err(unavailable(&error)),
            _ => Ok(()),
        }
    }

    /// Sends a command of Redis that no script holds, to where the keys are.
    pub(crate) async fn command(
        &self,
        name: &'static str,
        args: Vec<String>,
    ) -> StoreResult<Value> {
        self.command_on(&self.client, name, args).await
    }

    async fn command_on(
        &self,
        client: &Client,
        name: &'static str,
        args: Vec<String>,
    ) -> StoreResult<Value> {
        connected(client).await?;
        let words = args.into_iter().map(Value::from).collect();
        let sent = self.send(client, name, words).await;
        sent.map_err(|error| unavailable(&error))
    }

    /// Refuses a server that can't do what is needed. One that doesn't say what it is, because it is slow, loading or going
    /// away at this moment, is waited for like one that isn't there yet.
    pub(crate) async fn check_version(&self) -> Result<(), OpenError> {
        let info = match self.info("server").await {
            Ok(info) => info,
            Err(error) => {
                self.health.troubled(&error);
                return Ok(());
            }
        };
        let version = field(&info, "redis_version").to_string();
        let major: Option<u64> = version.split('.').next().and_then(|word| word.parse().ok());
        match major {
            Some(major) if major < OLDEST => Err(OpenError::TooOld { found: version }),
            _ => Ok(()),
        }
    }

    async fn info(&self, section: &str) -> StoreResult<String> {
        let info = self.command("INFO", vec![section.into()]).await?;
        crate::reply::text(&info)
    }

    /// How many replicas are connected.
    pub(crate) async fn replicas(&self) -> StoreResult<u64> {
        let info = self.info("replication").await?;
        Ok(field(&info, "connected_slaves").parse().unwrap_or(0))
    }

    /// Asks for the settings that matter. Where CONFIG isn't allowed, INFO tells the most of it.
    pub(crate) async fn settings(&self) -> StoreResult<Settings> {
        let info = self.info("everything").await?;
        let mut settings = Settings {
            maxmemory_policy: field(&info, "maxmemory_policy").into(),
            replicas: field(&info, "connected_slaves").parse().unwrap_or(0),
            used_memory: field(&info, "used_memory").parse().unwrap_or(0),
            ..Settings::default()
        };
        match field(&info, "aof_enabled") {
            "1" => settings.appendonly = "yes".into(),
            "0" => settings.appendonly = "no".into(),
            _ => {}
        }
        settings.appendfsync = self.setting("appendfsync").await;
        settings.no_appendfsync_on_rewrite = self.setting("no-appendfsync-on-rewrite").await;
        Ok(settings)
    }

    /// A setting; empty where CONFIG isn't allowed.
    async fn setting(&self, name: &str) -> String {
        let asked = vec!["GET".into(), name.into()];
        let value = match self.command("CONFIG", asked).await {
            Ok(Value::Array(pair)) => pair.get(1).and_then(Value::as_string),
            Ok(Value::Map(map)) => map.inner().into_values().next().and_then(|v| v.as_string()),
            _ => None,
        };
        value.unwrap_or_default()
    }

    /// Connects, and says what can't be helped by waiting. A server that isn't there yet is connected to when it comes.
    pub(crate) async fn connect(&self) -> Result<(), OpenError> {
        let mut errors = self.client.error_rx();
        self.client.connect();
        if let Some(waiting) = &self.waiting {
            waiting.connect();
        }
        let limit = self.options.connect_timeout + PATIENCE;
        let first = tokio::time::timeout(limit, async {
            tokio::select! {
                connected = self.client.wait_for_connect() => connected,
                refused = refusal(&mut errors) => Err(refused),
            }
        });
        match first.await {
            Ok(Ok(())) => self.check_version().await,
            Ok(Err(error)) => Err(OpenError::Unreachable(reason(&error))),
            Err(_) => {
                let error = StoreError::Unavailable("no connection to Redis".into());
                self.health.troubled(&error);
                Ok(())
            }
        }
    }
}

/// Why nothing more is done with jobs that were moved elsewhere.
pub(crate) fn moved() -> StoreError {
    StoreError::Unavailable(
        "the jobs of this Redis were moved by `poulpe store migrate`; stop this daemon".into(),
    )
}

/// A server that was restarted or flushed, or has become the master, may not have the library.
fn is_unknown_function(error: &fred::error::Error) -> bool {
    error.details().contains("Function not found")
}

async fn connected(client: &Client) -> StoreResult<()> {
    if client.is_connected() {
        return Ok(());
    }
    let connecting = tokio::time::timeout(PATIENCE, client.wait_for_connect());
    match connecting.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(unavailable(&error)),
        Err(_) => Err(StoreError::Unavailable("no connection to Redis".into())),
    }
}

/// Has a connection made anew that leads nowhere: to a server that hangs, or to a master that has become a replica.
fn reconnect(client: &Client) {
    tracing::warn!("connecting to Redis anew");
    let client = client.clone();
    tokio::spawn(async move {
        if let Err(error) = client.force_reconnection().await {
            tracing::debug!(reason = reason(&error), "not connected to Redis anew");
        }
    });
}

/// How many calls in a row led to nothing, and when a connection was made anew for it.
#[derive(Default)]
struct Silent {
    calls: AtomicU32,
    ended: Mutex<Option<Instant>>,
}

impl Silent {
    fn answered(&self) {
        self.calls.store(0, Relaxed);
    }

    /// Counts a call that led to nothing; whether the connection is to be made anew.
    fn is_to_end(&self) -> bool {
        if self.calls.fetch_add(1, Relaxed) + 1 < SILENT_CALLS {
            return false;
        }
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.is_some_and(|ended| ended.elapsed() < RECONNECT_AGAIN) {
            return false;
        }
        *ended = Some(Instant::now());
        self.calls.store(0, Relaxed);
        true
    }
}

/// The first error that waiting doesn't help against.
async fn refusal(
    errors: &mut tokio::sync::broadcast::Receiver<(
        fred::error::Error,
        Option<fred::types::config::Server>,
    )>,
) -> fred::error::Error {
    loop {
        match errors.recv().await {
            Ok((error, _)) if matches!(error.kind(), ErrorKind::Auth | ErrorKind::Config) => {
                return error;
            }
            Ok(_) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
            Err(tokio::sync::broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

fn field<'a>(info: &'a str, name: &str) -> &'a str {
    let mut lines = info.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(field, _)| *field == name);
    found.map_or("", |(_, value)| value.trim())
}
