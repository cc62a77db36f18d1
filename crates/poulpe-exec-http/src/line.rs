//! The connection that an attempt is using, so that cancelling the attempt can shut it down. Never touches a
//! connection that has gone back to the pool. Wraps ureq's connections; the executor opens a line for each attempt.
//!
//! ureq runs a call on its caller's thread and tells a connection nothing about whose call it serves, so the line of
//! the running attempt lies in a thread-local.

use crate::socket::Socket;
use std::cell::RefCell;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ChainedConnector, ConnectionDetails, Connector, LazyBuffers, NextTimeout,
    RustlsConnector, Transport,
};

thread_local! {
    static CURRENT: RefCell<Option<Line>> = const { RefCell::new(None) };
}

/// What an attempt is connected to. A clone is the same line.
#[derive(Clone, Default)]
pub(crate) struct Line {
    state: Arc<Mutex<LineState>>,
}

#[derive(Default)]
struct LineState {
    stopped: bool,
    connected: bool,
    socket: Option<Weak<TcpStream>>,
}

/// Ends the use of a line on this thread when dropped.
pub(crate) struct OpenLine(());

impl Line {
    /// Makes this the line of all calls on this thread until the guard is dropped.
    pub(crate) fn open(&self) -> OpenLine {
        CURRENT.set(Some(self.clone()));
        OpenLine(())
    }

    /// Shuts down the connection in use, and every later one. Doesn't block.
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.stopped = true;
        shut_down(state.socket.take());
    }

    /// Forgets that a connection was made.
    pub(crate) fn begin_call(&self) {
        self.state().connected = false;
    }

    /// Whether the call made a connection, rather than being given an idle one.
    pub(crate) fn connected(&self) -> bool {
        self.state().connected
    }

    fn attach(&self, socket: &Arc<TcpStream>) {
        let mut state = self.state();
        state.socket = Some(Arc::downgrade(socket));
        if state.stopped {
            shut_down(state.socket.take());
        }
    }

    fn state(&self) -> MutexGuard<'_, LineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenLine {
    fn drop(&mut self) {
        with_current(|line| line.state().socket = None);
        CURRENT.set(None);
    }
}

fn shut_down(socket: Option<Weak<TcpStream>>) {
    if let Some(socket) = socket.and_then(|socket| socket.upgrade()) {
        // An error only says that it is closed already.
        let _ = socket.shutdown(Shutdown::Both);
    }
}

fn with_current(act: impl FnOnce(&Line)) {
    CURRENT.with_borrow(|current| {
        if let Some(line) = current {
            act(line);
        }
    });
}

/// Connections by TCP, each on a line, with TLS over it where the URL says so.
#[derive(Debug)]
pub(crate) struct LineConnector {
    inner: ChainedConnector<(), TcpConnector, RustlsConnector>,
}

impl Default for LineConnector {
    fn default() -> Self {
        Self {
            inner: TcpConnector.chain(RustlsConnector::default()),
        }
    }
}

impl Connector<()> for LineConnector {
    type Out = <ChainedConnector<(), TcpConnector, RustlsConnector> as Connector<()>>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let details = ConnectionDetails {
            uri: details.uri,
            addrs: details.addrs.clone(),
            config: details.config,
            // Calls differ in their time limit only. Said to be the agent's own settings, they share one TLS
            // configuration instead of building it, roots and all, for each connection.
            request_level: false,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        let connection = self.inner.connect(&details, chained)?;
        with_current(|line| line.state().connected = true);
        Ok(connection)
    }
}

/// Connects by TCP.
#[derive(Debug)]
pub(crate) struct TcpConnector;

impl Connector<()> for TcpConnector {
    type Out = OnLine;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _chained: Option<()>,
    ) -> Result<Option<OnLine>, Error> {
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        let socket = Socket::connect(&details.addrs, details.timeout, buffers)?;
        // From here on, so that the TLS handshake can be interrupted too.
        with_current(|line| line.attach(socket.stream()));
        Ok(Some(OnLine(socket)))
    }
}

/// A connection that is on the line of the attempt that uses it.
#[derive(Debug)]
pub(crate) struct OnLine(Socket);

impl Transport for OnLine {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        // Every call sends before it receives, so this is where an idle connection comes into use.
        with_current(|line| line.attach(self.0.stream()));
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.0.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        // Asked right before the connection goes back to the pool: from here on it may be another attempt's.
        with_current(|line| line.state().socket = None);
        self.0.is_open()
    }
}
