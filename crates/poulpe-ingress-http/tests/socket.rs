//! `GET /ws_task`: what is answered, in which order, and to whom.

mod common;

use common::{Door, Socket, config};
use poulpe_core::{JobId, Outcome, State};
use serde_json::{Value, json};
use std::sync::atomic::Ordering::Relaxed;

fn task(id: &str) -> String {
    json!({"id": id, "method": "GET", "name": "x"}).to_string()
}

fn is(told: &Value, result: &str, id: &str) {
    assert_eq!(
        (&told["result"], &told["id"], &told["request_id"]),
        (&json!(result), &json!(id), &json!(id)),
        "{told}"
    );
}

#[tokio::test]
async fn a_task_is_acknowledged_and_answered_with_its_result() {
    let door = Door::open().await;
    let mut socket = door.socket().await;
    socket.send(&task("a")).await;
    let accepted = socket.json().await;
    is(&accepted, "OK", "a");
    assert_eq!(
        (&accepted["reason"], &accepted["state"]),
        (&json!("accepted"), &json!("ready"))
    );
    assert!(accepted["finished_at"].is_null());
    door.fake.followers(1).await;
    door.fake.end("a", Outcome::Ok);
    let ended = socket.json().await;
    is(&ended, "OK", "a");
    assert_eq!(ended["output"], "done it");
    assert_eq!(ended["finished_at"], "1970-01-01T00:00:02.000Z");
    door.fake.followers(0).await;
    let view = door.get("/v1/jobs/a").await.expect(200).json();
    assert_eq!(view["door"], "websocket");
}

#[tokio::test]
async fn acknowledgements_come_in_the_order_of_the_messages_and_results_as_jobs_end() {
    let door = Door::open().await;
    let mut socket = door.socket().await;
    let messages = [
        task("a"),
        "{".into(),
        json!({"id": "bad", "method": "GET"}).to_string(),
        json!([{"id": "b", "method": "GET", "name": "x"}, {"id": "c", "name": "x"}]).to_string(),
        json!({"watch": "a"}).to_string(),
        json!({"watch": "nope"}).to_string(),
        "[]".into(),
        task("d"),
    ];
    let frames = messages.map(|text| Socket::frame(0x81, text.as_bytes()));
    socket.raw(&frames.concat()).await;
    is(&socket.json().await, "OK", "a");
    is(&socket.json().await, "Fail", "");
    let bad = socket.json().await;
    is(&bad, "Fail", "bad");
    assert!(bad["reason"].as_str().unwrap().contains("`name`"));
    let both = socket.json().await;
    is(&both[0], "OK", "b");
    is(&both[1], "Fail", "c");
    let watching = socket.json().await;
    is(&watching, "OK", "a");
    assert_eq!(watching["reason"], "watching");
    let unknown = socket.json().await;
    is(&unknown, "Fail", "nope");
    assert!(
        unknown["reason"]
            .as_str()
            .unwrap()
            .contains("no job has this id")
    );
    assert_eq!(socket.json().await, json!([]));
    is(&socket.json().await, "OK", "d");
    door.fake.followers(3).await;
    for (id, outcome, result) in [
        ("d", Outcome::Ok, "OK"),
        ("a", Outcome::Fail, "Fail"),
        ("b", Outcome::Ok, "OK"),
    ] {
        door.fake.end(id, outcome);
        let ended = socket.json().await;
        is(&ended, result, id);
        assert!(ended["finished_at"].is_string());
    }
}

#[tokio::test]
async fn what_arrives_together_is_submitted_with_one_call() {
    let door = Door::open().await;
    let mut socket = door.socket().await;
    let frames: Vec<_> = (0..20)
        .map(|n| Socket::frame(0x81, task(&n.to_string()).as_bytes()))
        .collect();
    socket.raw(&frames.concat()).await;
    for n in 0..20 {
        is(&socket.json().await, "OK", &n.to_string());
    }
    assert_eq!(*door.fake.submits.lock().unwrap(), [20]);
}

#[tokio::test]
async fn a_repeat_of_an_ended_task_is_acknowledged_and_answered_with_its_result() {
    let door = Door::open().await;
    door.submit(&task("a")).await.expect(200);
    door.fake.end("a", Outcome::Ok);
    let mut socket = door.socket().await;
    for message in [task("a"), json!({"watch": "a"}).to_string()] {
        socket.send(&message).await;
        let accepted = socket.json().await;
        is(&accepted, "OK", "a");
        assert_eq!(accepted["state"], "done");
        assert!(accepted["finished_at"].is_null());
        assert!(socket.json().await["finished_at"].is_string());
    }
    socket
        .send(&json!({"id": "a", "method": "GET", "name": "other"}).to_string())
        .await;
    let conflict = socket.json().await;
    is(&conflict, "Fail", "a");
    assert!(
        conflict["reason"]
            .as_str()
            .unwrap()
            .contains("another task")
    );
}

#[tokio::test]
async fn a_job_of_another_door_is_watched() {
    let door = Door::open().await;
    door.submit(&task("a")).await.expect(200);
    door.fake.set("a", State::Running);
    let mut socket = door.socket().await;
    socket.send(r#"{"watch":"a"}"#).await;
    let watching = socket.json().await;
    is(&watching, "OK", "a");
    assert_eq!(watching["state"], "running");
    door.fake.followers(1).await;
    door.fake.end("a", Outcome::Fail);
    let ended = socket.json().await;
    is(&ended, "Fail", "a");
    assert_eq!(ended["state"], "dead");
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_with_a_reason_and_harms_nothing() {
    let door = Door::open().await;
    door.fake
        .expired
        .lock()
        .unwrap()
        .push(JobId::new("old").unwrap());
    let mut socket = door.socket().await;
    for (message, id, reason) in [
        ("", "", "empty"),
        ("7", "", "must be a JSON object"),
        (r#"{"id":"a","method":"GET","name":7}"#, "a", "`name`"),
        (
            r#"{"id":"l","method":"GET","name":"x","cc":"9"}"#,
            "l",
            "`cc`",
        ),
        (r#"{"watch":7}"#, "", "`watch`"),
        (r#"{"watch":"old"}"#, "old", "expired"),
    ] {
        socket.send(message).await;
        let refused = socket.json().await;
        is(&refused, "Fail", id);
        assert!(
            refused["reason"].as_str().unwrap().contains(reason),
            "{refused}"
        );
    }
    door.fake.busy.store(true, Relaxed);
    socket.send(&task("b")).await;
    let busy = socket.json().await;
    is(&busy, "Fail", "b");
    assert!(busy["reason"].as_str().unwrap().contains("queue is full"));
    door.fake.busy.store(false, Relaxed);
    socket.send(&task("b")).await;
    is(&socket.json().await, "OK", "b");
}

#[tokio::test]
async fn a_handshake_that_is_none_is_told_what_is_missing() {
    let door = Door::open().await;
    let plain = door.get("/ws_task").await.expect(426);
    assert_eq!(plain.header("upgrade"), Some("websocket"));
    assert_eq!(plain.header("sec-websocket-version"), Some("13"));
    door.post("/ws_task", "{}").await.expect(405);
    let mut client = door.client().await;
    let headers = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: short\r\n";
    let bad = client.request_with("GET", "/ws_task", headers, "").await;
    assert!(bad.expect(400).reason().contains("Sec-WebSocket-Key"));
}

#[tokio::test]
async fn the_token_is_taken_three_ways() {
    let mut config = config();
    config.token = Some("s3cret".into());
    let door = Door::with(config).await;
    for (path, headers, status) in [
        ("/ws_task", "", 401),
        ("/ws_task?token=wrong", "", 401),
        ("/ws_task", "authorization: Bearer wrong\r\n", 401),
        (
            "/ws_task",
            "sec-websocket-protocol: poulpe, token.d3Jvbmc\r\n",
            401,
        ),
        (
            "/ws_task?token=s3cret",
            "origin: https://evil.example\r\n",
            101,
        ),
        ("/ws_task", "authorization: Bearer s3cret\r\n", 101),
        (
            "/ws_task",
            "sec-websocket-protocol: poulpe, token.czNjcmV0\r\n",
            101,
        ),
    ] {
        let (reply, mut socket) = door.handshake(path, headers).await;
        let reply = reply.expect(status);
        let named = headers.contains("poulpe") && status == 101;
        let protocol = reply.header("sec-websocket-protocol");
        assert_eq!(protocol, named.then_some("poulpe"));
        if status == 101 {
            socket.send("[]").await;
            assert_eq!(socket.json().await, json!([]));
        }
    }
}

#[tokio::test]
async fn pages_of_other_sites_open_no_socket_unless_they_are_listed() {
    let mut config = config();
    config.cors_origins = vec!["https://app.example".into()];
    let door = Door::with(config).await;
    for (origin, status) in [
        ("http://h", 101),
        ("https://app.example", 101),
        ("https://evil.example", 403),
        ("null", 403),
    ] {
        let headers = format!("origin: {origin}\r\n");
        let (reply, _) = door.handshake("/ws_task", &headers).await;
        reply.expect(status);
    }
}
