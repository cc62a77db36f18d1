//! The connection that an attempt is using, so that cancelling the attempt can shut it down. Never touches a
//! connection that has gone back to the pool. Wraps ureq's connections; the executor opens a line for each attempt.
//!
//! ureq runs a call on its caller's thread and tells a connection nothing about whose call it serves, so the line of
//! the running attempt lies in a thread-local.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, ShutdownHandle, Transport,
};

type Socket = Weak<dyn ShutdownHandle>;

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
    socket: Option<Socket>,
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

    fn attach(&self, socket: &Socket) {
        let mut state = self.state();
        if state.stopped {
            shut_down(Some(socket.clone()));
            return;
        }
        state.socket = Some(socket.clone());
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

fn shut_down(socket: Option<Socket>) {
    if let Some(socket) = socket.and_then(|socket| socket.upgrade()) {
        socket.shutdown();
    }
}

fn with_current(act: impl FnOnce(&Line)) {
    CURRENT.with_borrow(|current| {
        if let Some(line) = current {
            act(line);
        }
    });
}

/// ureq's own connector, with each connection on a line.
#[derive(Debug, Default)]
pub(crate) struct LineConnector {
    inner: DefaultConnector,
}

impl Connector<()> for LineConnector {
    type Out = OnLine;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<OnLine>, Error> {
        let seen: Arc<Mutex<Option<Socket>>> = Arc::default();
        let register = {
            let seen = seen.clone();
            move |socket: Socket| {
                // From here on, so that the TLS handshake can be interrupted too.
                with_current(|line| line.attach(&socket));
                *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket);
                Ok(())
            }
        };
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
            register_shutdown: Arc::new(register),
        };
        let Some(inner) = self.inner.connect(&details, chained)? else {
            return Ok(None);
        };
        with_current(|line| line.state().connected = true);
        let socket = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(Some(OnLine { inner, socket }))
    }
}

/// A connection that is on the line of the attempt that uses it.
pub(crate) struct OnLine {
    inner: Box<dyn Transport>,
    socket: Option<Socket>,
}

impl std::fmt::Debug for OnLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl Transport for OnLine {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        // Every call sends before it receives, so this is where an idle connection comes into use.
        if let Some(socket) = &self.socket {
            with_current(|line| line.attach(socket));
        }
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        // Asked right before the connection goes back to the pool: from here on it may be another attempt's.
        with_current(|line| line.state().socket = None);
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}
