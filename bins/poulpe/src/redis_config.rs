//! The flags of the store in Redis, and what they say together. Never prints an address: it may hold a password.

use crate::secret::secret;
use clap::Args;
use poulpe_core::store::Limits;
use poulpe_store_redis::Options;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The flags of the store in Redis.
#[derive(Debug, Args)]
pub(crate) struct RedisFlags {
    /// Keep jobs in Redis instead of --data, so that several daemons can share them: redis://HOST:PORT, with
    /// USER:PASSWORD@ before the host where wanted, rediss:// for TLS, redis+unix://, redis-sentinel:// or
    /// redis-cluster://. With a password a file is safer: see --redis_file.
    #[arg(long, env = "POULPE_REDIS", hide_env_values = true, value_name = "URL")]
    redis: Option<String>,

    /// A file that holds the address of Redis.
    #[arg(
        long = "redis_file",
        alias = "redis-file",
        env = "POULPE_REDIS_FILE",
        value_name = "FILE"
    )]
    redis_file: Option<PathBuf>,

    /// A PEM file of the authorities to trust for Redis, instead of the system's.
    #[arg(
        long = "redis_ca",
        alias = "redis-ca",
        env = "POULPE_REDIS_CA",
        value_name = "FILE"
    )]
    redis_ca: Option<PathBuf>,

    /// What all keys in Redis begin with, so that several can share a server.
    #[arg(
        long = "redis_prefix",
        alias = "redis-prefix",
        env = "POULPE_REDIS_PREFIX",
        default_value = "poulpe"
    )]
    redis_prefix: String,

    /// How many replicas of Redis must have what is accepted before it is answered.
    #[arg(
        long = "redis_wait",
        alias = "redis-wait",
        env = "POULPE_REDIS_WAIT",
        default_value_t = 0
    )]
    redis_wait: u32,

    /// Seconds that Redis may take to answer.
    #[arg(
        long = "redis_timeout",
        alias = "redis-timeout",
        env = "POULPE_REDIS_TIMEOUT",
        default_value_t = 4.0
    )]
    redis_timeout: f64,
}

impl RedisFlags {
    /// The file that holds the address.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.redis_file.as_deref()
    }
}

/// The longest time that Redis may take: a third of a lease, so that attempts are stopped in time if it can't be renewed.
const MAX_TIMEOUT: f64 = 5.0;

/// How Redis is to be reached; none if jobs are kept elsewhere.
pub(crate) fn redis(
    flags: &RedisFlags,
    limits: Limits,
    problems: &mut Vec<String>,
) -> Option<Options> {
    let (given, file) = (flags.redis.as_ref(), flags.redis_file.as_ref());
    // An empty address means none, as an unset variable does.
    let url = secret("redis", given, file, problems).filter(|url| !url.trim().is_empty())?;
    let mut options = Options::new(url.trim());
    options.limits = limits;
    options.prefix.clone_from(&flags.redis_prefix);
    options.wait = flags.redis_wait;
    options.ca.clone_from(&flags.redis_ca);
    if (0.05..=MAX_TIMEOUT).contains(&flags.redis_timeout) {
        options.timeout = Duration::from_secs_f64(flags.redis_timeout);
    } else {
        problems.push(format!(
            "--redis_timeout must be 0.05 to {MAX_TIMEOUT} seconds, not {}",
            flags.redis_timeout
        ));
    }
    if let Err(error) = options.check() {
        problems.push(format!("--redis: {error}"));
    }
    Some(options)
}
