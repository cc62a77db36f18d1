//! A small WebSocket client that keeps sockets busy: so many tasks under way on each, one message a task.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Submits `count` tasks over `sockets`, at most `window` of each under way, and gives the time until every one was
/// acknowledged and answered with its result.
pub async fn load_sockets(
    address: SocketAddr,
    sockets: usize,
    window: usize,
    count: usize,
    task: impl Fn(usize) -> String + Send + Sync + 'static,
) -> Duration {
    let task = Arc::new(task);
    let each = count / sockets;
    let start = Instant::now();
    let clients: Vec<_> = (0..sockets)
        .map(|socket| {
            let task = task.clone();
            tokio::spawn(async move {
                let numbers = socket * each..(socket + 1) * each;
                client(address, window, numbers, &*task).await;
            })
        })
        .collect();
    for client in clients {
        client.await.expect("no panic");
    }
    start.elapsed()
}

async fn client(
    address: SocketAddr,
    window: usize,
    mut numbers: std::ops::Range<usize>,
    task: &(impl Fn(usize) -> String + Send + Sync),
) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let _ = stream.set_nodelay(true);
    let ask = "GET /ws_task HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
               sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(ask.as_bytes()).await.expect("a write");
    let mut read = Vec::new();
    let end = loop {
        stream.read_buf(&mut read).await.expect("a read");
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    assert!(read.starts_with(b"HTTP/1.1 101"), "no socket");
    read.drain(..end);

    let (mut under_way, mut accepted, mut answered) = (0, 0, 0);
    let all = numbers.len();
    let mut out = Vec::new();
    while answered < all {
        while under_way < window {
            let Some(number) = numbers.next() else { break };
            frame(&mut out, task(number).as_bytes());
            under_way += 1;
        }
        if !out.is_empty() {
            stream.write_all(&out).await.expect("a write");
            out.clear();
        }
        stream.read_buf(&mut read).await.expect("a read");
        let mut seen = 0;
        while let Some((message, rest)) = message(&read[seen..]) {
            assert!(message.starts_with(br#"{"result":"OK""#), "{message:?}");
            // Only results have this; the id stands before it.
            if message.windows(11).any(|some| some == b"finished_at") {
                answered += 1;
                under_way -= 1;
            } else {
                accepted += 1;
            }
            assert!(answered <= accepted, "a result before its acknowledgement");
            seen += rest;
        }
        read.drain(..seen);
    }
    assert_eq!(accepted, all);
}

/// A text message of at most 65,535 bytes. The mask is all zeros, which leaves the bytes as they are.
fn frame(out: &mut Vec<u8>, text: &[u8]) {
    out.push(0x81);
    match text.len() {
        short @ 0..126 => out.push(0x80 | short as u8),
        middle => {
            out.push(0x80 | 126);
            out.extend((middle as u16).to_be_bytes());
        }
    }
    out.extend([0; 4]);
    out.extend(text);
}

/// The first message and how long it is with its head, if it is there in whole.
fn message(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (head, length) = match bytes.get(1)? {
        126 => (
            4,
            usize::from(u16::from_be_bytes(*bytes.get(2..4)?.first_chunk()?)),
        ),
        127 => panic!("an answer of 64 KiB"),
        short => (2, usize::from(*short)),
    };
    let message = bytes.get(head..head + length)?;
    Some((message, head + length))
}
