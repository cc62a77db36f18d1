//! A real broker of Kafka, in a directory that vanishes with it; fetched by scripts/kafka-broker. Spoken to by kcat, which
//! is nobody's kin.

use crate::PATIENCE;
use std::fmt::Write as _;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A broker. Killed when dropped.
pub struct KafkaServer {
    child: Option<Child>,
    dir: TempDir,
    port: u16,
}

/// What else a broker is told.
#[derive(Default)]
pub struct KafkaSettings {
    /// The port that it tells clients to come to, if it isn't its own.
    pub advertised: Option<u16>,
    /// Where to listen, if not at any free port.
    pub port: Option<u16>,
    /// Certificate and key in PEM, for encrypted connections with a login.
    pub pem: Option<String>,
    /// Who may log in: `name=password`.
    pub user: Option<(String, String)>,
}

/// A record as kcat shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its key.
    pub key: String,
    /// Its headers, as `a=b,c=d`.
    pub headers: String,
    /// Its value.
    pub value: String,
}

/// A port that is free at this moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Where the broker's programs are.
fn library() -> PathBuf {
    let tests = std::env::current_exe().expect("the test's own path");
    let target = tests.ancestors().nth(3).expect("the target directory");
    let dir = target.join("kafka");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/kafka-broker");
    let fetched = Command::new(script).arg(&dir).status().expect("bash");
    assert!(fetched.success(), "the broker can't be fetched");
    dir.join("lib")
}

fn java(class: &str) -> Command {
    let mut command = Command::new("java");
    // It starts in half the time, and is soon gone.
    command.args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]);
    command.arg("-cp").arg(format!("{}/*", library().display()));
    command.arg(class).stdin(Stdio::null());
    command
}

impl KafkaServer {
    /// One that takes anybody.
    pub fn start() -> Self {
        Self::with(&KafkaSettings::default())
    }

    /// One that is told more.
    pub fn with(settings: &KafkaSettings) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let (port, controller) = (settings.port.unwrap_or_else(free_port), free_port());
        let kind = if settings.pem.is_some() {
            "SASL_SSL"
        } else {
            "PLAINTEXT"
        };
        let advertised = settings.advertised.unwrap_or(port);
        let mut text = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=CLIENT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=CLIENT://127.0.0.1:{advertised}\ncontroller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,CLIENT:{kind}\n\
             inter.broker.listener.name=CLIENT\nlog.dirs={}/data\n\
             offsets.topic.replication.factor=1\nauto.create.topics.enable=true\n",
            dir.path().display(),
        );
        let mut format = java("kafka.tools.StorageTool");
        format.args(["format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c"]);
        format.arg(dir.path().join("properties"));
        if let Some(pem) = &settings.pem {
            let file = dir.path().join("server.pem");
            std::fs::write(&file, pem).expect("a file");
            write!(
                text,
                "ssl.keystore.type=PEM\nssl.keystore.location={}\n\
                 ssl.truststore.type=PEM\nssl.truststore.location={0}\n\
                 ssl.endpoint.identification.algorithm=\n\
                 sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512\n\
                 sasl.mechanism.inter.broker.protocol=PLAIN\n",
                file.display()
            )
            .expect("text");
            let (name, password) = settings.user.clone().unwrap_or_default();
            let module = "org.apache.kafka.common.security";
            writeln!(
                text,
                "listener.name.client.plain.sasl.jaas.config={module}.plain.PlainLoginModule required \
                 username=\"{name}\" password=\"{password}\" user_{name}=\"{password}\";"
            )
            .expect("text");
            for mechanism in ["256", "512"] {
                writeln!(
                    text,
                    "listener.name.client.scram-sha-{mechanism}.sasl.jaas.config={module}.scram.ScramLoginModule required;"
                )
                .expect("text");
                format.arg("--add-scram");
                format.arg(format!(
                    "SCRAM-SHA-{mechanism}=[name={name},password={password}]"
                ));
            }
        }
        std::fs::write(dir.path().join("properties"), text).expect("a file");
        let formatted = format.output().expect("java is installed");
        assert!(
            formatted.status.success(),
            "{}",
            String::from_utf8_lossy(&formatted.stderr)
        );
        let mut server = Self {
            child: None,
            dir,
            port,
        };
        server.restart();
        server
    }

    /// Its address, as `--kafka_servers` takes it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Kills it without a word.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already; there is nothing to do about that.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it, with what it had written.
    pub fn restart(&mut self) {
        let log = std::fs::File::create(self.dir.path().join("log")).expect("a file");
        let child = java("kafka.Kafka")
            .arg(self.dir.path().join("properties"))
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("java is installed");
        self.child = Some(child);
        let end = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let ended = self
                .child
                .as_mut()
                .map(|child| child.try_wait().expect("a child"));
            assert!(
                ended.flatten().is_none(),
                "the broker ended: {}",
                self.log()
            );
            assert!(
                Instant::now() < end,
                "the broker doesn't start: {}",
                self.log()
            );
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    fn tool(&self, class: &str, words: &[&str]) {
        let output = java(class)
            .args(["--bootstrap-server", &self.address()])
            .args(words)
            .output()
            .expect("java is installed");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
    }

    /// Does something to topics, by the broker's own tool.
    pub fn topics(&self, words: &[&str]) {
        self.tool("org.apache.kafka.tools.TopicCommand", words);
    }

    /// Makes a topic.
    pub fn create(&self, topic: &str, partitions: u32) {
        let partitions = partitions.to_string();
        self.topics(&["--create", "--topic", topic, "--partitions", &partitions]);
    }

    /// Deletes the records of partition 0 below an offset.
    pub fn delete_records(&self, topic: &str, offset: u64) {
        let file = self.dir.path().join("offsets");
        let json = format!(
            r#"{{"partitions":[{{"topic":"{topic}","partition":0,"offset":{offset}}}],"version":1}}"#
        );
        std::fs::write(&file, json).expect("a file");
        let file = file.display().to_string();
        self.tool(
            "org.apache.kafka.tools.DeleteRecordsCommand",
            &["--offset-json-file", &file],
        );
    }

    fn kcat(&self, words: &[&str]) -> Command {
        let mut command = Command::new("kcat");
        command.args(["-b", &self.address(), "-q"]).args(words);
        command
    }

    /// Writes records, one a line.
    pub fn produce(&self, topic: &str, words: &[&str], lines: &str) {
        let mut child = self
            .kcat(&["-P", "-t", topic])
            .args(words)
            .stdin(Stdio::piped())
            .spawn()
            .expect("kcat is installed");
        let mut input = child.stdin.take().expect("piped");
        input.write_all(lines.as_bytes()).expect("it reads");
        drop(input);
        assert!(child.wait().expect("a child").success());
    }

    /// All records of a topic, partition after partition.
    pub fn consume(&self, topic: &str) -> Vec<Received> {
        let output = self
            .kcat(&[
                "-C",
                "-t",
                topic,
                "-e",
                "-o",
                "beginning",
                "-f",
                "%k\t%h\t%s\n",
            ])
            .output()
            .expect("kcat is installed");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let record = |line: &str| {
            let mut parts = line.splitn(3, '\t').map(String::from);
            Some(Received {
                key: parts.next()?,
                headers: parts.next()?,
                value: parts.next()?,
            })
        };
        text.lines().filter_map(record).collect()
    }

    /// The names of all topics.
    pub fn list(&self) -> String {
        let output = self.kcat(&["-L"]).output().expect("kcat is installed");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for KafkaServer {
    fn drop(&mut self) {
        self.kill();
    }
}
