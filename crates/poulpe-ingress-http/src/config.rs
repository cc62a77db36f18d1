//! What an operator may set, and the numbers nobody should have to. Never reads flags or files; that is the binary's.
//! Given to [`HttpIngress::bind`](crate::HttpIngress::bind) once.

use crate::auth::Guard;
use crate::tls::Tls;
use crate::tokens::TokenList;
use std::net::IpAddr;
use std::time::Duration;

/// The most bytes of a body that is one task: params are arguments, not files.
pub const MAX_TASK_BYTES: usize = 1024 * 1024;
/// The most bytes of a body that is an array of tasks: 10,000 of 1.6 KiB each.
pub const MAX_ARRAY_BYTES: usize = 16 * 1024 * 1024;
/// The most connections at once. Each costs some 20 KiB and a file descriptor; every waiting client holds one.
pub const MAX_CONNECTIONS: usize = 10_000;
/// The time from the first byte of a request to the end of its head: ample for a slow mobile link, too short for an
/// attacker to hold many connections with a byte now and then.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// The time from the first byte of a request to the end of its body: 16 MiB at 5 Mbit/s.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// The time a connection may rest between requests: more than the 60 s that load balancers commonly rest, so that it
/// is they who close.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// The most sockets at once, beside the other connections. An idle one costs some 14 KiB and a file descriptor.
pub const MAX_SOCKETS: usize = 10_000;
/// The time a client may take for what was sent to its socket: as long as the body of a request.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest head of a request. Longer ones are answered with 431.
pub(crate) const MAX_HEAD_BYTES: usize = 64 * 1024;
/// The most bytes taken from the system at a time: enough to read large arrays in few calls, and all that a connection
/// buffers.
pub(crate) const READ_BYTES: usize = 128 * 1024;
/// How long open connections have, once everything was told to stop, to get the answers that are ready.
pub(crate) const CLOSE_GRACE: Duration = Duration::from_secs(1);
/// The pause after the system refused a connection for want of descriptors or memory: some may be free again then,
/// and the log isn't flooded.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a closing connection goes on taking what the client still sends. Closing on unread bytes would reset the
/// connection and could destroy the answer on its way.
pub(crate) const LINGER: Duration = Duration::from_secs(2);
/// How much a closing connection takes at most: twice the largest body.
pub(crate) const LINGER_BYTES: usize = 2 * MAX_ARRAY_BYTES;
/// How many clients beyond the limit are told so at a time; the others are closed without a word.
pub(crate) const MAX_TURNED_AWAY: usize = 64;

/// How the HTTP door is set up.
#[derive(Clone)]
pub struct HttpConfig {
    /// The address to listen on.
    pub listen: IpAddr,
    /// The port; 0 takes any free one.
    pub port: u16,
    /// A secret that requests may carry as `Authorization: Bearer …`, to do everything. Once there is any secret every request
    /// but `/healthz` needs one.
    pub token: Option<String>,
    /// Further secrets, with what each may do.
    pub tokens: Option<TokenList>,
    /// The certificate to speak TLS with.
    pub tls: Option<Tls>,
    /// Names that poulpe is reached by, beside those of its own host; see docs/security.md.
    pub hosts: Vec<String>,
    /// Sites whose pages may use poulpe from a browser, such as `https://app.example.com`; `*` for all.
    pub cors_origins: Vec<String>,
    /// Answer 200 to everything on the three routes of poulpe 0.2.
    pub legacy_status: bool,
    /// Shown by `/sys_info` and `/v1/stats`.
    pub version: &'static str,
    /// The most connections at once; further ones are answered 503 and closed.
    pub max_connections: usize,
    /// The time a request's head may take.
    pub header_timeout: Duration,
    /// The time a request's head and body may take together.
    pub body_timeout: Duration,
    /// The time a connection may rest between requests, and a socket be silent, pongs counted.
    pub idle_timeout: Duration,
    /// The most sockets at once, beside the other connections; further ones are answered 503.
    pub max_sockets: usize,
    /// The time a client may take for what was sent to its socket.
    pub write_timeout: Duration,
}

impl HttpConfig {
    /// Defaults on this address and port.
    pub fn new(listen: IpAddr, port: u16, version: &'static str) -> Self {
        Self {
            listen,
            port,
            token: None,
            tokens: None,
            tls: None,
            hosts: Vec::new(),
            cors_origins: Vec::new(),
            legacy_status: false,
            version,
            max_connections: MAX_CONNECTIONS,
            header_timeout: HEADER_TIMEOUT,
            body_timeout: BODY_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            max_sockets: MAX_SOCKETS,
            write_timeout: WRITE_TIMEOUT,
        }
    }
}

impl HttpConfig {
    /// Whether a door can be opened by it; the error says what to change.
    pub fn check(&self) -> Result<(), String> {
        Guard::new(self).map(|_| ())
    }
}

impl std::fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // By hand, so that the token can't reach a log.
        f.debug_struct("HttpConfig")
            .field("listen", &self.listen)
            .field("port", &self.port)
            .field("token", &self.token.as_ref().map(|_| "***"))
            .field("tokens", &self.tokens)
            .field("tls", &self.tls)
            .field("hosts", &self.hosts)
            .field("cors_origins", &self.cors_origins)
            .field("legacy_status", &self.legacy_status)
            .field("version", &self.version)
            .field("max_connections", &self.max_connections)
            .field("header_timeout", &self.header_timeout)
            .field("body_timeout", &self.body_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("max_sockets", &self.max_sockets)
            .field("write_timeout", &self.write_timeout)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_not_shown() {
        let mut config = HttpConfig::new([127, 0, 0, 1].into(), 0, "1");
        config.token = Some("s3cret".into());
        assert!(!format!("{config:?}").contains("s3cret"));
    }
}
