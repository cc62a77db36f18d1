//! A WebSocket client made of bytes: it sends right frames and wrong ones, and sees every frame that comes.

use super::{Client, Door, Reply};
use serde_json::Value;

/// Any key will do; this one is the RFC's, so its answer is known.
pub(crate) const KEY: &str = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
pub(crate) const UPGRADE: &str =
    "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n";

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

pub(crate) struct Socket {
    pub(crate) client: Client,
}

impl Door {
    /// An open socket.
    pub(crate) async fn socket(&self) -> Socket {
        let (reply, socket) = self.handshake("/ws_task", "").await;
        let reply = reply.expect(101);
        assert_eq!(reply.header("sec-websocket-accept"), Some(ACCEPT));
        socket
    }

    /// Asks for a socket with more headers.
    pub(crate) async fn handshake(&self, path: &str, headers: &str) -> (Reply, Socket) {
        let mut client = self.client().await;
        client
            .send(format!(
                "GET {path} HTTP/1.1\r\nhost: h\r\n{UPGRADE}{KEY}{headers}\r\n"
            ))
            .await;
        let reply = client.head().await;
        (reply, Socket { client })
    }
}

impl Socket {
    /// A frame with a mask, as a client must send it.
    pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            short @ 0..126 => frame.push(0x80 | short as u8),
            middle @ 126..0x1_0000 => {
                frame.push(0x80 | 126);
                frame.extend((middle as u16).to_be_bytes());
            }
            long => {
                frame.push(0x80 | 127);
                frame.extend((long as u64).to_be_bytes());
            }
        }
        let mask = [1, 2, 3, 4];
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
        frame
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.raw(&Self::frame(0x80 | TEXT, text.as_bytes())).await;
    }

    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        self.client.send(bytes).await;
    }

    /// The next frame that comes: opcode and payload.
    pub(crate) async fn next(&mut self) -> (u8, Vec<u8>) {
        let head = self.client.bytes(2).await;
        assert_eq!(head[0] & 0x70, 0, "reserved bits");
        assert_eq!(head[0] & 0x80, 0x80, "not a whole message");
        assert_eq!(head[1] & 0x80, 0, "a server doesn't mask");
        let length = match head[1] {
            126 => {
                let bytes = self.client.bytes(2).await;
                usize::from(u16::from_be_bytes(bytes.try_into().unwrap()))
            }
            127 => {
                let bytes = self.client.bytes(8).await;
                u64::from_be_bytes(bytes.try_into().unwrap()) as usize
            }
            short => usize::from(short),
        };
        (head[0] & 0x0f, self.client.bytes(length).await)
    }

    /// The next message, as JSON; pings are passed over.
    pub(crate) async fn json(&mut self) -> Value {
        loop {
            let (opcode, payload) = self.next().await;
            match opcode {
                PING => {}
                TEXT => return serde_json::from_slice(&payload).unwrap(),
                other => panic!("opcode {other}: {:?}", String::from_utf8_lossy(&payload)),
            }
        }
    }

    /// The end as the server says it, whatever comes before: code and reason.
    pub(crate) async fn ended(&mut self) -> (u16, String) {
        loop {
            let (opcode, payload) = self.next().await;
            if opcode == CLOSE {
                let code = payload
                    .first_chunk()
                    .map_or(0, |code| u16::from_be_bytes(*code));
                let reason =
                    String::from_utf8(payload.get(2..).unwrap_or_default().into()).unwrap();
                self.client.closed().await;
                return (code, reason);
            }
        }
    }
}
