//! The flags, each also `POULPE_<FLAG>` in the environment. Names are those of poulpe 0.2, with `_`; the same with `-`
//! work too.

use crate::access_config::AccessFlags;
use crate::command::Command;
use crate::kafka_config::KafkaFlags;
use crate::redis_config::RedisFlags;
use clap::{Parser, ValueEnum};
use std::net::IpAddr;
use std::path::PathBuf;

/// A durable job system: takes tasks over HTTP, keeps them on disk, runs them as HTTP calls, local commands or e-mails.
///
/// Each flag can also be given in the environment, as POULPE_ and its name in capitals.
#[derive(Debug, Parser)]
#[command(
    name = "poulpe",
    version,
    about,
    long_about,
    args_conflicts_with_subcommands = true
)]
pub(crate) struct Flags {
    /// Something else than running the daemon.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Port to listen on; 0 takes any free one.
    #[arg(long, env = "POULPE_PORT", default_value_t = 8000)]
    pub(crate) port: u16,

    /// Address to listen on. Beyond the loopback it takes a token too, or --insecure.
    #[arg(long, env = "POULPE_LISTEN", default_value = "127.0.0.1")]
    pub(crate) listen: IpAddr,

    /// Directory of the embedded store; with --redis only of what isn't shared.
    #[arg(long, env = "POULPE_DATA", default_value = "./poulpe-data")]
    pub(crate) data: PathBuf,

    #[command(flatten)]
    pub(crate) redis: RedisFlags,

    #[command(flatten)]
    pub(crate) kafka: KafkaFlags,

    /// Directory for copies of dead letters [default: dead inside --data].
    #[arg(long, env = "POULPE_DEAD")]
    pub(crate) dead: Option<PathBuf>,

    /// Worker threads, and so lanes: how many jobs run at once (1 to 1024).
    #[arg(long, env = "POULPE_WORKERS", default_value_t = 4)]
    pub(crate) workers: u16,

    /// Seconds between a failed attempt and the next.
    #[arg(
        long = "retry_interval",
        alias = "retry-interval",
        env = "POULPE_RETRY_INTERVAL",
        default_value_t = 10.0
    )]
    pub(crate) retry_interval: f64,

    /// How many failed attempts are followed by another one.
    #[arg(
        long = "max_retry",
        alias = "max-retry",
        env = "POULPE_MAX_RETRY",
        default_value_t = 3
    )]
    pub(crate) max_retry: u32,

    /// Seconds an attempt of GET, POST or MAIL_TO may take.
    #[arg(long, env = "POULPE_TIMEOUT", default_value_t = 60.0)]
    pub(crate) timeout: f64,

    /// Seconds an attempt of EXEC may take.
    #[arg(
        long = "exec_timeout",
        alias = "exec-timeout",
        env = "POULPE_EXEC_TIMEOUT",
        default_value_t = 3600.0
    )]
    pub(crate) exec_timeout: f64,

    /// Commands that EXEC tasks may run: a path, a directory, a name on PATH, or * for all; repeat the flag or separate
    /// by commas. None: EXEC is off.
    #[arg(
        long = "exec_allow",
        alias = "exec-allow",
        env = "POULPE_EXEC_ALLOW",
        value_delimiter = ',',
        value_name = "PATH"
    )]
    pub(crate) exec_allow: Vec<String>,

    /// Cron files, or directories of them, whose entries are run at their times; repeat the flag or separate by commas.
    /// Changes are noticed within a second. What they run by EXEC needs no --exec_allow.
    #[arg(long, env = "POULPE_CRON", value_delimiter = ',', value_name = "PATH")]
    pub(crate) cron: Vec<PathBuf>,

    /// The directory that commands of EXEC run in [default: that of poulpe].
    #[arg(
        long = "exec_dir",
        alias = "exec-dir",
        env = "POULPE_EXEC_DIR",
        value_name = "DIR"
    )]
    pub(crate) exec_dir: Option<PathBuf>,

    /// How many files a command of EXEC may have open.
    #[arg(
        long = "exec_files",
        alias = "exec-files",
        env = "POULPE_EXEC_FILES",
        default_value_t = poulpe_exec_command::FILE_LIMIT
    )]
    pub(crate) exec_files: u64,

    /// Networks that GET and POST never call, as CIDRs; link-local and cloud metadata addresses are always refused.
    #[arg(
        long = "http_deny",
        alias = "http-deny",
        env = "POULPE_HTTP_DENY",
        value_delimiter = ',',
        value_name = "CIDR"
    )]
    pub(crate) http_deny: Vec<String>,

    /// The only networks that GET and POST may call, as CIDRs.
    #[arg(
        long = "http_allow",
        alias = "http-allow",
        env = "POULPE_HTTP_ALLOW",
        value_delimiter = ',',
        value_name = "CIDR"
    )]
    pub(crate) http_allow: Vec<String>,

    /// The server that takes the mails of MAIL_TO: its name or address. None: MAIL_TO is off.
    #[arg(
        long = "smtp_server",
        alias = "smtp-server",
        env = "POULPE_SMTP_SERVER",
        value_name = "HOST"
    )]
    pub(crate) smtp_server: Option<String>,

    /// Its port [default: 465; 587 with STARTTLS, 25 without TLS].
    #[arg(long = "smtp_port", alias = "smtp-port", env = "POULPE_SMTP_PORT")]
    pub(crate) smtp_port: Option<u16>,

    /// The name to log in with, if the mail server wants to know.
    #[arg(long = "smtp_name", alias = "smtp-name", env = "POULPE_SMTP_NAME")]
    pub(crate) smtp_name: Option<String>,

    /// The password of that name. A file is safer: see --smtp_pwd_file.
    #[arg(
        long = "smtp_pwd",
        alias = "smtp-pwd",
        env = "POULPE_SMTP_PWD",
        hide_env_values = true
    )]
    pub(crate) smtp_pwd: Option<String>,

    /// A file that holds the password.
    #[arg(
        long = "smtp_pwd_file",
        alias = "smtp-pwd-file",
        env = "POULPE_SMTP_PWD_FILE",
        value_name = "FILE"
    )]
    pub(crate) smtp_pwd_file: Option<PathBuf>,

    /// Begin unencrypted and go over to TLS by STARTTLS, as on port 587.
    #[arg(
        long,
        env = "POULPE_STARTTLS",
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    pub(crate) starttls: bool,

    /// How the connection to the mail server is encrypted [default: on].
    #[arg(
        long = "smtp_tls",
        alias = "smtp-tls",
        env = "POULPE_SMTP_TLS",
        value_enum
    )]
    pub(crate) smtp_tls: Option<SmtpTls>,

    /// A PEM file of the authorities to trust for the mail server, instead of the public ones.
    #[arg(
        long = "smtp_ca",
        alias = "smtp-ca",
        env = "POULPE_SMTP_CA",
        value_name = "FILE"
    )]
    pub(crate) smtp_ca: Option<PathBuf>,

    /// Seconds that a result is kept and a chosen id guarded after its job's end.
    #[arg(
        long = "result_ttl",
        alias = "result-ttl",
        env = "POULPE_RESULT_TTL",
        default_value_t = 600.0
    )]
    pub(crate) result_ttl: f64,

    /// How many results are kept.
    #[arg(
        long = "result_max",
        alias = "result-max",
        env = "POULPE_RESULT_MAX",
        default_value_t = 200_000
    )]
    pub(crate) result_max: usize,

    /// How many bytes of results are kept.
    #[arg(
        long = "result_bytes",
        alias = "result-bytes",
        env = "POULPE_RESULT_BYTES",
        default_value_t = 268_435_456
    )]
    pub(crate) result_bytes: u64,

    /// How many chosen ids are guarded after their job's end.
    #[arg(
        long = "id_max",
        alias = "id-max",
        env = "POULPE_ID_MAX",
        default_value_t = 1_000_000
    )]
    pub(crate) id_max: usize,

    /// Seconds that running jobs get to end after SIGTERM or Ctrl-C.
    #[arg(long, env = "POULPE_DRAIN", default_value_t = 25.0)]
    pub(crate) drain: f64,

    #[command(flatten)]
    pub(crate) access: AccessFlags,

    /// Answer 200 to everything on the three routes of poulpe 0.2.
    #[arg(
        long = "legacy_status",
        alias = "legacy-status",
        env = "POULPE_LEGACY_STATUS",
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    pub(crate) legacy_status: bool,

    /// Form of the log on standard error; RUST_LOG sets its level.
    #[arg(long, env = "POULPE_LOG", value_enum, default_value_t = LogForm::Text)]
    pub(crate) log: LogForm,

    /// Check the configuration and exit: 0 if it works, 64 and every problem if not.
    #[arg(long)]
    pub(crate) check: bool,
}

/// How the connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SmtpTls {
    /// From the first byte.
    On,
    /// After STARTTLS; the same as --starttls.
    Starttls,
    /// Not at all; refused with a password.
    None,
    /// Not at all, even for a password.
    NoneForce,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogForm {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
