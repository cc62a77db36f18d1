//! `poulpe cron reset`: asks a running daemon to drive a schedule from now on. Never touches a store itself.

use crate::cron_command::ResetFlags;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;

/// The daemon says no.
const EXIT_REFUSED: u8 = 1;
/// There is no daemon.
const EXIT_UNREACHABLE: u8 = 69;
/// A daemon whose store works answers within milliseconds.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn run(flags: &ResetFlags) -> ExitCode {
    match ask(flags) {
        Ok((200, _)) => {
            println!("{}: driven from now on", flags.id);
            ExitCode::SUCCESS
        }
        Ok((status, reason)) => {
            eprintln!("poulpe cron: {}: {reason} ({status})", flags.id);
            EXIT_REFUSED.into()
        }
        Err(error) => {
            eprintln!(
                "poulpe cron: no poulpe answers at {}: {error}; give its address by --url",
                flags.url
            );
            EXIT_UNREACHABLE.into()
        }
    }
}

/// The status, and the reason if it isn't 200.
fn ask(flags: &ResetFlags) -> Result<(u16, String), ureq::Error> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        // What stands for the way out to the net is no way to a daemon beside us.
        .proxy(None)
        .timeout_global(Some(TIMEOUT))
        .build()
        .into();
    let base = flags.url.trim_end_matches('/');
    let id = utf8_percent_encode(&flags.id, NON_ALPHANUMERIC);
    let mut request = agent.post(format!("{base}/v1/schedules/{id}/reset"));
    if let Some(token) = &flags.token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut response = request.send_empty()?;
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_string()?;
    let answer: Value = serde_json::from_str(&body).unwrap_or_default();
    let is_poulpe = answer["result"].is_string();
    if !is_poulpe {
        let error = std::io::Error::other("something else than poulpe listens there");
        return Err(error.into());
    }
    let reason = answer["reason"].as_str().unwrap_or_default();
    Ok((status, reason.into()))
}
