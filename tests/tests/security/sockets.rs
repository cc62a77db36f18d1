//! Hostile sockets: handshakes that must not become one, and frames that must end one.

use crate::wire::send;
use poulpe_tests::Home;
use serde_json::json;
use std::collections::BTreeSet;

const UPGRADE: &str = "connection: upgrade, close\r\nupgrade: websocket\r\n";
const VERSION: &str = "sec-websocket-version: 13\r\n";
const KEY: &str = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn ask(path: &str, headers: &[&str]) -> Vec<u8> {
    let headers = headers.concat();
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n").into_bytes()
}

/// A handshake as it should be, with these headers more.
fn with(headers: &str) -> Vec<u8> {
    ask("/ws_task", &[UPGRADE, VERSION, KEY, headers])
}

/// The check, what is sent, the status, and what is said.
fn handshakes() -> Vec<(&'static str, Vec<u8>, u16, &'static str)> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let other_host = text(with("")).replace("localhost", "evil.example");
    let old = text(with("")).replace("HTTP/1.1", "HTTP/1.0");
    let closed = "connection: close\r\n";
    let other_version = "sec-websocket-version: 8\r\n";
    vec![
        (
            "page of another site",
            with("origin: https://evil.example\r\n"),
            403,
            "a page of another site",
        ),
        (
            "page without a site",
            with("origin: null\r\n"),
            403,
            "a page of another site",
        ),
        (
            "name that leads to the loopback",
            other_host.into(),
            421,
            "known by that name",
        ),
        (
            "no upgrade",
            ask("/ws_task", &[closed, VERSION, KEY]),
            426,
            "this route is a WebSocket",
        ),
        (
            "another version",
            ask("/ws_task", &[UPGRADE, other_version, KEY]),
            426,
            "version 13",
        ),
        (
            "no key",
            ask("/ws_task", &[UPGRADE, VERSION]),
            400,
            "No \\\"Sec-WebSocket-Key\\\"",
        ),
        ("version of HTTP", old.into(), 400, "HTTP version must be"),
    ]
}

/// The check, the bytes of the frame, and what the good-bye says.
fn frames() -> Vec<(&'static str, &'static [u8], &'static str)> {
    vec![
        ("no mask", b"\x81\x02{}", "unmasked frame"),
        ("reserved bits", b"\xc1\x82\0\0\0\0{}", "Reserved bits"),
        ("kind of a frame", b"\x83\x82\0\0\0\0{}", "invalid opcode"),
        (
            "ping in pieces",
            b"\x09\x80\0\0\0\0",
            "Fragmented control frame",
        ),
        ("text that isn't", b"\x81\x81\0\0\0\0\xff", "must be UTF-8"),
        (
            "end without a start",
            b"\x80\x82\0\0\0\0{}",
            "nothing to continue",
        ),
        (
            "start within a message",
            b"\x01\x82\0\0\0\0{}\x81\x82\0\0\0\0{}",
            "waiting for more fragments",
        ),
        (
            "size of a message",
            b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
            "16777216 bytes",
        ),
        ("binary message", b"\x82\x82\0\0\0\0{}", "not as binary"),
        (
            "half a code in a good-bye",
            b"\x88\x81\0\0\0\0a",
            "Invalid close sequence",
        ),
    ]
}

#[test]
fn every_hostile_socket_is_refused_or_ended_with_the_reason() {
    let home = Home::new();
    let daemon = home.start(&[]);
    let mut checks = BTreeSet::new();
    let mut passed = Vec::new();
    for (check, bytes, status, says) in handshakes() {
        assert!(checks.insert(check), "two rows for {check}");
        let reply = send(&daemon.url, &bytes);
        if reply.status != status || !reply.text.contains(says) {
            passed.push(format!("{check}: {reply:?}"));
        }
    }
    for (check, frame, says) in frames() {
        assert!(checks.insert(check), "two rows for {check}");
        let reply = send(&daemon.url, &[&with("")[..], frame].concat());
        if reply.status != 101 || !reply.text.contains(says) {
            passed.push(format!("{check}: {reply:?}"));
        }
    }
    assert!(passed.is_empty(), "{}", passed.join("\n"));
    assert_eq!(daemon.get("/v1/jobs").json["jobs"], json!([]));
}

#[test]
fn with_tokens_a_socket_takes_one_that_may_submit() {
    let home = Home::new();
    let tokens = "ci submit s3cret-submit\nboard read s3cret-read\n";
    std::fs::write(home.path().join("tokens"), tokens).expect("a file");
    let daemon = home.start(&["--token_file", "tokens"]);
    let query = |secret: &str| {
        ask(
            &format!("/ws_task?token={secret}"),
            &[UPGRADE, VERSION, KEY],
        )
    };
    for (check, bytes, status) in [
        ("no token", with(""), 401),
        ("wrong token in the URL", query("s3cret"), 401),
        (
            "wrong token as a protocol",
            with("sec-websocket-protocol: token.czNjcmV0\r\n"),
            401,
        ),
        (
            "wrong header beside the right URL",
            {
                let wrong = "authorization: Bearer s3cret\r\n";
                ask(
                    "/ws_task?token=s3cret-submit",
                    &[UPGRADE, VERSION, KEY, wrong],
                )
            },
            401,
        ),
        ("role", query("s3cret-read"), 403),
    ] {
        let reply = send(&daemon.url, &bytes);
        assert_eq!(reply.status, status, "{check}: {reply:?}");
    }
    // A good-bye of the client's, so that the connection ends.
    let reply = send(
        &daemon.url,
        &[&query("s3cret-submit")[..], b"\x88\x80\0\0\0\0"].concat(),
    );
    assert_eq!(reply.status, 101, "{reply:?}");
    assert!(!home.log().contains("s3cret"), "{}", home.log());
}
