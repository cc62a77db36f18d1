//! One connection to the mail server: opened, encrypted, logged in, and then used for one mail after the other. Never
//! decides whether to try again, and knows no deadline: whoever waits for it bounds the wait. Kept by the pool between
//! mails.

use crate::config::{Login, MailServer, Security};
use crate::reason::Trouble;
use crate::step::{Step, Steps};
use crate::tls::Tls;
use crate::wire::{Wire, wire};
use mail_send::smtp::AssertReply;
use mail_send::smtp::message::Parameters;
use mail_send::{Credentials, SmtpClient};
use smtp_proto::{AUTH_DIGEST_MD5, EXT_SIZE, EXT_SMTP_UTF8, EXT_START_TLS, EhloResponse, Response};
use std::net::IpAddr;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};

/// How long one of a name's addresses may take to answer before the next is tried: on the way around the world
/// connecting takes less than a second.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// mail-send bounds each command by itself; the attempt's deadline comes first.
const COMMAND_LIMIT: Duration = Duration::from_secs(24 * 3_600);

/// What goes over the wire for one mail.
pub(crate) struct Envelope<'a> {
    pub(crate) sender: &'a str,
    pub(crate) recipients: Vec<&'a str>,
    /// Whether an address isn't ASCII.
    pub(crate) is_foreign: bool,
    pub(crate) content: &'a [u8],
}

/// A connection that is ready for a mail.
pub(crate) struct Connection {
    client: SmtpClient<Wire>,
    capabilities: EhloResponse<String>,
    /// Whether the server may still think of a mail that it has refused.
    is_dirty: bool,
}

impl Connection {
    pub(crate) async fn open(
        server: &MailServer,
        tls: &Tls,
        steps: &Steps,
    ) -> Result<Self, Trouble> {
        steps.go(Step::Connect);
        let stream = connect(&server.host, server.port).await?;
        // Every command is answered before the next, so there is nothing to gather packets for.
        stream.set_nodelay(true)?;
        let our_name = our_name(stream.local_addr()?.ip());
        let stream = match server.security {
            Security::Tls => {
                steps.go(Step::Encrypt);
                wire(tls.connector.connect(tls.name.clone(), stream).await?)
            }
            Security::StartTls | Security::None | Security::NoneForced => wire(stream),
        };
        let mut client = client(stream);
        steps.go(Step::Greeting);
        client.read().await?.assert_positive_completion()?;
        steps.go(Step::Hello);
        let mut capabilities = client.ehlo(&our_name).await?;
        if server.security == Security::StartTls {
            client = start_tls(client, &capabilities, tls, steps).await?;
            // What was said before could have come from anybody on the way.
            steps.go(Step::Hello);
            capabilities = client.ehlo(&our_name).await?;
        }
        if let Some(login) = &server.login {
            steps.go(Step::Login);
            log_in(&mut client, login, &mut capabilities).await?;
        }
        Ok(Self {
            client,
            capabilities,
            is_dirty: false,
        })
    }

    /// Sends a mail; the answer is what the server said last. After anything but a refusal the connection is unusable.
    pub(crate) async fn send(
        &mut self,
        envelope: &Envelope<'_>,
        steps: &Steps,
    ) -> Result<Response<String>, Trouble> {
        let parameters = self.parameters(envelope)?;
        steps.go(Step::Sender(envelope.sender.into()));
        if self.is_dirty {
            self.client.rset().await?;
        }
        self.is_dirty = true;
        self.client.mail_from(envelope.sender, &parameters).await?;
        let none = Parameters::new();
        for recipient in &envelope.recipients {
            steps.go(Step::Recipient((*recipient).into()));
            self.client.rcpt_to(recipient, &none).await?;
        }
        steps.go(Step::Data);
        self.client.cmd("DATA\r\n").await?.assert_code(354)?;
        steps.go(Step::Content);
        self.client.write_message(envelope.content).await?;
        let reply = self.client.read().await?.into_positive_completion()?;
        self.is_dirty = false;
        Ok(reply)
    }

    /// Says good-bye.
    pub(crate) async fn quit(self) {
        // It is closed either way.
        let _ = self.client.quit().await;
    }

    fn parameters(&self, envelope: &Envelope<'_>) -> Result<Parameters<'static>, Trouble> {
        let mut parameters = Parameters::new();
        if self.capabilities.has_capability(EXT_SIZE) {
            // So that it can refuse what is too long before it is sent.
            parameters.add(("SIZE".to_owned(), envelope.content.len().to_string()));
        }
        if envelope.is_foreign {
            if !self.capabilities.has_capability(EXT_SMTP_UTF8) {
                return Err(Trouble::AsciiOnly);
            }
            parameters.add("SMTPUTF8");
        }
        Ok(parameters)
    }
}

/// Tries the addresses of a host one after the other.
async fn connect(host: &str, port: u16) -> Result<TcpStream, Trouble> {
    let addresses = lookup_host((host, port))
        .await
        .map_err(Trouble::UnknownHost)?;
    let mut last = None;
    for address in addresses {
        match tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = Some(error),
            Err(_) => last = Some(std::io::ErrorKind::TimedOut.into()),
        }
    }
    let nothing = || std::io::Error::other("the name has no address");
    Err(last.unwrap_or_else(nothing).into())
}

fn client(stream: Wire) -> SmtpClient<Wire> {
    SmtpClient {
        stream,
        timeout: COMMAND_LIMIT,
    }
}

async fn start_tls(
    mut plain: SmtpClient<Wire>,
    capabilities: &EhloResponse<String>,
    tls: &Tls,
    steps: &Steps,
) -> Result<SmtpClient<Wire>, Trouble> {
    steps.go(Step::StartTls);
    if !capabilities.has_capability(EXT_START_TLS) {
        return Err(mail_send::Error::MissingStartTls.into());
    }
    plain.cmd("STARTTLS\r\n").await?.assert_code(220)?;
    steps.go(Step::Encrypt);
    // Whatever came with the answer has been dropped with its buffer: nobody can put words in before the encryption.
    let bytes = plain.stream.into_inner().0;
    let secret = tls.connector.connect(tls.name.clone(), bytes).await?;
    Ok(client(wire(secret)))
}

async fn log_in(
    client: &mut SmtpClient<Wire>,
    login: &Login,
    capabilities: &mut EhloResponse<String>,
) -> Result<(), Trouble> {
    // mail-send would ask for it, and then have nothing to say.
    capabilities.auth_mechanisms &= !AUTH_DIGEST_MD5;
    let credentials = Credentials::new(&*login.name, &*login.password);
    client.authenticate(&credentials, &*capabilities).await?;
    Ok(())
}

/// How we introduce ourselves: by the host's full name, or else by our address, which is always well-formed.
fn our_name(ip: IpAddr) -> String {
    let uname = rustix::system::uname();
    let name = uname.nodename().to_string_lossy();
    let is_name_char = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let is_full = name.trim_matches('.').contains('.') && name.bytes().all(is_name_char);
    if is_full {
        return name.trim_matches('.').to_owned();
    }
    match ip.to_canonical() {
        IpAddr::V4(v4) => format!("[{v4}]"),
        IpAddr::V6(v6) => format!("[IPv6:{v6}]"),
    }
}
