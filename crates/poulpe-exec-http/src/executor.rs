//! Makes the call of a job and follows its redirects. Never outlasts the attempt's deadline. Registered by the daemon
//! for the kinds GET and POST; one instance serves all workers.

use crate::HttpConfig;
use crate::answer;
use crate::guard::Guard;
use crate::line::{Line, LineConnector};
use crate::names::{Names, system_lookup};
use crate::outgoing::{self, Outgoing};
use crate::reason;
use crate::redirect::{self, MAX_REDIRECTS};
use crate::resolver::GuardedResolver;
use poulpe_core::{Attempt, BadTask, Door, Executor, Failure, Job, Output, Task};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use ureq::http::header::TRANSFER_ENCODING;
use ureq::http::{HeaderMap, Response};
use ureq::tls::TlsConfig;
use ureq::{Agent, AsSendBody, Body, Error};

const USER_AGENT: &str = concat!("poulpe/", env!("CARGO_PKG_VERSION"));

/// Runs jobs of the kinds GET and POST.
#[derive(Debug)]
pub struct HttpExecutor {
    agent: Agent,
    guard: Guard,
    output_limit: usize,
}

impl HttpExecutor {
    /// An executor with its own connections.
    pub fn new(config: HttpConfig) -> Self {
        let guard = Guard::new(config.deny, config.allow);
        // Named, so that no other provider that a program has compiled in can take its place.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let settings = Agent::config_builder()
            .user_agent(USER_AGENT)
            .proxy(None)
            .http_status_as_error(false)
            // Redirects are followed here: ureq refuses to repeat a POST, and sends a job's headers to any host.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(config.workers)
            .max_idle_connections_per_host(config.workers)
            .tls_config(
                TlsConfig::builder()
                    .unversioned_rustls_crypto_provider(provider)
                    .build(),
            )
            .build();
        let resolver = GuardedResolver::new(guard.clone(), Names::new(system_lookup));
        Self {
            agent: Agent::with_parts(settings, LineConnector::default(), resolver),
            guard,
            output_limit: config.output_limit,
        }
    }

    /// Makes calls until one is answered by something else than a redirect.
    fn run(
        &self,
        mut call: Outgoing<'_>,
        attempt: &Attempt,
        line: &Line,
    ) -> Result<Output, Failure> {
        let limit = attempt.time_left();
        for _ in 0..=MAX_REDIRECTS {
            let place = call.target.place();
            let response = self.send(&call, attempt, line).map_err(|error| {
                or_cancelled(reason::no_answer(error, &place, limit), attempt, &place)
            })?;
            let (parts, body) = response.into_parts();
            let next = redirect::find(&call.target, parts.status, &parts.headers)?;
            let is_delimited = is_delimited(&parts.headers, &body);
            let kept = answer::read_body(body.into_reader(), self.output_limit);
            if let Some(next) = next {
                call.redirect(next.target, next.repeats);
                continue;
            }
            #[expect(
                clippy::disallowed_methods,
                reason = "a Retry-After date is a point on the wall clock, and no port hands executors one"
            )]
            let now = SystemTime::now();
            let output = answer::judge(&place, parts.status, &parts.headers, kept.text, now)?;
            let broken = match kept.broken {
                Some(error) => reason::broken_answer(error, &place, limit),
                // Shutting a connection down looks like the end of a body that doesn't say itself where it ends.
                None if !is_delimited && attempt.cancelled().is_some() => Failure::later(""),
                None => return Ok(output),
            };
            return Err(Failure {
                status: output.status,
                output: output.text,
                ..or_cancelled(broken, attempt, &place)
            });
        }
        Err(Failure::later(format!(
            "redirected more than {MAX_REDIRECTS} times, last to {}; is it a circle?",
            call.target.place()
        )))
    }

    /// Sends one request, and sends it again on a new connection when an idle one turns out to be closed: the server
    /// may have closed it just as the request was on its way. Should it have read the request all the same, the target
    /// sees it twice, as jobs that are delivered at least once may be.
    fn send(
        &self,
        call: &Outgoing<'_>,
        attempt: &Attempt,
        line: &Line,
    ) -> Result<Response<Body>, Error> {
        line.begin_call();
        let answer = self.send_once(call, attempt.time_left(), true);
        let was_hung_up = answer.as_ref().is_err_and(reason::is_hang_up);
        let was_idle = !line.connected();
        if was_hung_up && was_idle && attempt.cancelled().is_none() {
            return self.send_once(call, attempt.time_left(), false);
        }
        answer
    }

    fn send_once(
        &self,
        call: &Outgoing<'_>,
        limit: Duration,
        reuse: bool,
    ) -> Result<Response<Body>, Error> {
        match call.body() {
            None => self.send_body(call, (), limit, reuse),
            Some(body) => self.send_body(call, body.as_bytes(), limit, reuse),
        }
    }

    fn send_body(
        &self,
        call: &Outgoing<'_>,
        body: impl AsSendBody,
        limit: Duration,
        reuse: bool,
    ) -> Result<Response<Body>, Error> {
        let mut settings = self
            .agent
            .configure_request(call.request(body))
            .timeout_global(Some(limit));
        if !reuse {
            settings = settings.max_idle_age(Duration::ZERO);
        }
        self.agent.run(settings.build())
    }
}

impl Executor for HttpExecutor {
    fn check(&self, task: &Task, _door: Door) -> Result<(), BadTask> {
        outgoing::check(task, &self.guard)
    }

    fn execute(&self, job: &Job, attempt: &Attempt) -> Result<Output, Failure> {
        if let Some(why) = attempt.cancelled() {
            return Err(Failure::cancelled(why, "before the call began"));
        }
        // The task was checked, but perhaps by an older poulpe. No further attempt can mend it.
        let call =
            Outgoing::of_job(job, attempt.number).map_err(|bad| Failure::never(bad.to_string()))?;
        let line = Line::default();
        let _open = line.open();
        let _hook = attempt.on_cancel({
            let line = line.clone();
            move |_| line.stop()
        });
        self.run(call, attempt, &line)
    }
}

/// Whether a body says itself where it ends.
fn is_delimited(headers: &HeaderMap, body: &Body) -> bool {
    body.content_length().is_some() || headers.contains_key(TRANSFER_ENCODING)
}

/// Cancelling is the reason of whatever broke after it.
fn or_cancelled(failure: Failure, attempt: &Attempt, place: &str) -> Failure {
    match attempt.cancelled() {
        Some(why) => Failure::cancelled(why, &format!("while {place} was called")),
        None => failure,
    }
}
