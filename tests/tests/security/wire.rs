//! Bytes to a daemon, and what comes back. Knows no HTTP beyond the head of an answer, so that it can send what no client
//! would.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// Longer than the longest wait that a daemon allows a client: 30 s for a body.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that came until the daemon closed.
#[derive(Debug)]
pub(crate) struct Reply {
    /// 0 if there was no answer at all.
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn has_header(&self, line: &str) -> bool {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default();
        head.lines()
            .any(|header| header.to_ascii_lowercase().starts_with(line))
    }
}

/// Sends bytes on a connection of their own and reads until the daemon closes; an answer to HEAD or to many requests is all of
/// them.
pub(crate) fn send(url: &str, bytes: &[u8]) -> Reply {
    let mut tcp = TcpStream::connect(url.trim_start_matches("http://")).expect("it listens");
    tcp.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    // The daemon may answer and close before it has all.
    let _ = tcp.write_all(bytes);
    read_to_end(tcp)
}

/// The same, and then no more: the daemon learns that nothing else will come.
pub(crate) fn send_and_end(url: &str, bytes: &[u8]) -> Reply {
    let mut tcp = TcpStream::connect(url.trim_start_matches("http://")).expect("it listens");
    tcp.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let _ = tcp.write_all(bytes);
    let _ = tcp.shutdown(Shutdown::Write);
    read_to_end(tcp)
}

fn read_to_end(mut tcp: TcpStream) -> Reply {
    let mut text = Vec::new();
    // A reset after the answer is an end too.
    if let Err(error) = tcp.read_to_end(&mut text) {
        let is_end = error.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(is_end, "the daemon neither answers nor closes: {error}");
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    let status = text.get(9..12).and_then(|status| status.parse().ok());
    Reply {
        status: status.unwrap_or(0),
        text,
    }
}

/// A request on a connection that is closed after it.
pub(crate) fn request(method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = if body.is_empty() {
        String::new()
    } else {
        format!("content-length: {}\r\n", body.len())
    };
    format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}{length}\r\n{body}")
        .into_bytes()
}
