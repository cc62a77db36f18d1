//! `wait` and `GET /task_resp/{id}`.

mod common;

use common::{Door, soon};
use poulpe_core::{JobId, Outcome, State};
use std::sync::atomic::Ordering::Relaxed;

const TASK: &str = r#"{"id":"a","method":"GET","name":"x"}"#;
const WAITS: &str = r#"{"id":"a","method":"GET","name":"x","wait":60}"#;
const WAITS_BRIEFLY: &str = r#"{"id":"a","method":"GET","name":"x","wait":0.01}"#;

#[tokio::test]
async fn a_task_that_waits_is_answered_with_its_result() {
    let door = Door::open().await;
    let (reply, ()) = tokio::join!(door.submit(WAITS), async {
        door.fake.waiters(1).await;
        door.fake.end("a", Outcome::Ok);
    });
    let answer = reply.expect(200).json();
    assert_eq!(answer["result"], "OK");
    assert_eq!(answer["state"], "done");
    assert_eq!(answer["output"], "done it");
    assert_eq!(answer["finished_at"], "1970-01-01T00:00:02.000Z");
}

#[tokio::test]
async fn a_repeat_that_waits_waits_for_the_job_there_is() {
    let door = Door::open().await;
    door.submit(TASK).await.expect(200);
    let (reply, ()) = tokio::join!(door.submit(WAITS), async {
        door.fake.waiters(1).await;
        door.fake.end("a", Outcome::Fail);
    });
    let answer = reply.expect(200).json();
    assert_eq!(
        (&answer["result"], &answer["state"]),
        (&"Fail".into(), &"dead".into())
    );
}

#[tokio::test]
async fn when_the_wait_is_over_first_the_state_and_the_last_error_are_told() {
    let door = Door::open().await;
    door.submit(TASK).await.expect(200);
    door.fake.fail("a", "connection refused");
    let answer = door.submit(WAITS_BRIEFLY).await.expect(200).json();
    assert_eq!(answer["result"], "Timeout");
    assert_eq!(answer["state"], "retrying");
    assert_eq!(answer["reason"], "connection refused");
}

#[tokio::test]
async fn an_accepted_task_whose_wait_fails_is_not_told_as_refused() {
    let door = Door::open().await;
    let expired = JobId::new("a").unwrap();
    door.fake.expired.lock().unwrap().push(expired);
    let answer = door.submit(WAITS).await.expect(200).json();
    assert_eq!(answer["result"], "Timeout");
    assert!(answer["reason"].as_str().unwrap().contains("expired"));
    door.fake.broken.store(true, Relaxed);
    let answer = door.submit(WAITS).await.expect(200).json();
    assert_eq!(answer["result"], "Timeout");
    assert!(answer["reason"].as_str().unwrap().contains("disk full"));
}

#[tokio::test]
async fn tasks_of_an_array_are_waited_for_at_once() {
    let door = Door::open().await;
    let body = r#"[{"id":"a","method":"GET","name":"x","wait":60},{"id":"b","method":"GET","name":"x"},
        {"id":"c","method":"GET","name":"x","wait":0.01},{"id":"d","method":"GET","name":"x","wait":60}]"#;
    let (reply, ()) = tokio::join!(door.submit(body), async {
        soon(door.fake.waiting.subscribe().wait_for(|now| *now == 3))
            .await
            .unwrap();
        door.fake.end("d", Outcome::Ok);
        door.fake.end("a", Outcome::Ok);
    });
    let answers = reply.expect(200).json();
    let states: Vec<&str> = answers
        .as_array()
        .unwrap()
        .iter()
        .map(|answer| answer["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["done", "ready", "ready", "done"]);
    assert_eq!(answers[2]["result"], "Timeout");
}

#[tokio::test]
async fn any_number_may_poll_one_job_before_and_after_its_end() {
    let door = Door::open().await;
    door.submit(TASK).await.expect(200);
    let (one, two, three, ()) = tokio::join!(
        door.get("/task_resp/a"),
        door.get("/task_resp/a?timeout=30.5"),
        door.submit(WAITS),
        async {
            door.fake.waiters(3).await;
            door.fake.end("a", Outcome::Ok);
        }
    );
    let after = door.get("/task_resp/a").await;
    for reply in [one, two, three, after] {
        assert_eq!(reply.expect(200).json()["output"], "done it");
    }
}

#[tokio::test]
async fn a_poll_that_ends_first_tells_the_state() {
    let door = Door::open().await;
    door.submit(TASK).await.expect(200);
    door.fake.set("a", State::Running);
    let answer = door.get("/task_resp/a?timeout=0.01").await.expect(200);
    assert_eq!(answer.json()["result"], "Timeout");
    assert_eq!(answer.json()["state"], "running");
    assert!(answer.reason().contains("not ended yet"));
}

#[tokio::test]
async fn what_cannot_be_polled_is_said() {
    let door = Door::open().await;
    let unknown = door.get("/task_resp/nope").await.expect(404);
    assert_eq!(unknown.json()["id"], "nope");
    door.fake
        .expired
        .lock()
        .unwrap()
        .push(JobId::new("old").unwrap());
    let expired = door.get("/task_resp/old").await.expect(404);
    assert!(expired.reason().contains("expired"));
    for bad in ["x", "-1", "3600.5", "nan", "inf", ""] {
        let reply = door.get(&format!("/task_resp/a?timeout={bad}")).await;
        assert!(reply.expect(400).reason().contains("`timeout`"), "{bad}");
    }
    for bad in ["%0A", "%FF", &"x".repeat(201)] {
        let reply = door.get(&format!("/task_resp/{bad}")).await;
        assert!(reply.expect(400).reason().contains("`id`"), "{bad}");
    }
    door.fake.broken.store(true, Relaxed);
    let down = door.get("/task_resp/a").await.expect(503);
    assert_eq!(down.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_wait_along() {
    let door = Door::open().await;
    door.submit(TASK).await.expect(200);
    let mut client = door.client().await;
    client
        .send("GET /task_resp/a HTTP/1.1\r\nhost: h\r\n\r\n")
        .await;
    door.fake.waiters(1).await;
    drop(client);
    door.fake.waiters(0).await;
}
