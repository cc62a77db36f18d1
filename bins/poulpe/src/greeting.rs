//! What the daemon says when it is ready.

use crate::cron_watch::Summary;
use crate::flags::LogForm;
use poulpe_core::StoreStats;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Says where it listens, which store it has, how many workers, what the cron files hold if there are any, and how to try
/// it.
pub(crate) fn greet(
    form: LogForm,
    address: SocketAddr,
    store: &StoreStats,
    workers: u16,
    cron: Option<Summary>,
    has_token: bool,
) {
    let version = env!("CARGO_PKG_VERSION");
    if form == LogForm::Json {
        let (files, schedules) = cron.map(|cron| (cron.files, cron.schedules)).unzip();
        tracing::info!(version, %address, store = store.name, place = store.place, workers, cron_files = files, schedules, "ready");
        return;
    }
    println!("poulpe {version}");
    println!("  listens  http://{address}");
    println!("  store    {}, {}", store.name, store.place);
    println!("  workers  {workers}");
    if let Some(cron) = cron {
        println!("  cron     {cron}");
    }
    println!("  try      {}", try_it(address, has_token));
}

/// A command that works when pasted: poulpe calls itself and waits for the result.
fn try_it(address: SocketAddr, has_token: bool) -> String {
    let host = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let base = format!("http://{}", SocketAddr::new(host, address.port()));
    let token = if has_token {
        " -H \"Authorization: Bearer $POULPE_TOKEN\""
    } else {
        ""
    };
    format!(
        "curl -s{token} {base}/task_in_queue -d '{{\"method\":\"GET\",\"name\":\"{base}/healthz\",\"wait\":5}}'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_to_try_calls_an_address_that_can_be_called() {
        let line = try_it("0.0.0.0:8000".parse().unwrap(), true);
        assert!(
            line.contains("http://127.0.0.1:8000/task_in_queue") && line.contains("Bearer"),
            "{line}"
        );
        assert!(try_it("[::]:1".parse().unwrap(), false).contains("http://[::1]:1/"));
    }
}
