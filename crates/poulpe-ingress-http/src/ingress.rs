//! The door as the scheduler's host sees it: takes the port, then serves. Never handles a request itself; that is
//! the app's. Built by the binary or by whoever embeds poulpe.

use crate::app::App;
use crate::auth::Guard;
use crate::config::HttpConfig;
use poulpe_core::{BoxFuture, Ingress, IngressError, Operate, Stop, Submit};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be accepted: a burst of clients at the start; the system caps it.
const BACKLOG: u32 = 4096;

/// The HTTP door, with its port taken.
pub struct HttpIngress {
    listener: TcpListener,
    local_addr: SocketAddr,
    guard: Guard,
    config: HttpConfig,
    operate: Arc<dyn Operate>,
}

/// A port that was taken. Connections wait until a door opens on it.
#[derive(Debug)]
pub struct Port {
    listener: TcpListener,
    local_addr: SocketAddr,
}

impl Port {
    /// Takes the port of a configuration, so that a problem with it shows before anything else starts. Must be called
    /// inside a tokio runtime with network and time enabled. The error says what to change.
    pub fn take(config: &HttpConfig) -> Result<Self, IngressError> {
        let address = SocketAddr::new(config.listen, config.port);
        let taken = listen(address).and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (local_addr, listener) =
            taken.map_err(|error| IngressError(bind_problem(address, &error)))?;
        Ok(Self {
            listener,
            local_addr,
        })
    }
}

impl HttpIngress {
    /// Takes the port and puts a door on it. Connections that come before [`serve`](Ingress::serve) wait for it.
    pub async fn bind(config: HttpConfig, operate: Arc<dyn Operate>) -> Result<Self, IngressError> {
        Self::on(Port::take(&config)?, config, operate)
    }

    /// Puts a door on a port that was taken before.
    pub fn on(
        port: Port,
        config: HttpConfig,
        operate: Arc<dyn Operate>,
    ) -> Result<Self, IngressError> {
        let guard = Guard::new(&config).map_err(IngressError)?;
        let Port {
            listener,
            local_addr,
        } = port;
        Ok(Self {
            listener,
            local_addr,
            guard,
            config,
            operate,
        })
    }

    /// Where it listens; the port is the real one also when 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }
}

impl std::fmt::Debug for HttpIngress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpIngress")
            .field("local_addr", &self.local_addr)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Ingress for HttpIngress {
    fn serve(
        self: Box<Self>,
        submit: Arc<dyn Submit>,
        stop: Stop,
    ) -> BoxFuture<'static, Result<(), IngressError>> {
        Box::pin(async move {
            let Self {
                listener,
                guard,
                config,
                operate,
                ..
            } = *self;
            let app = Arc::new(App::new(config, guard, submit, operate, stop));
            crate::accept::accept(listener, app).await;
            Ok(())
        })
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Otherwise a restart would have to wait for the connections of the previous process to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn bind_problem(address: SocketAddr, error: &std::io::Error) -> String {
    let port = address.port();
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "can't listen on {address}: port {port} is in use; stop the other program, choose another port with \
             --port, or let --port 0 take any free one"
        ),
        ErrorKind::PermissionDenied => format!(
            "can't listen on {address}: port {port} needs privileges; choose one above 1023 with --port"
        ),
        ErrorKind::AddrNotAvailable => format!(
            "can't listen on {address}: this host has no address {}; give one of its own with --listen",
            address.ip()
        ),
        _ => format!("can't listen on {address}: {error}"),
    }
}
