//! What a client can't do to the door: too much, too slow, too many, nonsense.

mod common;

use common::{Door, config, soon};
use poulpe_core::Outcome;
use poulpe_ingress_http::{MAX_ARRAY_BYTES, MAX_TASK_BYTES};
use std::time::Duration;

const TASK: &str = r#"{"method":"GET","name":"x"}"#;
/// Short enough to wait for in a test, long enough for a busy machine to send a request in.
const SHORT: Duration = Duration::from_millis(500);

fn post(headers: &str) -> String {
    format!("POST /task_in_queue HTTP/1.1\r\nhost: h\r\n{headers}\r\n")
}

/// A task or array of exactly this many bytes.
fn padded(start: &str, end: &str, bytes: usize) -> String {
    format!(
        "{start}{}{end}",
        " ".repeat(bytes - start.len() - end.len())
    )
}

#[tokio::test]
async fn bodies_up_to_the_limits_are_taken() {
    let door = Door::open().await;
    let task = padded(r#"{"method":"GET","name":"x""#, "}", MAX_TASK_BYTES);
    door.submit(&task).await.expect(200);
    let array = padded(&format!("[{TASK}"), "]", MAX_ARRAY_BYTES);
    door.submit(&array).await.expect(200);
}

#[tokio::test]
async fn a_length_that_is_too_large_is_refused_before_the_body_is_sent() {
    let door = Door::open().await;
    for (length, start) in [
        (MAX_ARRAY_BYTES + 1, ""),
        (MAX_TASK_BYTES + 1, "{"),
        (MAX_ARRAY_BYTES + 1, "["),
    ] {
        let mut client = door.client().await;
        client
            .send(post(&format!("content-length: {length}\r\n")) + start)
            .await;
        let reply = client.reply().await.expect(413);
        assert_eq!(reply.header("connection"), Some("close"));
        assert!(reply.reason().contains("bytes"), "{}", reply.reason());
    }
}

#[tokio::test]
async fn a_client_that_only_reads_after_sending_all_still_gets_the_answer() {
    let door = Door::open().await;
    let task = padded(r#"{"method":"GET","name":"x""#, "}", 8 * MAX_TASK_BYTES);
    let mut client = door.client().await;
    client
        .request("POST", "/task_in_queue", &task)
        .await
        .expect(413);
}

#[tokio::test]
async fn a_chunked_body_is_read_and_its_growth_is_bounded() {
    let door = Door::open().await;
    let mut client = door.client().await;
    let (one, two) = TASK.split_at(10);
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    client.send(post("transfer-encoding: chunked\r\n")).await;
    client.send(chunk(one)).await;
    client.send(chunk(two) + "0\r\n\r\n").await;
    client.reply().await.expect(200);

    client.send(post("transfer-encoding: chunked\r\n")).await;
    client.send(chunk("{")).await;
    let spaces = chunk(&" ".repeat(MAX_TASK_BYTES / 4));
    for _ in 0..4 {
        client.send(&spaces).await;
    }
    let reply = client.reply().await.expect(413);
    assert!(reply.reason().contains("a task"));
}

#[tokio::test]
async fn a_broken_chunk_is_refused() {
    let door = Door::open().await;
    let mut client = door.client().await;
    client.send(post("transfer-encoding: chunked\r\n")).await;
    client.send("zz\r\n").await;
    client.reply().await.expect(400);
}

#[tokio::test]
async fn a_client_that_asks_before_sending_is_told_to_go_on_or_not() {
    let door = Door::open().await;
    let mut client = door.client().await;
    let length = TASK.len();
    let expects = |length| {
        post(&format!(
            "content-length: {length}\r\nexpect: 100-continue\r\n"
        ))
    };
    client.send(expects(length)).await;
    assert_eq!(client.head().await.status, 100);
    client.send(TASK).await;
    client.reply().await.expect(200);
    client.send(expects(MAX_ARRAY_BYTES + 1)).await;
    client.reply().await.expect(413);
}

#[tokio::test]
async fn a_head_that_does_not_come_closes_the_connection() {
    let mut config = config();
    config.header_timeout = SHORT;
    let door = Door::with(config).await;
    for start in ["", "POST /task", "GET / HTTP/1.1\r\nhost: h\r\nx: "] {
        let mut client = door.client().await;
        client.send(start).await;
        client.closed().await;
    }
    // The same after a complete request.
    let mut client = door.client().await;
    client.request("GET", "/healthz", "").await.expect(200);
    client.send("GET /heal").await;
    client.closed().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_told_so() {
    let mut config = config();
    config.body_timeout = SHORT;
    let door = Door::with(config).await;
    for start in ["", "{\"method\":"] {
        let mut client = door.client().await;
        client.send(post("content-length: 40\r\n") + start).await;
        let reply = client.reply().await.expect(408);
        assert_eq!(reply.header("connection"), Some("close"));
        client.closed().await;
    }
    assert!(door.fake.ids().is_empty());
}

#[tokio::test]
async fn a_connection_that_rests_too_long_is_closed_one_that_waits_is_not() {
    let mut config = config();
    config.idle_timeout = SHORT;
    config.header_timeout = SHORT;
    let door = Door::with(config).await;
    door.submit(r#"{"id":"a","method":"GET","name":"x"}"#)
        .await
        .expect(200);
    let mut waits = door.client().await;
    waits
        .send("GET /task_resp/a HTTP/1.1\r\nhost: h\r\n\r\n")
        .await;
    door.fake.waiters(1).await;
    let mut rests = door.client().await;
    rests.request("GET", "/healthz", "").await.expect(200);
    rests.closed().await;
    door.fake.end("a", Outcome::Ok);
    waits.reply().await.expect(200);
}

#[tokio::test]
async fn requests_in_one_write_are_answered_in_order() {
    let door = Door::open().await;
    let mut client = door.client().await;
    let task = |id: &str| {
        let body = format!(r#"{{"id":"{id}","method":"GET","name":"x"}}"#);
        post(&format!("content-length: {}\r\n", body.len())) + &body
    };
    let health = "GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n";
    client
        .send(task("1") + &task("2") + health + &task("3"))
        .await;
    for id in ["1", "2", "", "3"] {
        assert_eq!(client.reply().await.expect(200).json()["id"], id);
    }
}

#[tokio::test]
async fn an_answer_is_not_held_back_by_a_wait_behind_it() {
    let door = Door::open().await;
    door.submit(r#"{"id":"a","method":"GET","name":"x"}"#)
        .await
        .expect(200);
    let mut client = door.client().await;
    let health = "GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n";
    let poll = "GET /task_resp/a HTTP/1.1\r\nhost: h\r\n\r\n";
    client.send([health, poll, health].concat()).await;
    client.reply().await.expect(200);
    door.fake.end("a", Outcome::Ok);
    assert_eq!(client.reply().await.expect(200).json()["state"], "done");
    client.reply().await.expect(200);
}

#[tokio::test]
async fn nonsense_is_refused_and_harms_no_other_connection() {
    let door = Door::open().await;
    let mut other = door.client().await;
    other.request("GET", "/healthz", "").await.expect(200);
    let health = "GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n";
    let mut client = door.client().await;
    client
        .send(health.to_string() + "\0\x01garbage\r\n\r\n")
        .await;
    client.reply().await.expect(200);
    client.reply().await.expect(400);
    client.closed().await;
    let mut client = door.client().await;
    client
        .send(format!(
            "GET / HTTP/1.1\r\nx: {}\r\n\r\n",
            "y".repeat(100_000)
        ))
        .await;
    client.reply().await.expect(431);
    other.request("GET", "/healthz", "").await.expect(200);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_turned_away_until_one_closes() {
    let mut config = config();
    config.max_connections = 2;
    let door = Door::with(config).await;
    let mut one = door.client().await;
    one.request("GET", "/healthz", "").await.expect(200);
    let mut two = door.client().await;
    two.request("GET", "/healthz", "").await.expect(200);
    let mut three = door.client().await;
    let reply = three.request("GET", "/healthz", "").await.expect(503);
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert!(reply.reason().contains("connections"));
    three.closed().await;
    one.request("GET", "/healthz", "").await.expect(200);
    drop(two);
    // The server hears of the end at some time soon.
    soon(async { while door.get("/healthz").await.status != 200 {} }).await;
}

#[tokio::test]
async fn a_panic_costs_one_connection() {
    let door = Door::open().await;
    let mut other = door.client().await;
    other.request("GET", "/healthz", "").await.expect(200);
    let mut client = door.client().await;
    let body = r#"{"method":"GET","name":"panic"}"#;
    client
        .send(post(&format!("content-length: {}\r\n", body.len())) + body)
        .await;
    client.closed().await;
    other.request("GET", "/healthz", "").await.expect(200);
    door.submit(TASK).await.expect(200);
}
