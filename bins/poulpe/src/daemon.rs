//! One run of the daemon, from the store's opening to the last answer.

use crate::config::{Config, Cron};
use crate::cron_watch::{CronWatch, Summary};
use crate::dead_files::DeadFiles;
use crate::greeting::{Address, greet};
use crate::hide;
use anyhow::Context;
use poulpe_core::{
    Builder, Identity, Ingress, IngressError, JobStore, Kind, Operate, Phase, Scheduler, Stop,
    StopHandle, SystemClock,
};
use poulpe_exec_http::HttpExecutor;
use poulpe_ingress_http::{HttpConfig, HttpIngress, Port};
use poulpe_ingress_kafka::KafkaIngress;
use poulpe_store_embedded::{EmbeddedStore, Options};
use poulpe_store_redis::RedisStore;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The daemon failed.
const EXIT_FAILURE: u8 = 1;
/// The store can't be opened.
const EXIT_STORE: u8 = 69;
/// How long what is left of the runtime may take to end.
const RUNTIME_GRACE: Duration = Duration::from_secs(1);

/// How long the start waits for cron files.
const CRON_PATIENCE: Duration = Duration::from_secs(5);

/// Why the daemon ended badly, and its exit code.
pub(crate) struct Failure {
    pub(crate) error: anyhow::Error,
    pub(crate) code: u8,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self {
            error,
            code: EXIT_FAILURE,
        }
    }
}

/// Runs until a signal ends it.
pub(crate) fn run(config: Config) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("poulpe-io")
        .build()
        .context("the runtime could not be started")?;
    let outcome = runtime.block_on(serve(config));
    runtime.shutdown_timeout(RUNTIME_GRACE);
    outcome
}

async fn serve(config: Config) -> Result<(), Failure> {
    // Before anything else, so that no signal is missed.
    let mut signals = Signals::new().context("signals can't be handled")?;
    let clock = Arc::new(SystemClock::new());
    let door = config.access.door(HttpConfig {
        legacy_status: config.legacy_status,
        ..HttpConfig::new(config.listen, config.port, env!("CARGO_PKG_VERSION"))
    });
    for warning in hide::warning().iter().chain(&config.access.warnings) {
        tracing::warn!("{warning}");
    }
    // The port first: a daemon that can't serve must not run anybody's jobs.
    let port = Port::take(&door).map_err(anyhow::Error::new)?;
    let store = open_store(&config, clock.clone()).map_err(|error| Failure {
        error: error.context(format!("the store in {} can't be opened", config.store())),
        code: EXIT_STORE,
    })?;
    let workers = config.settings.workers;
    let http = Arc::new(HttpExecutor::new(config.http));
    let scheduler = Builder::new(store.clone())
        .clock(clock.clone())
        .settings(config.settings)
        .identity(Identity {
            host: rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned(),
            version: env!("CARGO_PKG_VERSION").into(),
            address: port.local_addr().to_string(),
        })
        .dead_letter_files(Arc::new(DeadFiles::new(config.dead)))
        .executor(Kind::GET, http.clone())
        .executor(Kind::POST, http)
        .executor(Kind::EXEC, Arc::new(config.command))
        .executor(Kind::MAIL_TO, Arc::new(config.mail))
        .start()
        .context("the scheduler could not be started")?;
    let operate: Arc<dyn Operate> = Arc::new(scheduler.clone());
    let door = match HttpIngress::on(port, door, operate) {
        Ok(door) => door,
        Err(error) => {
            scheduler.stop(Duration::ZERO).await;
            return Err(anyhow::Error::new(error).into());
        }
    };
    let address = door.local_addr();
    if !config.listen.is_loopback() && !config.access.has_token() {
        tracing::warn!(%address, "anybody who reaches this address can have tasks run; give a --token_file");
    }
    let address = Address {
        scheme: config.access.scheme(),
        socket: address,
        has_token: config.access.has_token(),
    };
    let (stop_handle, stop_signal) = StopHandle::new();
    tokio::spawn(config.access.reloads.run(stop_signal.clone()));
    let cron = match config.cron {
        Some(Cron { paths, zone }) => {
            let watch = CronWatch::new(paths, zone, clock);
            Some(drive(watch, &scheduler, stop_signal.clone()).await)
        }
        None => None,
    };
    let kafka = config
        .kafka
        .map(|kafka| KafkaIngress::new(kafka, Arc::new(scheduler.clone())));
    let kafka = match kafka.transpose() {
        Ok(kafka) => kafka.map(|door| {
            tokio::spawn(Box::new(door).serve(Arc::new(scheduler.clone()), stop_signal.clone()))
        }),
        Err(error) => {
            scheduler.stop(Duration::ZERO).await;
            return Err(anyhow::Error::new(error).into());
        }
    };
    let mut serving = tokio::spawn(Box::new(door).serve(Arc::new(scheduler.clone()), stop_signal));
    greet(config.log, &address, &store.stats(), workers, cron);

    tokio::select! {
        () = signals.next() => {}
        ended = &mut serving => {
            let reason = ended.map_or_else(|e| e.to_string(), |r| r.map_or_else(|e| e.to_string(), |()| "it ended".into()));
            scheduler.stop(config.drain).await;
            return Err(anyhow::anyhow!("the HTTP door closed: {reason}").into());
        }
    }
    stop_handle.advance(Phase::Draining);
    tracing::info!(drain = ?config.drain, "shutting down; a second signal stops at once");
    let stopping = wind_up(&scheduler, &stop_handle, config.drain, serving, kafka);
    tokio::select! {
        () = stopping => tracing::info!("stopped"),
        () = signals.next() => {
            // Nothing is lost: what runs now runs again after the next start, as after a crash.
            tracing::warn!("second signal, stopping at once");
            scheduler.interrupt().await;
            exit_now();
        }
    }
    Ok(())
}

/// The store that the configuration names.
fn open_store(config: &Config, clock: Arc<SystemClock>) -> anyhow::Result<Arc<dyn JobStore>> {
    if let Some(options) = &config.redis {
        return Ok(Arc::new(RedisStore::open(options.clone())?));
    }
    let options = Options {
        limits: config.limits,
        ..Options::default()
    };
    Ok(Arc::new(EmbeddedStore::open(&config.data, options, clock)?))
}

/// Has the cron files driven from now on. Before the greeting, so that it can tell what they hold; but a file system that
/// doesn't answer holds nothing up.
async fn drive(mut watch: CronWatch, scheduler: &Scheduler, stop: Stop) -> Summary {
    let mut summary = Summary::default();
    match tokio::time::timeout(CRON_PATIENCE, watch.first()).await {
        Ok(Ok(files)) => {
            summary = Summary::of(&files);
            scheduler.set_schedules(files);
        }
        Ok(Err(error)) => tracing::error!(%error, "cron files not read"),
        Err(_) => tracing::warn!("cron files can't be read yet; starting without them"),
    }
    tokio::spawn(watch.run(scheduler.clone(), stop));
    summary
}

/// A door that is open.
type Serving = tokio::task::JoinHandle<Result<(), IngressError>>;

async fn wind_up(
    scheduler: &Scheduler,
    handle: &StopHandle,
    drain: Duration,
    serving: Serving,
    kafka: Option<Serving>,
) {
    scheduler.stop(drain).await;
    handle.advance(Phase::Stopped);
    if let Some(kafka) = kafka
        && let Ok(Err(error)) = kafka.await
    {
        tracing::error!(%error, "the Kafka door closed badly");
    }
    if let Ok(Err(error)) = serving.await {
        tracing::error!(%error, "the HTTP door closed badly");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever sends a second signal wants no destructors to wait for"
)]
fn exit_now() -> ! {
    std::process::exit(i32::from(EXIT_FAILURE))
}

/// SIGTERM and Ctrl-C.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
