//! A client's stream of bytes, plain or secret, telling the connection's pace what moves. Never looks at the bytes. Closes so that the last
//! answer arrives: it says the end, then takes what the client still sends before it lets go.

use crate::config::LINGER_BYTES;
use crate::connection::Peer;
use crate::tls::Wire;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes thrown away at a time.
const SCRATCH_BYTES: usize = 8 * 1024;

pub(crate) struct Stream {
    wire: Wire,
    peer: Arc<Peer>,
    /// The client doesn't take what we write.
    stalled: bool,
    /// We said the end.
    ended: bool,
    /// How much was thrown away since.
    discarded: usize,
}

impl Stream {
    pub(crate) fn new(wire: Wire, peer: Arc<Peer>) -> Self {
        Self {
            wire,
            peer,
            stalled: false,
            ended: false,
            discarded: 0,
        }
    }

    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut scratch = [0; SCRATCH_BYTES];
        while self.discarded < LINGER_BYTES {
            let mut buffer = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut self.wire).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                break;
            }
            self.discarded += buffer.filled().len();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.wire).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.peer.pace.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.wire).poll_write(cx, bytes);
        if written.is_ready() && self.stalled {
            self.peer.pace.taken();
        }
        self.stalled = written.is_pending();
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.ended {
            ready!(Pin::new(&mut self.wire).poll_shutdown(cx))?;
            self.ended = true;
            self.peer.pace.closing();
        }
        if !self.peer.pace.body_unread() {
            return Poll::Ready(Ok(()));
        }
        self.poll_discard(cx)
    }
}
