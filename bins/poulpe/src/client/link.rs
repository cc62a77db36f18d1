//! The way to a running daemon: where it is, the token, one request and its answer. Shows nothing.

use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// A daemon whose store works answers within milliseconds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where the daemon is, and how its answers are printed.
#[derive(Debug, Args, Clone)]
pub(crate) struct ClientFlags {
    /// Where the daemon listens.
    #[arg(long, env = "POULPE_URL", default_value = "http://127.0.0.1:8000")]
    pub(crate) url: String,

    /// The daemon's token. Others see the flag in the list of processes: the environment or a file is better.
    #[arg(long, env = "POULPE_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,

    /// Print the daemon's own JSON, for scripts.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Why a command stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The daemon says no; empty if that was printed already.
    Refused(String),
    /// Nobody answers, or somebody else than poulpe.
    Unreachable(String),
}

impl Stop {
    pub(crate) fn refused(reason: impl fmt::Display) -> Self {
        Self::Refused(reason.to_string())
    }
}

/// A daemon to ask.
pub(crate) struct Link {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

impl Link {
    pub(crate) fn new(flags: &ClientFlags) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // What stands for the way out to the net is no way to a daemon beside us.
            .proxy(None)
            .build();
        Self {
            agent: agent.into(),
            base: flags.url.trim_end_matches('/').to_string(),
            token: flags.token.clone(),
        }
    }

    /// The answer to a GET.
    pub(crate) fn get(&self, path: &str) -> Result<(u16, Value), Stop> {
        self.ask("GET", path, None, Duration::ZERO)
    }

    /// The value of a GET that must go well.
    pub(crate) fn value(&self, path: &str) -> Result<Value, Stop> {
        let (status, value) = self.get(path)?;
        if status != 200 {
            return Err(refusal(status, &value));
        }
        Ok(value)
    }

    /// Status and JSON. `wait` is how much longer than usual the answer may take.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
        wait: Duration,
    ) -> Result<(u16, Value), Stop> {
        self.try_ask(method, path, body, wait).map_err(|error| {
            let base = &self.base;
            Stop::Unreachable(format!(
                "no poulpe answers at {base}: {error}; give its address by --url or POULPE_URL"
            ))
        })
    }

    fn try_ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
        wait: Duration,
    ) -> Result<(u16, Value), ureq::Error> {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(body.unwrap_or_default().to_string())?;
        let request = self.agent.configure_request(request);
        let request = request.timeout_global(Some(TIMEOUT + wait)).build();
        let mut response = self.agent.run(request)?;
        let status = response.status().as_u16();
        let text = response
            .body_mut()
            .with_config()
            .limit(u64::MAX)
            .read_to_string()?;
        match serde_json::from_str(&text) {
            Ok(value) => Ok((status, value)),
            Err(_) => {
                let error = std::io::Error::other("something else than poulpe listens there");
                Err(error.into())
            }
        }
    }
}

/// What a refusing answer says.
pub(crate) fn reason(status: u16, answer: &Value) -> String {
    let reason = answer["reason"].as_str();
    match reason.filter(|reason| !reason.is_empty()) {
        Some(reason) => format!("{reason} ({status})"),
        None => format!("the daemon answered {status}"),
    }
}

/// The end of a command whose request was refused.
pub(crate) fn refusal(status: u16, answer: &Value) -> Stop {
    Stop::Refused(reason(status, answer))
}

/// An id as part of a path.
pub(crate) fn id_in_path(id: &str) -> String {
    utf8_percent_encode(id, NON_ALPHANUMERIC).to_string()
}
