//! What a mail executor can be told. Holds no state and reads no environment. The daemon fills it from its flags.

use std::path::PathBuf;

/// As many as the daemon has workers by default.
const DEFAULT_WORKERS: usize = 4;

/// What a [`MailExecutor`](crate::MailExecutor) can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailConfig {
    /// The server that takes the mails; none means that `MAIL_TO` is off.
    pub server: Option<MailServer>,
    /// How many threads send at once; so many idle connections are kept.
    pub workers: usize,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self {
            server: None,
            workers: DEFAULT_WORKERS,
        }
    }
}

/// An SMTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Its name, which its certificate must carry, or its address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept from others.
    pub security: Security,
    /// Who we are there, if it wants to know.
    pub login: Option<Login>,
    /// A PEM file of the authorities to trust, instead of the public ones.
    pub ca: Option<PathBuf>,
}

/// How a connection is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte, usually on port 465.
    Tls,
    /// TLS before anything of importance is said, usually on port 587. A server that doesn't offer it gets no mail.
    StartTls,
    /// None, and so never with a login.
    None,
    /// None, even for a password.
    NoneForced,
}

impl Security {
    /// The port that is meant when none is given.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Tls => 465,
            Self::StartTls => 587,
            Self::None | Self::NoneForced => 25,
        }
    }
}

/// A user of a mail server.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user's name.
    pub name: String,
    /// The user's password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login {{ name: {:?}, .. }}", self.name)
    }
}

/// A configuration that can't work.
#[derive(Debug, thiserror::Error)]
pub enum BadMailConfig {
    /// The host is neither a name nor an address.
    #[error("{0:?} is neither the name nor the address of a server")]
    Host(String),
    /// A login over a connection that anybody on the way can read.
    #[error("the password would cross the network unencrypted")]
    PasswordInClear,
    /// A name or password that no mechanism can carry.
    #[error("the {0} is empty or has control characters")]
    Login(&'static str),
    /// The file of authorities can't be read.
    #[error("{} can't be read as PEM: {reason}", path.display())]
    UnreadableCa {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system gives no thread.
    #[error("the thread for connections can't be started: {0}")]
    Thread(#[from] std::io::Error),
}
