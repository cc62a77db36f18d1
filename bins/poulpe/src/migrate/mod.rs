//! `poulpe store migrate`: takes all that a store keeps to another one, and compares. Starts no daemon. The stores do the
//! work; this leads them, page by page, and refuses to say done on a difference.

mod agree;
mod carry;
mod end;
mod old_task;
mod progress;
mod report;
mod takeover;

use crate::output;
use clap::Args;
use end::End;
use poulpe_core::store::{SystemTimeSource, Tally, TimeSource};
use report::Report;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// The stores differ, or something was left behind.
const EXIT_DIFFERENT: u8 = 1;

/// It can't be done.
const EXIT_IMPOSSIBLE: u8 = 69;

/// The flags of `migrate`.
#[derive(Debug, Args)]
pub(crate) struct MigrateFlags {
    /// The store to take everything from: a data directory, or an address of Redis as --redis takes it. With a password in
    /// it the environment is safer: POULPE_FROM.
    #[arg(
        long,
        env = "POULPE_FROM",
        hide_env_values = true,
        value_name = "DIR|URL"
    )]
    from: String,

    /// The store to bring it to, likewise; empty so far, or from an earlier run that was interrupted.
    #[arg(
        long,
        env = "POULPE_TO",
        hide_env_values = true,
        value_name = "DIR|URL"
    )]
    to: String,

    /// What the keys begin with if --from is a Redis.
    #[arg(
        long = "from_prefix",
        alias = "from-prefix",
        env = "POULPE_FROM_PREFIX",
        default_value = "poulpe"
    )]
    from_prefix: String,

    /// What the keys begin with if --to is a Redis.
    #[arg(
        long = "to_prefix",
        alias = "to-prefix",
        env = "POULPE_TO_PREFIX",
        default_value = "poulpe"
    )]
    to_prefix: String,

    /// A PEM file of the authorities to trust for Redis, instead of the system's.
    #[arg(
        long = "redis_ca",
        alias = "redis-ca",
        env = "POULPE_REDIS_CA",
        value_name = "FILE"
    )]
    redis_ca: Option<PathBuf>,

    /// Seconds for which results are kept and chosen ids guarded: the same as the daemons have.
    #[arg(
        long = "result_ttl",
        alias = "result-ttl",
        env = "POULPE_RESULT_TTL",
        default_value_t = 600
    )]
    result_ttl: u64,

    /// Take over the tasks that poulpe 0.2 left in the Redis of --from. --to may be in use and hold jobs already.
    #[arg(
        long = "from_version",
        alias = "from-version",
        value_name = "VERSION",
        value_parser = ["0.2"]
    )]
    from_version: Option<String>,

    /// Of tasks of poulpe 0.2: how many failed attempts are followed by another one, those before the move included.
    #[arg(
        long = "max_retry",
        alias = "max-retry",
        env = "POULPE_MAX_RETRY",
        default_value_t = 3
    )]
    max_retry: u32,

    /// Of tasks of poulpe 0.2: seconds between a failed attempt and the next.
    #[arg(
        long = "retry_interval",
        alias = "retry-interval",
        env = "POULPE_RETRY_INTERVAL",
        default_value_t = 10
    )]
    retry_interval: u64,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Does it.
pub(crate) fn run(flags: &MigrateFlags) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = match (runtime, &flags.from_version) {
        (Err(error), _) => Err(anyhow::Error::new(error)),
        (Ok(runtime), Some(_)) => runtime
            .block_on(takeover::take_over(flags))
            .map(|taken| (taken.print(flags.json), taken.is_whole())),
        (Ok(runtime), None) => runtime
            .block_on(migrate(flags))
            .map(|report| (report.print(flags.json), report.same)),
    };
    match done {
        Ok((text, is_good)) => {
            output::print(&text);
            if is_good {
                return ExitCode::SUCCESS;
            }
            EXIT_DIFFERENT.into()
        }
        Err(error) => {
            eprintln!("poulpe failed to migrate the store: {error:#}");
            EXIT_IMPOSSIBLE.into()
        }
    }
}

async fn migrate(flags: &MigrateFlags) -> anyhow::Result<Report> {
    let ttl = Duration::from_secs(flags.result_ttl);
    let time = SystemTimeSource::new();
    let from = End::source(&flags.from, &flags.from_prefix, flags, ttl)?;
    let mut to = End::target(&flags.to, &flags.to_prefix, flags, ttl, &from)?;
    let id = agree::begin(&from, &to).await?;
    let now = time.wall().floor();
    let (mut source, mut target) = (Tally::new(now), Tally::new(now));
    carry::carry(&from, &to, &mut source, &time).await?;
    // What counts is what lies there, not what this process remembers of it.
    to = to.reopened(flags, ttl)?;
    carry::count(&to, &mut target, &time).await?;
    let since = Tally::since(time.wall().floor(), ttl);
    let report = Report::new(&from, &to, &source.sums(since), &target.sums(since));
    if report.same {
        agree::finish(&from, &to, &id).await?;
    }
    Ok(report)
}
