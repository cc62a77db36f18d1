//! Sockets that are ended, by whom, and with which code and reason.

mod common;

use common::{Door, Socket, config, soon};
use poulpe_core::{Outcome, Phase};
use serde_json::json;
use std::time::Duration;

fn task(id: &str) -> String {
    json!({"id": id, "method": "GET", "name": "x"}).to_string()
}

#[tokio::test]
async fn frames_that_break_the_protocol_end_the_socket_after_what_came_before() {
    let door = Door::open().await;
    let unmasked = b"\x81\x02{}".to_vec();
    for (frame, code, reason) in [
        (unmasked, 1002, "unmasked"),
        (Socket::frame(0x82, b"{}"), 1003, "text"),
        (Socket::frame(0x81, b"\xff\xfe"), 1007, "UTF-8"),
        (Socket::frame(0xc1, b"{}"), 1002, "eserved"),
        (Socket::frame(0x83, b"{}"), 1002, ""),
        (Socket::frame(0x80, b"{}"), 1002, ""),
        (Socket::frame(0x09, b"fragmented ping"), 1002, ""),
        (Socket::frame(0x89, &[b'x'; 126]), 1002, ""),
    ] {
        let mut socket = door.socket().await;
        socket.send("[]").await;
        socket.raw(&frame).await;
        let first = socket.json().await;
        assert_eq!(first, json!([]), "what came before is answered");
        let (told, why) = socket.ended().await;
        let holds = why.to_lowercase().contains(&reason.to_lowercase());
        assert!(told == code && holds, "{frame:02x?}: {told} {why:?}");
    }
}

#[tokio::test]
async fn a_message_beyond_the_limit_ends_the_socket_before_it_is_read() {
    let door = Door::open().await;
    let too_long = (16 * 1024 * 1024 + 1_u64).to_be_bytes();
    let mut socket = door.socket().await;
    socket
        .raw(&[&[0x81, 0xff][..], &too_long, &[1, 2, 3, 4]].concat())
        .await;
    let (code, reason) = socket.ended().await;
    assert!(
        code == 1009 && reason.contains("at most 16777216"),
        "{code} {reason}"
    );
    // In pieces too.
    let mut socket = door.socket().await;
    let piece = vec![b' '; 9 * 1024 * 1024];
    socket.raw(&Socket::frame(0x01, &piece)).await;
    socket.raw(&Socket::frame(0x80, &piece)).await;
    assert_eq!(socket.ended().await.0, 1009);
}

#[tokio::test]
async fn a_single_task_beyond_its_limit_is_refused_and_the_socket_goes_on() {
    let door = Door::open().await;
    let mut socket = door.socket().await;
    let params = "x".repeat(1024 * 1024);
    let large = json!({"id": "a", "method": "GET", "name": "x", "params": params});
    socket.send(&large.to_string()).await;
    let refused = socket.json().await;
    assert!(
        refused["reason"]
            .as_str()
            .unwrap()
            .contains("at most 1048576 bytes")
    );
    socket.send(&json!([large]).to_string()).await;
    assert_eq!(socket.json().await[0]["result"], "OK");
}

#[tokio::test]
async fn a_message_in_pieces_is_one_and_pings_between_them_are_answered() {
    let door = Door::open().await;
    let mut socket = door.socket().await;
    let text = task("a");
    let (start, end) = text.as_bytes().split_at(5);
    socket.raw(&Socket::frame(0x01, start)).await;
    socket.raw(&Socket::frame(0x89, b"there?")).await;
    assert_eq!(socket.next().await, (common::PONG, b"there?".to_vec()));
    socket.raw(&Socket::frame(0x80, end)).await;
    assert_eq!(socket.json().await["id"], "a");
}

#[tokio::test]
async fn a_close_is_answered_and_what_came_before_it_is_taken() {
    let door = Door::open().await;
    let mut socket = door.socket().await;
    let close = Socket::frame(0x88, &1000_u16.to_be_bytes());
    let both = [Socket::frame(0x81, task("a").as_bytes()), close].concat();
    socket.raw(&both).await;
    let (code, _) = socket.ended().await;
    assert_eq!(code, 1000);
    soon(async {
        while door.fake.ids() != ["a"] {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_answers_along_and_nothing_else() {
    let door = Door::open().await;
    let mut socket = door.socket().await;
    socket.send(&task("a")).await;
    socket.json().await;
    door.fake.followers(1).await;
    drop(socket);
    door.fake.followers(0).await;
    door.fake.end("a", Outcome::Ok);
    let result = door.get("/task_resp/a").await.expect(200);
    assert_eq!(result.json()["state"], "done");
}

#[tokio::test]
async fn a_silent_client_is_asked_and_then_given_up_and_one_that_answers_is_not() {
    let mut config = config();
    config.idle_timeout = Duration::from_millis(300);
    let door = Door::with(config).await;
    let mut silent = door.socket().await;
    let mut answers = door.socket().await;
    for _ in 0..6 {
        let (opcode, payload) = answers.next().await;
        assert_eq!(opcode, 9, "a ping");
        answers.raw(&Socket::frame(0x8a, &payload)).await;
    }
    assert_eq!(silent.next().await.0, 9, "a ping");
    let (code, reason) = silent.ended().await;
    assert!(code == 1008 && reason.contains("pong"), "{code} {reason}");
    answers.send("[]").await;
    assert_eq!(answers.json().await, json!([]));
}

#[tokio::test]
async fn what_waits_for_a_client_that_does_not_read_is_bounded_and_the_client_cut() {
    let mut config = config();
    config.write_timeout = Duration::from_millis(300);
    let door = Door::with(config).await;
    let mut slow = door.socket().await;
    // Each message is answered with one as long.
    let messages = Socket::frame(0x81, &[b'x'; 120]).repeat(100);
    let mut sent = 0;
    // The system's buffers in both directions hold some MB.
    loop {
        let rest = &messages[sent % messages.len()..];
        let write = tokio::io::AsyncWriteExt::write(&mut slow.client.tcp, rest);
        let Ok(count) = tokio::time::timeout(Duration::from_millis(500), write).await else {
            break;
        };
        let count = count.expect("the socket is open");
        sent += count;
        assert!(sent < 64 * 1024 * 1024, "the answers pile up");
    }
    let (code, reason) = slow.ended().await;
    assert!(
        code == 1008 && reason.contains("not read"),
        "{code} {reason}"
    );
    let mut other = door.socket().await;
    other.send("[]").await;
    assert_eq!(other.json().await, json!([]));
}

#[tokio::test]
async fn a_socket_beyond_the_limit_is_refused_until_one_ends() {
    let mut config = config();
    (config.max_sockets, config.max_connections) = (1, 1);
    let door = Door::with(config).await;
    let first = door.socket().await;
    let (refused, rest) = door.handshake("/ws_task", "").await;
    assert_eq!(refused.expect(503).header("retry-after"), Some("1"));
    drop((first, rest));
    soon(async {
        loop {
            let mut client = door.client().await;
            let asked = format!(
                "GET /ws_task HTTP/1.1\r\nhost: h\r\n{}{}\r\n",
                common::UPGRADE,
                common::KEY
            );
            client.send(asked).await;
            if client.head().await.status == 101 {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn while_draining_tasks_are_refused_and_results_told() {
    let door = Door::open().await;
    let mut socket = door.socket().await;
    socket.send(&task("a")).await;
    socket.json().await;
    door.fake.followers(1).await;
    door.stop.advance(Phase::Draining);
    socket.send(&task("b")).await;
    let refused = socket.json().await;
    assert_eq!(
        (&refused["result"], &refused["id"]),
        (&json!("Fail"), &json!("b"))
    );
    assert!(
        refused["reason"]
            .as_str()
            .unwrap()
            .contains("shutting down")
    );
    door.fake.end("a", Outcome::Ok);
    assert_eq!(socket.json().await["state"], "done");
    let (reply, _) = door.handshake("/ws_task", "").await;
    reply.expect(503);
}

#[tokio::test]
async fn once_stopped_what_is_ready_is_told_and_the_socket_closed() {
    let door = Door::open().await;
    let mut socket = door.socket().await;
    socket.send(&task("a")).await;
    socket.send(&task("b")).await;
    socket.json().await;
    socket.json().await;
    door.fake.followers(2).await;
    let rests = door.socket().await;
    door.fake.end("a", Outcome::Ok);
    door.stop.advance(Phase::Stopped);
    let ended = socket.json().await;
    assert_eq!(
        (&ended["id"], &ended["state"]),
        (&json!("a"), &json!("done"))
    );
    for mut one in [socket, rests] {
        let (code, reason) = one.ended().await;
        assert!(
            code == 1001 && reason.contains("shutting down"),
            "{code} {reason}"
        );
    }
    soon(door.served).await.unwrap().unwrap();
}
