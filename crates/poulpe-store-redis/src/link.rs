//! The connection: sends a script with its keys and arguments, loads it where it isn't known, and sorts errors. Knows no
//! verb.

use crate::args::Args;
use crate::connect;
use crate::error::{reason, unavailable};
use crate::health::{Health, Settings};
use crate::keys::Keys;
use crate::scripts::Scripts;
use crate::{OpenError, Options};
use fred::clients::{Client, SubscriberClient};
use fred::interfaces::{ClientLike, EventInterface};
use fred::types::scripts::Script;
use fred::types::{ClusterHash, CustomCommand, Value};
use poulpe_store::{StoreError, StoreResult};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How long a call waits for a connection that is being made. A server that is gone for longer is told of at once, instead
/// of each caller finding out by itself.
const PATIENCE: Duration = Duration::from_secs(1);

/// The oldest version that knows flags of scripts.
const OLDEST: u64 = 7;

/// A server, and how to talk to it.
pub(crate) struct Link {
    pub(crate) client: Client,
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
        let link = Self {
            client,
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
    pub(crate) async fn call(&self, script: &Script, args: Args) -> StoreResult<Value> {
        let outcome = self.run(script, args).await;
        if let Err(error) = &outcome {
            self.health.troubled(error);
        }
        outcome
    }

    /// Runs a script whose changes are to be acknowledged, and waits for the replicas that must have them.
    pub(crate) async fn change(&self, script: &Script, args: Args) -> StoreResult<Value> {
        let answer = self.call(script, args).await?;
        let wanted = self.options.wait;
        if wanted == 0 {
            return Ok(answer);
        }
        let limit = (self.options.timeout / 2).as_millis().to_string();
        let got = self
            .command("WAIT", vec![wanted.to_string(), limit])
            .await?;
        let got = crate::reply::number(&got)?;
        if got < i64::from(wanted) {
            let reason = format!("{got} of {wanted} replicas confirmed the write in time");
            let error = StoreError::Unavailable(reason);
            self.health.troubled(&error);
            return Err(error);
        }
        Ok(answer)
    }

    async fn run(&self, script: &Script, args: Args) -> StoreResult<Value> {
        self.health.calls.fetch_add(1, Relaxed);
        let running = async {
            self.connected().await?;
            let keys = self.keys.all.clone();
            let sent = script.evalsha_with_reload(&self.client, keys, args.0).await;
            sent.map_err(|error| unavailable(&error))
        };
        let ran = tokio::time::timeout(self.options.timeout, running).await;
        ran.unwrap_or_else(|_| {
            let reason = "Redis didn't answer in time";
            Err(StoreError::Unavailable(reason.into()))
        })
    }

    async fn connected(&self) -> StoreResult<()> {
        if self.client.is_connected() {
            return Ok(());
        }
        let connecting = tokio::time::timeout(PATIENCE, self.client.wait_for_connect());
        match connecting.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(unavailable(&error)),
            Err(_) => Err(StoreError::Unavailable("no connection to Redis".into())),
        }
    }

    /// Sends a command of Redis that no script holds, to where the keys are.
    pub(crate) async fn command(
        &self,
        name: &'static str,
        args: Vec<String>,
    ) -> StoreResult<Value> {
        self.connected().await?;
        let command = CustomCommand::new_static(name, ClusterHash::Custom(self.slot), false);
        let sent = self.client.custom(command, args).await;
        sent.map_err(|error| unavailable(&error))
    }

    /// Refuses a server that can't do what is needed.
    pub(crate) async fn check_version(&self) -> Result<(), OpenError> {
        let info = self.info("server").await;
        let info = info.map_err(|error| OpenError::Unreachable(error.to_string()))?;
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
        let asked = vec!["GET".into(), "appendfsync".into()];
        if let Ok(Value::Array(pair)) = self.command("CONFIG", asked).await {
            let value = pair.get(1).and_then(Value::as_string);
            settings.appendfsync = value.unwrap_or_default();
        }
        Ok(settings)
    }

    /// Connects, and says what can't be helped by waiting. A server that isn't there yet is connected to when it comes.
    pub(crate) async fn connect(&self) -> Result<(), OpenError> {
        let mut errors = self.client.error_rx();
        self.client.connect();
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

/// The first error that waiting doesn't help against.
async fn refusal(
    errors: &mut tokio::sync::broadcast::Receiver<(
        fred::error::Error,
        Option<fred::types::config::Server>,
    )>,
) -> fred::error::Error {
    use fred::error::ErrorKind;
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
