//! Servers that hang, trickle, or send too much.

use crate::server::{Connection, Server, answer, ok};
use crate::{LONG, executor, get, run};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use std::sync::mpsc;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(300);
const KEPT: usize = 64 * 1024;

/// The reason of an attempt that has `SHORT` of time, after seeing that it took that long and not much longer.
fn timed_out(serve: impl Fn(&mut Connection) + Send + Sync + 'static) -> String {
    let server = Server::start(serve);
    let start = Instant::now();
    let failure = run(&executor(), get(&server.url("/"), ""), SHORT).unwrap_err();
    let took = start.elapsed();
    assert!(
        took >= SHORT - Duration::from_millis(10),
        "{took:?}: {failure:?}"
    );
    assert!(took < SHORT * 5, "{took:?}: {failure:?}");
    failure.reason.replace(&server.place(), "PLACE")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the server's slowness is what is tested"
)]
fn dawdle(time: Duration) {
    std::thread::sleep(time);
}

/// A byte each 50 ms, as long as the client takes them.
fn trickle(connection: &mut Connection, byte: &[u8]) {
    while connection.write(byte) {
        dawdle(Duration::from_millis(50));
    }
}

#[test]
fn a_server_that_hangs_is_left_at_the_deadline() {
    let reason = timed_out(Connection::hang);
    assert_eq!(reason, "no answer from PLACE within 0.3 s");
}

#[test]
fn a_server_that_trickles_headers_is_left_at_the_deadline() {
    let reason = timed_out(|connection| {
        connection.write(b"HTTP/1.1 200 OK\r\nX: ");
        trickle(connection, b"x");
    });
    assert_eq!(reason, "no answer from PLACE within 0.3 s");
}

#[test]
fn a_server_that_trickles_its_body_is_left_at_the_deadline() {
    for head in ["Content-Length: 1000", "Transfer-Encoding: chunked", "X: y"] {
        let byte: &[u8] = if head.ends_with("chunked") {
            b"1\r\nx\r\n"
        } else {
            b"x"
        };
        let reason = timed_out(move |connection| {
            connection.write(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n").as_bytes());
            trickle(connection, byte);
        });
        assert_eq!(
            reason, "no complete answer from PLACE within 0.3 s",
            "{head}"
        );
    }
}

#[test]
fn a_redirect_does_not_renew_the_deadline() {
    // Were it renewed, the circle would be noticed first.
    let reason = timed_out(|connection| {
        while connection.read().is_some() {
            dawdle(SHORT / 2);
            connection.write(&answer("302 Found", "Location: /\r\n", ""));
        }
    });
    assert_eq!(reason, "no answer from PLACE within 0.3 s");
}

#[test]
fn of_a_huge_body_only_the_start_is_read() {
    let (sent, received) = mpsc::channel();
    let server = Server::start(move |connection| {
        connection.read();
        connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
        let megabyte = vec![b'x'; 1_000_000];
        let written = (0..100).take_while(|_| connection.write(&megabyte)).count();
        sent.send(written).unwrap();
    });
    let output = run(&executor(), get(&server.url("/"), ""), LONG).unwrap();
    assert_eq!(output.text, "x".repeat(KEPT));
    assert!(received.recv_timeout(LONG).unwrap() < 100);
}

#[test]
fn a_body_of_just_the_limit_is_read_to_its_end() {
    let server = Server::always(ok("x".repeat(KEPT)));
    let executor = executor();
    for _ in 0..3 {
        let output = run(&executor, get(&server.url("/"), ""), LONG).unwrap();
        assert_eq!(output.text.len(), KEPT);
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_gzip_bomb_is_not_unpacked() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..200 {
        encoder.write_all(&vec![b'0'; 1_000_000]).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    let gzip = "Content-Encoding: gzip\r\n";
    let server = Server::always(answer("200 OK", gzip, bomb));
    let output = run(&executor(), get(&server.url("/"), ""), LONG).unwrap();
    assert_eq!(output.text, "0".repeat(KEPT));
}
