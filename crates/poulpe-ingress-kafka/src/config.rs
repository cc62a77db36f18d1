//! How Kafka is to be reached, and what for. Checked before anything is started.

use std::path::PathBuf;

/// The longest topic to read from: ids of jobs are made of its name, and have at most 200 bytes.
const MAX_TOPIC: usize = 150;

/// Enough work for minutes; what is more stays in Kafka, which is made for it.
pub(crate) const DEFAULT_QUEUE_MAX: u64 = 100_000;

/// How Kafka is to be reached, and what for.
#[derive(Debug, Clone)]
pub struct KafkaConfig {
    /// `host:port` of some brokers.
    pub servers: Vec<String>,
    /// Where tasks come from.
    pub topic: String,
    /// Where results go.
    pub resp_topic: Option<String>,
    /// Where the very first reading of a partition starts.
    pub start: Start,
    /// What happens when the log ends before the place that was reached.
    pub reset: Reset,
    /// Whether connections are encrypted.
    pub tls: Option<Tls>,
    /// Who to log in as.
    pub login: Option<Login>,
    /// With so many jobs waiting nothing more is read.
    pub queue_max: u64,
}

/// Where the very first reading of a partition starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record that is kept.
    Earliest,
    /// Behind the newest one.
    Latest,
}

/// What happens when the log ends before the place that was reached: the topic was made anew, or brokers lost its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// Nothing is read until a person has decided.
    Stop,
    /// Everything that is there is read.
    Earliest,
    /// Only what comes from now on is read.
    Latest,
}

/// Encrypted connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// A PEM file of the authorities to trust instead of the public ones.
    pub ca: Option<PathBuf>,
}

/// Who to log in as.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// How.
    pub mechanism: Mechanism,
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("mechanism", &self.mechanism)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// How to log in by SASL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// The password as it is.
    Plain,
    /// A proof of it.
    ScramSha256,
    /// A proof of it.
    ScramSha512,
}

/// Why a configuration can't work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKafkaConfig {
    /// Nothing to connect to.
    #[error("name at least one broker as host:port")]
    NoServer,
    /// Not an address.
    #[error("{0:?} is not host:port")]
    Server(String),
    /// Not the name of a topic.
    #[error(
        "{0:?} is not the name of a topic; letters, digits, dots, hyphens and underscores, at most {1}"
    )]
    Topic(String, usize),
    /// Results would be taken for tasks.
    #[error("results can't go to the topic that tasks come from")]
    SameTopic,
    /// The password could be read on its way.
    #[error("the password would go unencrypted; encrypt the connection, or log in by SCRAM")]
    PasswordInClear,
    /// The authorities can't be read.
    #[error("{0} can't be used: {1}")]
    Ca(PathBuf, String),
}

impl KafkaConfig {
    /// Tasks from this topic, everything else as it is by default.
    pub fn new(servers: Vec<String>, topic: impl Into<String>) -> Self {
        Self {
            servers,
            topic: topic.into(),
            resp_topic: None,
            start: Start::Earliest,
            reset: Reset::Stop,
            tls: None,
            login: None,
            queue_max: DEFAULT_QUEUE_MAX,
        }
    }

    /// Whether it can work at all.
    pub(crate) fn check(&self) -> Result<(), BadKafkaConfig> {
        if self.servers.is_empty() {
            return Err(BadKafkaConfig::NoServer);
        }
        for server in &self.servers {
            let split = server.rsplit_once(':');
            let is_address =
                split.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
            if !is_address {
                return Err(BadKafkaConfig::Server(server.clone()));
            }
        }
        topic(&self.topic, MAX_TOPIC)?;
        if let Some(resp_topic) = &self.resp_topic {
            topic(resp_topic, 249)?;
            if *resp_topic == self.topic {
                return Err(BadKafkaConfig::SameTopic);
            }
        }
        let is_plain = |login: &Login| login.mechanism == Mechanism::Plain;
        let may_be_read = self.tls.is_none() && !self.servers.iter().all(|server| is_local(server));
        if may_be_read && self.login.as_ref().is_some_and(is_plain) {
            return Err(BadKafkaConfig::PasswordInClear);
        }
        Ok(())
    }

    /// Where it reads, for people.
    pub(crate) fn place(&self) -> String {
        format!("{} at {}", self.topic, self.servers.join(","))
    }
}

fn is_local(server: &str) -> bool {
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
    host == "localhost" || host.starts_with("127.") || host == "[::1]"
}

fn topic(name: &str, max: usize) -> Result<(), BadKafkaConfig> {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || name.len() > max || !name.chars().all(is_legal) {
        return Err(BadKafkaConfig::Topic(name.into(), max));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> KafkaConfig {
        KafkaConfig::new(vec!["kafka.example:9092".into()], "tasks")
    }

    #[test]
    fn results_never_go_where_tasks_come_from() {
        let mut config = config();
        config.resp_topic = Some("tasks".into());
        assert_eq!(config.check(), Err(BadKafkaConfig::SameTopic));
    }

    #[test]
    fn a_password_goes_unencrypted_to_this_machine_only() {
        let mut config = config();
        let login = |mechanism| Login {
            mechanism,
            name: "a".into(),
            password: "b".into(),
        };
        config.login = Some(login(Mechanism::Plain));
        assert_eq!(config.check(), Err(BadKafkaConfig::PasswordInClear));
        config.servers = vec!["127.0.0.1:9092".into()];
        assert_eq!(config.check(), Ok(()));
        config.servers = vec!["kafka.example:9092".into()];
        config.login = Some(login(Mechanism::ScramSha512));
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn a_server_has_a_port_and_a_topic_a_legal_name() {
        let mut config = config();
        config.servers = vec!["kafka.example".into()];
        assert!(matches!(config.check(), Err(BadKafkaConfig::Server(_))));
        let mut config = self::config();
        config.topic = "two words".into();
        assert!(matches!(config.check(), Err(BadKafkaConfig::Topic(..))));
    }
}
