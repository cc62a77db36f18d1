//! The executor of kind `MAIL_TO`: checks tasks and hands mails to the server. Never outlasts the attempt's deadline.
//! Registered by the daemon; one instance serves all workers.

use crate::config::{BadMailConfig, MailConfig, MailServer, Security};
use crate::connection::{Connection, Envelope};
use crate::letter::Letter;
use crate::message;
use crate::pool::Pool;
use crate::reason::{self, Trouble};
use crate::step::{Step, Steps};
use crate::tls::Tls;
use poulpe_core::{Attempt, BadTask, Door, Executor, Failure, Job, Output, Task};
use rustls::pki_types::ServerName;
use smtp_proto::Response;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::Instant;

const MAIL_IS_OFF: &str = "MAIL_TO is off; start poulpe with --smtp_server HOST, the server that takes its mails, to turn it on";

/// Sends mails.
pub struct MailExecutor {
    office: Option<Office>,
}

impl std::fmt::Debug for MailExecutor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = self.office.as_ref().map(|office| &office.place);
        write!(f, "MailExecutor({place:?})")
    }
}

impl MailExecutor {
    /// An executor with its own connections and, if there is a server, a thread of its own that waits on them.
    pub fn new(config: MailConfig) -> Result<Self, BadMailConfig> {
        let office = match config.server {
            Some(server) => Some(Office::new(server, config.workers)?),
            None => None,
        };
        Ok(Self { office })
    }
}

impl Executor for MailExecutor {
    fn check(&self, task: &Task, _door: Door) -> Result<(), BadTask> {
        if self.office.is_none() {
            return Err(BadTask::new("method", MAIL_IS_OFF));
        }
        if !task.headers.is_empty() {
            let fix = "only GET and POST have headers; leave the field out";
            return Err(BadTask::new("headers", fix));
        }
        Letter::read(&task.params).map(drop)
    }

    /// Sends the mail. The output is what the server said when it took it, the status its code.
    fn execute(&self, job: &Job, attempt: &Attempt) -> Result<Output, Failure> {
        let Some(office) = &self.office else {
            // Later: another daemon may have a server, and this one may get it back.
            return Err(Failure::later(MAIL_IS_OFF));
        };
        if let Some(why) = attempt.cancelled() {
            return Err(Failure::cancelled(why, "before the mail was sent"));
        }
        // The task was checked, but perhaps by an older poulpe. No further attempt can mend it.
        let letter = Letter::read(&job.params).map_err(|bad| Failure::never(bad.to_string()))?;
        let content = message::build(&letter, job, attempt.number);
        let recipients = letter.recipients();
        let envelope = Envelope {
            sender: &letter.from.address,
            recipients: recipients.iter().map(|mailbox| &*mailbox.address).collect(),
            is_foreign: letter.has_foreign_address(),
            content: &content,
        };
        office.send(&envelope, attempt)
    }
}

/// The way to the server.
struct Office {
    server: MailServer,
    place: String,
    tls: Tls,
    pool: Pool,
    /// Always there but while it is dropped.
    runtime: Option<Runtime>,
}

impl Office {
    fn new(server: MailServer, workers: usize) -> Result<Self, BadMailConfig> {
        let name = ServerName::try_from(server.host.clone())
            .map_err(|_| BadMailConfig::Host(server.host.clone()))?;
        check_login(&server)?;
        let tls = Tls::new(name, server.ca.as_deref())?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            // It only waits; what is said is said on the threads of the workers.
            .worker_threads(1)
            .thread_name("poulpe-mail")
            .enable_all()
            .build()?;
        Ok(Self {
            place: place(&server),
            server,
            tls,
            pool: Pool::new(workers),
            runtime: Some(runtime),
        })
    }

    /// Runs one attempt on the thread that calls.
    fn send(&self, envelope: &Envelope<'_>, attempt: &Attempt) -> Result<Output, Failure> {
        let Some(runtime) = &self.runtime else {
            return Err(Failure::later("the mail executor is being closed"));
        };
        let limit = attempt.time_left();
        let steps = Steps::default();
        let (stop, stopped) = oneshot::channel();
        let _hook = attempt.on_cancel(move |why| {
            // Nobody listens any more when the mail has just been sent.
            let _ = stop.send(why);
        });
        runtime.block_on(async {
            let deadline = Instant::from_std(attempt.deadline);
            tokio::select! {
                // A verdict that is there counts, whatever else has come meanwhile.
                biased;
                sent = self.deliver(envelope, &steps, runtime) => match sent {
                    Ok(reply) => Ok(Output { status: Some(reply.code.into()), text: reason::words(&reply) }),
                    Err(trouble) => Err(trouble.into_failure(&self.place, &steps.now())),
                },
                Ok(why) = stopped => {
                    let place = &self.place;
                    Err(Failure::cancelled(why, &format!("while {} ({place})", steps.now())))
                }
                () = tokio::time::sleep_until(deadline) => {
                    Err(reason::timed_out(&self.place, &steps.now(), limit))
                }
            }
        })
    }

    /// Sends on an idle connection, or on a new one. When an idle one turns out to be closed before the mail itself was
    /// sent, nothing has been delivered, and it is sent on a new one.
    async fn deliver(
        &self,
        envelope: &Envelope<'_>,
        steps: &Steps,
        runtime: &Runtime,
    ) -> Result<Response<String>, Trouble> {
        if let Some(idle) = self.pool.take() {
            let sent = self.send_on(idle, envelope, steps, runtime).await;
            let was_hung_up = sent.as_ref().is_err_and(Trouble::is_hang_up);
            if !was_hung_up || steps.now() == Step::Content {
                return sent;
            }
        }
        let new = Connection::open(&self.server, &self.tls, steps).await?;
        self.send_on(new, envelope, steps, runtime).await
    }

    async fn send_on(
        &self,
        mut connection: Connection,
        envelope: &Envelope<'_>,
        steps: &Steps,
        runtime: &Runtime,
    ) -> Result<Response<String>, Trouble> {
        let sent = connection.send(envelope, steps).await;
        let is_usable = sent.as_ref().err().is_none_or(Trouble::is_refusal);
        if is_usable {
            self.pool.put(connection, runtime.handle());
        }
        sent
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        let pool = self.pool.clone();
        // On a thread of its own: a runtime can't be waited for inside of another, where an executor may be dropped.
        let parting = std::thread::Builder::new()
            .name("poulpe-mail-end".into())
            .spawn(move || {
                runtime.block_on(pool.close());
                runtime.shutdown_background();
            });
        if let Ok(parting) = parting {
            // It has no panic to tell of.
            let _ = parting.join();
        }
    }
}

fn check_login(server: &MailServer) -> Result<(), BadMailConfig> {
    let Some(login) = &server.login else {
        return Ok(());
    };
    for (what, text) in [("name", &login.name), ("password", &login.password)] {
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(BadMailConfig::Login(what));
        }
    }
    if server.security == Security::None {
        return Err(BadMailConfig::PasswordInClear);
    }
    Ok(())
}

fn place(server: &MailServer) -> String {
    if server.host.contains(':') {
        return format!("[{}]:{}", server.host, server.port);
    }
    format!("{}:{}", server.host, server.port)
}
