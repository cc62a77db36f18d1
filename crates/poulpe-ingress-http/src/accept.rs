//! Takes connections and ends them. Never reads from one, but to turn it away. Runs as one task per door.

use crate::app::App;
use crate::config::{ACCEPT_PAUSE, CLOSE_GRACE, LINGER, MAX_TURNED_AWAY};
use crate::connection::drive;
use poulpe_core::Phase;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use tokio::io::AsyncWrite;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::{debug, error, warn};

/// What clients beyond the limit are told.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
connection: close\r\ncontent-length: 84\r\n\r\n\
{\"result\":\"Fail\",\"reason\":\"too many connections; close some or retry later\",\"id\":\"\"}";

/// Serves until the shutdown is over, then gives open connections a moment to get what is ready for them.
pub(crate) async fn accept(listener: TcpListener, app: Arc<App>) {
    let mut stop = app.stop.clone();
    let mut stopped = pin!(stop.reached(Phase::Stopped));
    let mut connections = JoinSet::new();
    let mut turned_away = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = &mut stopped => break,
            Some(ended) = connections.join_next() => note(ended),
            Some(_) = turned_away.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) if app.sockets.others(connections.len()) < app.config.max_connections => {
                    connections.spawn(drive(tcp, Arc::clone(&app)));
                }
                Ok((tcp, _)) => {
                    debug!(connections = connections.len(), "too many connections, turning one away");
                    // What isn't in TLS, a client of TLS can't read.
                    let can_be_told = app.config.tls.is_none();
                    if can_be_told && turned_away.len() < MAX_TURNED_AWAY {
                        turned_away.spawn(turn_away(tcp));
                    }
                }
                Err(error) => after_error(&error).await,
            },
        }
    }
    drop(listener);
    let all_ended = async {
        while let Some(ended) = connections.join_next().await {
            note(ended);
        }
    };
    if timeout(CLOSE_GRACE, all_ended).await.is_err() {
        debug!("closing connections that didn't end by themselves");
    }
    // Dropping the sets ends what is left.
}

fn note(ended: Result<(), JoinError>) {
    if let Err(panic) = ended {
        error!(%panic, "a request panicked; its connection is closed, the others go on");
    }
}

/// A connection that its client gave up is gone; anything else is want of something, which a retry at once won't cure.
async fn after_error(error: &std::io::Error) {
    let only_that_connection = matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
    );
    if only_that_connection {
        return;
    }
    warn!(%error, "can't accept connections, trying again");
    sleep(ACCEPT_PAUSE).await;
}

/// Says that there is no room, and takes what the client sends so that it can read that.
async fn turn_away(mut tcp: TcpStream) {
    let told = async {
        tcp.writable().await?;
        // The buffer of a new connection is empty: it all fits.
        tcp.try_write(FULL)?;
        poll_fn(|cx| Pin::new(&mut tcp).poll_shutdown(cx)).await?;
        let mut scratch = [0; 1024];
        loop {
            tcp.readable().await?;
            match tcp.try_read(&mut scratch) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err::<(), _>(error),
            }
        }
    };
    if timeout(LINGER, told).await.is_err() {
        debug!("a client that was turned away doesn't close, closing");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_in_the_answer_to_clients_beyond_the_limit_is_right() {
        let text = std::str::from_utf8(FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())));
    }
}
