//! The flags of Kafka, and what they say together. Never prints a password.

use crate::secret::secret;
use clap::{Args, ValueEnum};
use poulpe_ingress_kafka::{
    BadKafkaConfig, KafkaConfig, KafkaIngress, Login, Mechanism, Reset, Start, Tls,
};
use std::path::PathBuf;

/// The flags of Kafka.
#[derive(Debug, Args)]
pub(crate) struct KafkaFlags {
    /// Brokers of Kafka to take tasks from, as HOST:PORT; repeat the flag or separate by commas. Needs --kafka_topic.
    #[arg(
        long = "kafka_servers",
        alias = "kafka-servers",
        env = "POULPE_KAFKA_SERVERS",
        value_delimiter = ',',
        value_name = "HOST:PORT"
    )]
    kafka_servers: Vec<String>,

    /// The topic that tasks come from, one a record. It must be there: poulpe creates none.
    #[arg(
        long = "kafka_topic",
        alias = "kafka-topic",
        env = "POULPE_KAFKA_TOPIC",
        value_name = "TOPIC"
    )]
    kafka_topic: Option<String>,

    /// The topic that results of these tasks go to, keyed by their ids. None: they are sent nowhere.
    #[arg(
        long = "kafka_resp_topic",
        alias = "kafka-resp-topic",
        env = "POULPE_KAFKA_RESP_TOPIC",
        value_name = "TOPIC"
    )]
    kafka_resp_topic: Option<String>,

    /// Where the very first reading of a partition starts.
    #[arg(
        long = "kafka_start",
        alias = "kafka-start",
        env = "POULPE_KAFKA_START",
        value_enum,
        default_value_t = KafkaStart::Earliest
    )]
    kafka_start: KafkaStart,

    /// What to do when a partition ends before the place that was reached, as after the topic was made anew.
    #[arg(
        long = "kafka_reset",
        alias = "kafka-reset",
        env = "POULPE_KAFKA_RESET",
        value_enum,
        default_value_t = KafkaReset::Stop
    )]
    kafka_reset: KafkaReset,

    /// With so many jobs ready nothing more is read from Kafka.
    #[arg(
        long = "kafka_queue_max",
        alias = "kafka-queue-max",
        env = "POULPE_KAFKA_QUEUE_MAX",
        default_value_t = 100_000
    )]
    kafka_queue_max: u64,

    /// Encrypt the connections to Kafka.
    #[arg(
        long = "kafka_tls",
        alias = "kafka-tls",
        env = "POULPE_KAFKA_TLS",
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    kafka_tls: bool,

    /// A PEM file of the authorities to trust for Kafka, instead of the public ones. Implies --kafka_tls.
    #[arg(
        long = "kafka_ca",
        alias = "kafka-ca",
        env = "POULPE_KAFKA_CA",
        value_name = "FILE"
    )]
    kafka_ca: Option<PathBuf>,

    /// How to log in to Kafka.
    #[arg(
        long = "kafka_sasl",
        alias = "kafka-sasl",
        env = "POULPE_KAFKA_SASL",
        value_enum,
        default_value_t = KafkaSasl::ScramSha512
    )]
    kafka_sasl: KafkaSasl,

    /// The name to log in with, if the brokers want to know.
    #[arg(
        long = "kafka_user",
        alias = "kafka-user",
        env = "POULPE_KAFKA_USER",
        value_name = "NAME"
    )]
    kafka_user: Option<String>,

    /// The password of that name. A file is safer: see --kafka_pwd_file.
    #[arg(
        long = "kafka_pwd",
        alias = "kafka-pwd",
        env = "POULPE_KAFKA_PWD",
        hide_env_values = true
    )]
    kafka_pwd: Option<String>,

    /// A file that holds the password.
    #[arg(
        long = "kafka_pwd_file",
        alias = "kafka-pwd-file",
        env = "POULPE_KAFKA_PWD_FILE",
        value_name = "FILE"
    )]
    kafka_pwd_file: Option<PathBuf>,
}

/// Where the very first reading of a partition starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KafkaStart {
    /// At the oldest record.
    Earliest,
    /// Behind the newest one.
    Latest,
}

/// What to do when a partition ends too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KafkaReset {
    /// Read nothing, and say so.
    Stop,
    /// Read all that is there.
    Earliest,
    /// Read what comes from now on.
    Latest,
}

/// How to log in to Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KafkaSasl {
    /// The password as it is; refused unencrypted, but on this machine.
    Plain,
    /// A proof of it.
    #[value(name = "scram-sha-256")]
    ScramSha256,
    /// A proof of it.
    #[value(name = "scram-sha-512")]
    ScramSha512,
}

/// How Kafka is to be read; none if it isn't.
pub(crate) fn kafka(
    flags: &KafkaFlags,
    shares_store: bool,
    problems: &mut Vec<String>,
) -> Option<KafkaConfig> {
    let servers = flags.kafka_servers.iter().map(|server| server.trim());
    let servers: Vec<String> = servers
        .filter(|server| !server.is_empty())
        .map(String::from)
        .collect();
    let topic = given(&flags.kafka_topic);
    let login = login(flags, problems);
    if servers.is_empty() {
        for (flag, is_given) in [
            ("--kafka_topic", topic.is_some()),
            (
                "--kafka_resp_topic",
                given(&flags.kafka_resp_topic).is_some(),
            ),
            ("--kafka_ca", flags.kafka_ca.is_some()),
            ("--kafka_user", flags.kafka_user.is_some()),
        ] {
            if is_given {
                problems.push(format!("{flag} has no use without --kafka_servers"));
            }
        }
        return None;
    }
    let Some(topic) = topic else {
        problems.push("--kafka_servers needs --kafka_topic".into());
        return None;
    };
    let tls = flags.kafka_tls || flags.kafka_ca.is_some();
    let config = KafkaConfig {
        resp_topic: given(&flags.kafka_resp_topic),
        start: match flags.kafka_start {
            KafkaStart::Earliest => Start::Earliest,
            KafkaStart::Latest => Start::Latest,
        },
        reset: match flags.kafka_reset {
            KafkaReset::Stop => Reset::Stop,
            KafkaReset::Earliest => Reset::Earliest,
            KafkaReset::Latest => Reset::Latest,
        },
        tls: tls.then(|| Tls {
            ca: flags.kafka_ca.clone(),
        }),
        login,
        queue_max: flags.kafka_queue_max,
        ..KafkaConfig::new(servers, topic)
    };
    if flags.kafka_queue_max == 0 {
        problems.push("--kafka_queue_max must be at least 1, or nothing is ever read".into());
    }
    if config.resp_topic.is_some() && shares_store {
        problems.push(
            "--kafka_resp_topic doesn't work with --redis yet: Redis keeps no results to send on; leave one of them out"
                .into(),
        );
    }
    if let Err(bad) = KafkaIngress::check(&config) {
        problems.push(problem(&bad));
    }
    Some(config)
}

/// An empty text means none, as an unset variable does.
fn given(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

fn login(flags: &KafkaFlags, problems: &mut Vec<String>) -> Option<Login> {
    let (by_flag, by_file) = (flags.kafka_pwd.as_ref(), flags.kafka_pwd_file.as_ref());
    let password = secret("kafka_pwd", by_flag, by_file, problems);
    let has_password = by_flag.is_some() || by_file.is_some();
    match (given(&flags.kafka_user), password) {
        (Some(name), Some(password)) => Some(Login {
            mechanism: match flags.kafka_sasl {
                KafkaSasl::Plain => Mechanism::Plain,
                KafkaSasl::ScramSha256 => Mechanism::ScramSha256,
                KafkaSasl::ScramSha512 => Mechanism::ScramSha512,
            },
            name,
            // The last line of a file ends in a line break.
            password: password.trim_end_matches(['\r', '\n']).to_owned(),
        }),
        (Some(_), None) if !has_password => {
            problems.push("--kafka_user needs --kafka_pwd_file (or --kafka_pwd)".into());
            None
        }
        (None, _) if has_password => {
            problems.push("--kafka_pwd needs --kafka_user".into());
            None
        }
        // What is wrong with the password has been said.
        _ => None,
    }
}

fn problem(bad: &BadKafkaConfig) -> String {
    let flag = match bad {
        BadKafkaConfig::NoServer | BadKafkaConfig::Server(_) => "--kafka_servers",
        BadKafkaConfig::Topic(..) => "--kafka_topic",
        BadKafkaConfig::SameTopic => "--kafka_resp_topic",
        BadKafkaConfig::PasswordInClear => "--kafka_sasl",
        BadKafkaConfig::Ca(..) => "--kafka_ca",
    };
    format!("{flag}: {bad}")
}
