//! One client's connection from its start to its end. Never reads a request or waits for a job; that is the app's.
//! Runs as one task per connection, which the acceptor starts.

use crate::app::App;
use crate::config::{MAX_HEAD_BYTES, READ_BYTES};
use crate::pace::{Overdue, Pace};
use crate::stream::Stream;
use crate::tls::Wire;
use crate::ws::{self, Upgrade};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use poulpe_core::Phase;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tracing::debug;

/// What the stream and the requests of one connection share.
pub(crate) struct Peer {
    pub(crate) app: Arc<App>,
    pub(crate) pace: Pace,
    /// What is left when the connection becomes a socket.
    pub(crate) upgrade: Upgrade,
}

/// Serves a client, in HTTP and then perhaps as a socket.
pub(crate) async fn drive(tcp: TcpStream, app: Arc<App>) {
    // Boxed, so that a socket doesn't go on holding what HTTP needed.
    if let Some(socket) = Box::pin(speak_http(tcp, Arc::clone(&app))).await {
        Box::pin(ws::serve(socket, &app)).await;
    }
}

/// Serves HTTP, after the handshake if there is one to make, until either side closes, the client is too slow, or the
/// shutdown is over; what is left at the end may be a socket.
async fn speak_http(tcp: TcpStream, app: Arc<App>) -> Option<ws::Opened> {
    // Answers are small and single; waiting to fill a packet would only delay them.
    if let Err(error) = tcp.set_nodelay(true) {
        debug!(%error, "can't turn off the delay of small packets");
    }
    let wire = match app.config.tls.clone() {
        None => Wire::Left(tcp),
        // Boxed, so that plain connections needn't have room for the handshake.
        Some(tls) => Box::pin(async { tls.accept(tcp, app.config.header_timeout).await }).await?,
    };
    let mut stop = app.stop.clone();
    let mut stopped = pin!(stop.reached(Phase::Stopped));
    let mut alarm = pin!(sleep_until(Instant::now() + app.config.header_timeout));
    let pace = Pace::new(&app.config);
    let upgrade = Upgrade::default();
    let peer = Arc::new(Peer { app, pace, upgrade });

    let served = Arc::clone(&peer);
    let service = service_fn(move |request| {
        let peer = Arc::clone(&served);
        async move { Ok::<_, Infallible>(peer.app.answer(request, &peer.pace, &peer.upgrade).await) }
    });
    let io = TokioIo::new(Stream::new(wire, Arc::clone(&peer)));
    let connection = protocol().serve_connection(io, service);
    let mut connection = pin!(connection.with_upgrades());

    let mut closing = false;
    let ended = poll_fn(|cx| {
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(ended);
            }
            if !closing && stopped.as_mut().poll(cx).is_ready() {
                closing = true;
                connection.as_mut().graceful_shutdown();
                continue;
            }
            match ready!(poll_overdue(&peer.pace, alarm.as_mut(), cx)) {
                // The reader of the body finds the mark and answers.
                Overdue::Body => {}
                Overdue::Connection => return Poll::Ready(Ok(())),
            }
        }
    });
    if let Err(error) = ended.await {
        debug!(%error, "connection ended by an error");
    }
    peer.upgrade.done().await
}

fn protocol() -> http1::Builder {
    let mut protocol = http1::Builder::new();
    protocol
        // The pace watches the head; hyper would count the rest between requests as part of it.
        .header_read_timeout(None)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(READ_BYTES)
        // Not `pipeline_flush`: it holds an answer back while bytes of a later request are in the buffer, for as long
        // as the request between waits for its job, and for good when those bytes are nonsense.
        // Answers are short: one buffer is cheaper than a vector of two.
        .writev(false);
    protocol
}

/// Ready when the client took too long. The alarm is lazy: it moves to an earlier deadline at once, but to a later
/// one only when it rings, so a busy connection hardly ever touches the timer.
fn poll_overdue(pace: &Pace, mut alarm: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<Overdue> {
    loop {
        let Some(deadline) = pace.deadline() else {
            return Poll::Pending;
        };
        if alarm.deadline() > deadline {
            alarm.as_mut().reset(deadline);
        }
        ready!(alarm.as_mut().poll(cx));
        if alarm.deadline() >= deadline {
            return Poll::Ready(pace.overdue());
        }
        alarm.as_mut().reset(deadline);
    }
}
