//! What the daemon says when it is ready.

use crate::cron_watch::Summary;
use crate::flags::LogForm;
use poulpe_core::StoreStats;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where it listens and how.
pub(crate) struct Address {
    pub(crate) scheme: &'static str,
    pub(crate) socket: SocketAddr,
    pub(crate) has_token: bool,
}

/// Says where it listens, which store it has, how many workers, what the cron files hold if there are any, and how to try
/// it.
pub(crate) fn greet(
    form: LogForm,
    address: &Address,
    store: &StoreStats,
    workers: u16,
    cron: Option<Summary>,
) {
    let version = env!("CARGO_PKG_VERSION");
    let Address { scheme, socket, .. } = address;
    if form == LogForm::Json {
        let (files, schedules) = cron.map(|cron| (cron.files, cron.schedules)).unzip();
        tracing::info!(version, scheme, address = %socket, store = store.name, place = store.place, workers, cron_files = files, schedules, "ready");
        return;
    }
    println!("poulpe {version}");
    println!("  listens  {scheme}://{socket}");
    println!("  store    {}, {}", store.name, store.place);
    println!("  workers  {workers}");
    if let Some(cron) = cron {
        println!("  cron     {cron}");
    }
    println!("  try      {}", try_it(address));
}

/// A command that works when pasted: poulpe calls itself and waits for the result.
fn try_it(address: &Address) -> String {
    let host = match address.socket.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let base = SocketAddr::new(host, address.socket.port());
    if address.scheme == "https" {
        // A job of its own would have to trust the certificate.
        return format!("curl -s --cacert \"$CERTIFICATE\" https://{base}/healthz");
    }
    let base = format!("http://{base}");
    let token = if address.has_token {
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
        let try_it = |scheme, socket: &str, has_token| {
            let socket = socket.parse().unwrap();
            try_it(&Address {
                scheme,
                socket,
                has_token,
            })
        };
        let line = try_it("http", "0.0.0.0:8000", true);
        assert!(
            line.contains("http://127.0.0.1:8000/task_in_queue") && line.contains("Bearer"),
            "{line}"
        );
        assert!(try_it("http", "[::]:1", false).contains("http://[::1]:1/"));
        let line = try_it("https", "[::]:1", false);
        assert!(line.contains("https://[::1]:1/healthz"), "{line}");
    }
}
