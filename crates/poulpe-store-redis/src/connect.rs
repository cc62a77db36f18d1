//! Options into clients. Says early what can't work.

use crate::{OpenError, Options};
use fred::clients::{Client, SubscriberClient};
use fred::types::Builder;
use fred::types::RespVersion;
use fred::types::config::{
    Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy, TcpConfig, UnresponsiveConfig,
};
use std::time::Duration;

/// The longest prefix: it is part of every key.
const MAX_PREFIX: usize = 64;

/// What an address may begin with. The library takes others for plain Redis.
const SCHEMES: [&str; 12] = [
    "redis",
    "rediss",
    "redis+unix",
    "redis-sentinel",
    "rediss-sentinel",
    "redis-cluster",
    "rediss-cluster",
    "valkey",
    "valkeys",
    "valkey+unix",
    "valkey-sentinel",
    "valkey-cluster",
];

/// Waits between attempts to connect, in milliseconds: short, so that work resumes soon; a server that comes back must not
/// be stormed by a fleet, which the jitter takes care of.
const RECONNECT: (u32, u32, u32) = (20, 1_000, 2);
const JITTER: u32 = 50;

/// The server's answers to what was sent before a connection broke are lost; what was asked is asked again so often.
const ATTEMPTS: u32 = 3;

/// What the clients need to know.
pub(crate) fn config(options: &Options) -> Result<Config, OpenError> {
    let prefix = &options.prefix;
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    if prefix.is_empty() || prefix.len() > MAX_PREFIX || !prefix.chars().all(is_fine) {
        return Err(OpenError::Bad(format!(
            "the prefix {prefix:?} can't be used; give 1 to {MAX_PREFIX} letters, digits, - _ . : /"
        )));
    }
    // Neither the library's words nor the address itself: they might repeat the password.
    let bad = || {
        let forms =
            "redis://HOST:PORT, rediss://, redis+unix://, redis-sentinel:// or redis-cluster://";
        OpenError::Bad(format!("the address of Redis can't be read; give {forms}"))
    };
    let scheme = options.url.split_once("://").map(|(scheme, _)| scheme);
    if !scheme.is_some_and(|scheme| SCHEMES.contains(&scheme)) {
        return Err(bad());
    }
    let mut config = Config::from_url(&options.url).map_err(|_| bad())?;
    config.fail_fast = false;
    if let Some(path) = &options.ca {
        if config.tls.is_none() {
            let reason = "authorities are given, but the address isn't one of TLS; give rediss://";
            return Err(OpenError::Bad(reason.into()));
        }
        config.tls = Some(crate::tls::trusting(path)?);
    }
    if options.resp3 {
        config.version = RespVersion::RESP3;
    }
    Ok(config)
}

/// The client for commands and the one for wake-ups, neither connected yet.
pub(crate) fn clients(options: &Options) -> Result<(Client, SubscriberClient), OpenError> {
    let mut builder = Builder::from_config(config(options)?);
    let (min, max, base) = RECONNECT;
    let mut policy = ReconnectPolicy::new_exponential(0, min, max, base);
    policy.set_jitter(JITTER);
    builder.set_policy(policy);
    builder.set_performance_config(PerformanceConfig {
        // A little less than the caller waits, so that what nobody waits for any more isn't sent later.
        default_command_timeout: options.timeout - options.timeout / 10,
        ..PerformanceConfig::default()
    });
    builder.set_connection_config(ConnectionConfig {
        connection_timeout: options.connect_timeout,
        internal_command_timeout: options.connect_timeout,
        max_command_attempts: ATTEMPTS,
        // For a connection that is written to once only. With more calls the link notices that none is answered.
        unresponsive: UnresponsiveConfig {
            max_timeout: Some(options.timeout + options.timeout / 2),
            interval: Duration::from_secs(1),
        },
        tcp: TcpConfig {
            nodelay: Some(true),
            // A machine that is gone says nothing, not even that it is.
            keepalive: Some(keepalive(options.timeout)),
            ..TcpConfig::default()
        },
        ..ConnectionConfig::default()
    });
    let bad = |error: fred::error::Error| OpenError::Bad(crate::error::reason(&error));
    let client = builder.build().map_err(bad)?;
    let subscriber = builder.build_subscriber_client().map_err(bad)?;
    Ok((client, subscriber))
}

/// For the connection that only listens.
fn keepalive(timeout: Duration) -> fred::socket2::TcpKeepalive {
    fred::socket2::TcpKeepalive::new()
        .with_time(timeout.max(Duration::from_secs(1)))
        .with_interval(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_refused_without_the_password() {
        for url in ["", "h:1", "http://u:secret@h", "redis://u:secret@h:port"] {
            let error = Options::new(url).check().expect_err(url).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn prefixes_that_would_break_keys_are_refused() {
        for prefix in ["", "a{b", "a}", "a b", "ü", &"x".repeat(65)] {
            let mut options = Options::new("redis://h");
            options.prefix = prefix.into();
            assert!(options.check().is_err(), "{prefix:?}");
        }
    }
}
