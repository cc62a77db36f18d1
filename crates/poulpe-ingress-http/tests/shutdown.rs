//! Draining and stopping.

mod common;

use common::{Client, Door, soon};
use poulpe_core::{Outcome, Phase};
use tokio::net::TcpStream;

const TASK: &str = r#"{"id":"a","method":"GET","name":"x"}"#;

/// A client that waits for the job.
async fn waiter(door: &Door) -> Client {
    let mut client = door.client().await;
    client
        .send("GET /task_resp/a HTTP/1.1\r\nhost: h\r\n\r\n")
        .await;
    door.fake.waiters(1).await;
    client
}

#[tokio::test]
async fn while_draining_tasks_are_refused_and_waiters_answered() {
    let door = Door::open().await;
    door.submit(TASK).await.expect(200);
    let mut waits = waiter(&door).await;
    door.stop.advance(Phase::Draining);
    let refused = door
        .submit(r#"{"method":"GET","name":"x"}"#)
        .await
        .expect(503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("connection"), Some("close"));
    assert!(refused.reason().contains("shutting down"));
    assert_eq!(door.fake.ids(), ["a"]);
    let ready = door.get("/readyz").await.expect(503).json();
    assert_eq!(ready["checks"][0]["name"], "http");
    assert_eq!(ready["checks"][0]["ok"], false);
    door.get("/healthz").await.expect(200);
    door.get("/task_resp/a?timeout=0").await.expect(200);
    door.fake.end("a", Outcome::Ok);
    assert_eq!(waits.reply().await.expect(200).json()["state"], "done");
    waits.closed().await;
}

#[tokio::test]
async fn once_stopped_waiters_are_answered_and_everything_is_closed() {
    let door = Door::open().await;
    door.submit(TASK).await.expect(200);
    let mut waits = waiter(&door).await;
    let mut rests = door.client().await;
    rests.request("GET", "/healthz", "").await.expect(200);
    door.stop.advance(Phase::Stopped);
    let answer = waits.reply().await.expect(200).json();
    assert_eq!(answer["result"], "Timeout");
    assert!(answer["reason"].as_str().unwrap().contains("shutting down"));
    waits.closed().await;
    rests.closed().await;
    soon(door.served).await.unwrap().unwrap();
    assert!(TcpStream::connect(door.addr).await.is_err());
}

#[tokio::test]
async fn a_client_that_does_not_finish_holds_nothing_up() {
    let door = Door::open().await;
    let mut slow = door.client().await;
    slow.send("POST /task_in_queue HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\n{")
        .await;
    door.get("/healthz").await.expect(200);
    door.stop.advance(Phase::Stopped);
    soon(door.served).await.unwrap().unwrap();
    slow.closed().await;
}

#[tokio::test]
async fn a_dropped_handle_stops_the_door() {
    let door = Door::open().await;
    drop(door.stop);
    soon(door.served).await.unwrap().unwrap();
}
