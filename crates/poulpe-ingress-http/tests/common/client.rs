//! A client that writes what it is told, byte for byte, and reads answers.

use super::soon;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Client {
    pub(crate) tcp: TcpStream,
    read: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e} in {self:?}"))
    }

    pub(crate) fn reason(&self) -> String {
        self.json()["reason"].as_str().unwrap_or_default().into()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Asserts the status; the whole answer shows when it is another.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

impl Client {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        let tcp = soon(TcpStream::connect(addr)).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let read = Vec::new();
        Self { tcp, read }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.tcp.write_all(bytes.as_ref())).await.unwrap();
    }

    pub(crate) async fn request(&mut self, method: &str, path: &str, body: &str) -> Reply {
        self.request_with(method, path, "", body).await
    }

    /// `headers`: whole lines.
    pub(crate) async fn request_with(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Reply {
        let length = body.len();
        self.send(format!(
            "{method} {path} HTTP/1.1\r\nhost: h\r\n{headers}content-length: {length}\r\n\r\n{body}"
        ))
        .await;
        if method == "HEAD" {
            return self.head().await;
        }
        self.reply().await
    }

    /// The head of the next answer, taken as the whole of it.
    pub(crate) async fn head(&mut self) -> Reply {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await;
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let status = head[9..12].parse().unwrap();
        Reply {
            status,
            head,
            body: Vec::new(),
        }
    }

    /// The next answer.
    pub(crate) async fn reply(&mut self) -> Reply {
        let mut reply = self.head().await;
        let length = reply
            .header("content-length")
            .map_or(0, |n| n.parse().unwrap());
        while self.read.len() < length {
            self.more().await;
        }
        reply.body = self.read.drain(..length).collect();
        reply
    }

    /// Returns when the server has closed; panics if it still says something.
    pub(crate) async fn closed(&mut self) {
        assert!(self.read.is_empty());
        let mut byte = [0];
        match soon(self.tcp.read(&mut byte)).await {
            Ok(0) | Err(_) => {}
            Ok(_) => panic!("the server says more"),
        }
    }

    /// The next so many bytes, whatever they are.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count {
            self.more().await;
        }
        self.read.drain(..count).collect()
    }

    async fn more(&mut self) {
        let count = soon(self.tcp.read_buf(&mut self.read)).await.unwrap();
        let so_far = String::from_utf8_lossy(&self.read);
        assert!(count > 0, "closed after {so_far:?}");
    }
}
