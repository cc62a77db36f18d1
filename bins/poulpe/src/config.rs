//! From flags to a configuration that can work, or to every reason why it can't.

use crate::access_config::Access;
use crate::flags::{Flags, LogForm};
use crate::kafka_config::kafka;
use crate::mail_config::mail;
use crate::redis_config::redis;
use crate::secret::complain_of_readers;
use ipnet::IpNet;
use poulpe_core::store::Limits;
use poulpe_core::{Kind, MAX_LANES, Settings};
use poulpe_cron::Zone;
use poulpe_exec_command::{BadCommandConfig, CommandConfig, CommandExecutor};
use poulpe_exec_http::HttpConfig;
use poulpe_exec_mail::MailExecutor;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A configuration that was checked.
pub(crate) struct Config {
    pub(crate) listen: IpAddr,
    pub(crate) port: u16,
    pub(crate) data: PathBuf,
    /// None if jobs are kept in `data`.
    pub(crate) redis: Option<poulpe_store_redis::Options>,
    /// None if nothing comes from Kafka.
    pub(crate) kafka: Option<poulpe_ingress_kafka::KafkaConfig>,
    pub(crate) dead: PathBuf,
    /// None if nothing comes from cron files.
    pub(crate) cron: Option<Cron>,
    pub(crate) settings: Settings,
    pub(crate) limits: Limits,
    pub(crate) command: CommandExecutor,
    pub(crate) http: HttpConfig,
    pub(crate) mail: MailExecutor,
    pub(crate) access: Access,
    pub(crate) legacy_status: bool,
    pub(crate) drain: Duration,
    pub(crate) log: LogForm,
}

/// Where schedules come from.
pub(crate) struct Cron {
    pub(crate) paths: Vec<PathBuf>,
    /// That of entries which name none.
    pub(crate) zone: Zone,
}

impl Config {
    /// Checks all flags; the error lists everything that is wrong.
    pub(crate) fn from_flags(flags: &Flags) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut seconds = |flag: &str, value: f64, least: f64| {
            if value < least {
                problems.push(format!(
                    "--{flag} must be at least {least} seconds, not {value}"
                ));
                return Duration::ZERO;
            }
            Duration::try_from_secs_f64(value).unwrap_or_else(|_| {
                problems.push(format!("--{flag} must be a number of seconds, not {value}"));
                Duration::ZERO
            })
        };
        let retry_interval = seconds("retry_interval", flags.retry_interval, 0.0);
        let timeout = seconds("timeout", flags.timeout, 0.001);
        let exec_timeout = seconds("exec_timeout", flags.exec_timeout, 0.001);
        let result_ttl = seconds("result_ttl", flags.result_ttl, 1.0);
        let drain = seconds("drain", flags.drain, 0.0);
        if flags.workers == 0 || flags.workers > MAX_LANES {
            problems.push(format!(
                "--workers must be 1 to {MAX_LANES}, not {}",
                flags.workers
            ));
        }
        if flags.result_max == 0 {
            problems.push("--result_max must be at least 1, or nobody could read a result".into());
        }
        let deny = networks("http_deny", &flags.http_deny, &mut problems);
        let allow = networks("http_allow", &flags.http_allow, &mut problems);
        let cron = cron(flags, &mut problems);
        let mut access = Access::from_flags(&flags.access, flags.listen, &mut problems);
        access.warnings.extend(readable_secrets(flags));
        let mail = mail(flags, &mut problems);
        let limits = Limits {
            result_ttl,
            result_max: flags.result_max,
            result_bytes: flags.result_bytes,
            id_max: flags.id_max,
        };
        let redis = redis(&flags.redis, limits, &mut problems);
        let kafka = kafka(&flags.kafka, redis.is_some(), &mut problems);
        let allowed: Vec<String> = flags
            .exec_allow
            .iter()
            .filter(|entry| !entry.is_empty())
            .cloned()
            .collect();
        let command = CommandExecutor::new(&CommandConfig {
            allow: allowed,
            directory: flags.exec_dir.clone(),
            open_files: flags.exec_files,
            ..CommandConfig::default()
        });
        let command = command.map_err(|bad| problems.push(command_problem(&bad)));
        let (Ok(command), Some(mail)) = (command, mail) else {
            return Err(problems);
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            listen: flags.listen,
            port: flags.port,
            data: flags.data.clone(),
            dead: flags
                .dead
                .clone()
                .unwrap_or_else(|| flags.data.join("dead")),
            cron,
            settings: Settings {
                workers: flags.workers,
                max_retry: flags.max_retry,
                retry_interval,
                timeout,
                timeouts: HashMap::from([(Kind::EXEC, exec_timeout)]),
                shares_store: redis.is_some(),
                ..Settings::default()
            },
            limits,
            redis,
            kafka,
            command,
            http: HttpConfig {
                workers: usize::from(flags.workers),
                deny,
                allow,
                ..HttpConfig::default()
            },
            mail,
            access,
            legacy_status: flags.legacy_status,
            drain,
            log: flags.log,
        })
    }

    /// One line for `--check`.
    pub(crate) fn summary(&self) -> String {
        let token = if self.access.has_token() {
            "with a token"
        } else {
            "without a token"
        };
        format!(
            "would listen on {}://{}:{} {token}, {} workers, store in {}, dead letters in {}",
            self.access.scheme(),
            self.listen,
            self.port,
            self.settings.workers,
            self.store(),
            self.dead.display()
        )
    }

    /// Where jobs are kept, without any password.
    pub(crate) fn store(&self) -> String {
        let redis = self.redis.as_ref().map(poulpe_store_redis::Options::place);
        redis.unwrap_or_else(|| self.data.display().to_string())
    }
}

fn cron(flags: &Flags, problems: &mut Vec<String>) -> Option<Cron> {
    let given = flags
        .cron
        .iter()
        .filter(|path| !path.as_os_str().is_empty());
    let paths: Vec<PathBuf> = given.cloned().collect();
    if paths.is_empty() {
        return None;
    }
    let zone = Zone::host().map_err(|error| problems.push(format!("--cron: {error}")));
    Some(Cron {
        paths,
        zone: zone.ok()?,
    })
}

fn networks(flag: &str, words: &[String], problems: &mut Vec<String>) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for word in words
        .iter()
        .map(|word| word.trim())
        .filter(|word| !word.is_empty())
    {
        match word
            .parse::<IpNet>()
            .or_else(|_| word.parse::<IpAddr>().map(IpNet::from))
        {
            Ok(network) => networks.push(network),
            Err(_) => problems.push(format!(
                "--{flag}: {word:?} is not a network such as 10.0.0.0/8"
            )),
        }
    }
    networks
}

fn command_problem(bad: &BadCommandConfig) -> String {
    match bad {
        BadCommandConfig::Allow(bad) => format!("--exec_allow: {bad}"),
        BadCommandConfig::Directory { .. } => format!("--exec_dir: {bad}"),
        BadCommandConfig::OpenFiles => format!("--exec_files: {bad}"),
    }
}

/// Warnings of files with secrets that everybody can read.
fn readable_secrets(flags: &Flags) -> Vec<String> {
    [
        ("smtp_pwd_file", flags.smtp_pwd_file.as_deref()),
        ("redis_file", flags.redis.file()),
    ]
    .into_iter()
    .filter_map(|(flag, file)| complain_of_readers(flag, file?))
    .collect()
}
