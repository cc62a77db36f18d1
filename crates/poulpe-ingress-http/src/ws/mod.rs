//! `GET /ws_task`: tasks come in and results go out over a WebSocket. This file turns a request into a socket and counts
//! the sockets; never speaks on one. Called by the app and then by the connection.
//!
//! A socket is one task: [`socket`] moves messages, [`take`] makes answers of them, [`pulse`] says when a client was
//! silent or slow for too long, [`close`] ends it.

mod access;
mod close;
mod message;
mod pulse;
mod socket;
mod take;
mod told;

use crate::app::App;
use crate::respond::{self, Answered};
use crate::stream::Stream;
use crate::task_in_queue::DRAINING;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use hyper::upgrade::{OnUpgrade, Parts};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

pub(crate) use socket::serve;

/// What is held against made-up messages.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz {
    pub(crate) use super::message::{Message, Named};
    pub(crate) use super::told::{Told, text};
}

/// How many sockets there are.
#[derive(Default)]
pub(crate) struct Sockets(Arc<AtomicUsize>);

/// One of them, while it lives.
struct Place(Arc<AtomicUsize>);

impl Sockets {
    /// How many of so many connections aren't sockets.
    pub(crate) fn others(&self, connections: usize) -> usize {
        connections.saturating_sub(self.0.load(Relaxed))
    }

    fn enter(&self, max: usize) -> Option<Place> {
        let one_more = |now: usize| (now < max).then_some(now + 1);
        let entered = self.0.fetch_update(Relaxed, Relaxed, one_more);
        entered.ok().map(|_| Place(Arc::clone(&self.0)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Whether a connection is to become a socket.
#[derive(Default)]
pub(crate) struct Upgrade(Mutex<Option<(OnUpgrade, Place)>>);

/// A connection that has become a socket: its stream, and what the client has sent already.
pub(crate) struct Opened {
    stream: Stream,
    read: Bytes,
    place: Place,
}

impl Upgrade {
    fn set(&self, upgrade: OnUpgrade, place: Place) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((upgrade, place));
    }

    /// The socket, when HTTP is over on the connection.
    pub(crate) async fn done(&self) -> Option<Opened> {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (upgrade, place) = waiting?;
        // An error: the connection ended before the answer was written.
        let upgraded = upgrade.await.ok()?;
        let Parts { io, read_buf, .. } = upgraded.downcast::<TokioIo<Stream>>().ok()?;
        Some(Opened {
            stream: io.into_inner(),
            read: read_buf,
            place,
        })
    }
}

/// Answers a request for a socket.
pub(crate) fn open(app: &App, mut request: Request<Incoming>, upgrade: &Upgrade) -> Answered {
    if request.method() != Method::GET {
        return respond::wrong_method("GET");
    }
    let protocol = match access::check(&app.guard, &request) {
        Ok(protocol) => protocol,
        Err(refusal) => return *refusal,
    };
    let mut answered = match create_response_with_body(&request, Full::default) {
        Ok(answered) => answered,
        Err(error) => return no_handshake(&error),
    };
    if app.draining() {
        return respond::refuse(StatusCode::SERVICE_UNAVAILABLE, DRAINING);
    }
    let Some(place) = app.sockets.enter(app.config.max_sockets) else {
        let reason = "too many sockets; close some or retry later";
        return respond::refuse(StatusCode::SERVICE_UNAVAILABLE, reason);
    };
    if let Some(protocol) = protocol {
        let headers = answered.headers_mut();
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    upgrade.set(hyper::upgrade::on(&mut request), place);
    answered
}

/// A request that doesn't ask for a socket, or not as it should.
fn no_handshake(error: &Error) -> Answered {
    use ProtocolError::{
        MissingConnectionUpgradeHeader, MissingSecWebSocketVersionHeader,
        MissingUpgradeWebSocketHeader,
    };
    let wants_other = matches!(
        error,
        Error::Protocol(
            MissingConnectionUpgradeHeader
                | MissingUpgradeWebSocketHeader
                | MissingSecWebSocketVersionHeader
        )
    );
    if !wants_other {
        let reason = format!("this is no WebSocket handshake: {error}");
        return respond::refuse(StatusCode::BAD_REQUEST, reason);
    }
    let reason = "this route is a WebSocket, version 13; open it with a WebSocket client";
    let mut answered = respond::refuse(StatusCode::UPGRADE_REQUIRED, reason);
    let headers = answered.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    answered
}
