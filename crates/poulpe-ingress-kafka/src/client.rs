//! Connections to Kafka. Every wait is bounded, and no topic is asked for that isn't known to be there: asking for one
//! can create it.

use crate::config::{BadKafkaConfig, KafkaConfig, Login, Mechanism, Tls};
use crate::trouble::{Trouble, bounded};
use rskafka::BackoffConfig;
use rskafka::client::partition::{PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder, Credentials, SaslConfig};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long a broker may take to answer.
pub(crate) const LIMIT: Duration = Duration::from_secs(8);

/// How long one of several brokers may take at first.
const FIRST_LIMIT: Duration = Duration::from_secs(4);

/// The client tries again by itself for so long; what takes longer is told, and tried again by us. Much shorter than the
/// limits below: else a refused login, which a broker answers late on purpose, would be told as silence.
const RETRIES: BackoffConfig = BackoffConfig {
    init_backoff: Duration::from_millis(50),
    max_backoff: Duration::from_millis(400),
    base: 2.0,
    deadline: Some(Duration::from_millis(500)),
};

/// More than any answer that is asked for, but not so much that a strange one fills the memory.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// Makes connections.
pub(crate) struct Connector {
    servers: Vec<String>,
    /// Which server is asked first: another one each time, for one of them may be silent.
    turn: AtomicUsize,
    tls: Option<Arc<ClientConfig>>,
    sasl: Option<SaslConfig>,
}

impl Connector {
    pub(crate) fn new(config: &KafkaConfig) -> Result<Self, BadKafkaConfig> {
        config.check()?;
        Ok(Self {
            servers: config.servers.clone(),
            turn: AtomicUsize::new(0),
            tls: config.tls.as_ref().map(tls).transpose()?,
            sasl: config.login.as_ref().map(sasl),
        })
    }

    /// A client by the first server that answers.
    pub(crate) async fn client(&self) -> Result<Client, Trouble> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut last = None;
        for place in 0..self.servers.len() {
            let server = &self.servers[(first + place) % self.servers.len()];
            let mut builder = ClientBuilder::new(vec![server.clone()])
                .client_id("poulpe")
                .max_message_size(MAX_ANSWER)
                .backoff_config(RETRIES);
            if let Some(tls) = &self.tls {
                builder = builder.tls_config(tls.clone());
            }
            if let Some(sasl) = &self.sasl {
                builder = builder.sasl_config(sasl.clone());
            }
            match bounded("connecting", FIRST_LIMIT, builder.build()).await {
                Ok(client) => return Ok(client),
                Err(trouble) => last = Some(trouble),
            }
        }
        Err(last.unwrap_or(Trouble::Silent("connecting", FIRST_LIMIT)))
    }
}

/// The partitions of a topic, in order; an error if it isn't there.
pub(crate) async fn partitions(client: &Client, topic: &str) -> Result<Vec<i32>, Trouble> {
    let topics = bounded("listing topics", LIMIT, client.list_topics()).await?;
    let found = topics.into_iter().find(|found| found.name == topic);
    let found = found.filter(|found| !found.partitions.is_empty());
    let Some(found) = found else {
        return Err(Trouble::NoTopic(topic.into()));
    };
    Ok(found.partitions.into_iter().collect())
}

/// Speaks to the leader of a partition that is known to be there.
pub(crate) async fn partition(
    client: &Client,
    topic: &str,
    number: i32,
) -> Result<PartitionClient, Trouble> {
    let found = client.partition_client(topic, number, UnknownTopicHandling::Error);
    bounded("finding a leader", LIMIT, found).await
}

fn sasl(login: &Login) -> SaslConfig {
    let credentials = Credentials::new(login.name.clone(), login.password.clone());
    match login.mechanism {
        Mechanism::Plain => SaslConfig::Plain(credentials),
        Mechanism::ScramSha256 => SaslConfig::ScramSha256(credentials),
        Mechanism::ScramSha512 => SaslConfig::ScramSha512(credentials),
    }
}

fn tls(tls: &Tls) -> Result<Arc<ClientConfig>, BadKafkaConfig> {
    let roots = match &tls.ca {
        Some(path) => {
            read_roots(path).map_err(|reason| BadKafkaConfig::Ca(path.clone(), reason))?
        }
        None => RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        },
    };
    // Named, so that no other provider that a program has compiled in can take its place.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| BadKafkaConfig::Ca("TLS".into(), error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn read_roots(path: &Path) -> Result<RootCertStore, String> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("it holds no certificate".into());
    }
    Ok(roots)
}
