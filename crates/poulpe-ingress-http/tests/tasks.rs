//! `POST /task_in_queue` without waiting.

mod common;

use common::Door;
use serde_json::json;
use std::sync::atomic::Ordering::Relaxed;

const TASK: &str = r#"{"id":"a","method":"GET","name":"http://h/"}"#;

#[tokio::test]
async fn a_task_is_accepted_under_its_id() {
    let door = Door::open().await;
    let reply = door.submit(TASK).await.expect(200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let expected = json!({"result": "OK", "reason": "", "id": "a", "state": "ready"});
    assert_eq!(reply.json(), expected);
    assert_eq!(door.fake.ids(), ["a"]);
}

#[tokio::test]
async fn a_task_without_id_gets_one() {
    let door = Door::open().await;
    let reply = door
        .submit(r#"{"method":"GET","name":"x","delay":1.5}"#)
        .await
        .expect(200);
    assert_eq!(reply.json()["id"], "generated-0");
    assert_eq!(reply.json()["state"], "delayed");
}

#[tokio::test]
async fn a_repeat_is_told_the_state_and_another_task_a_conflict() {
    let door = Door::open().await;
    door.submit(TASK).await.expect(200);
    door.fake.set("a", poulpe_core::State::Running);
    let repeat = door.submit(TASK).await.expect(200);
    assert_eq!(repeat.json()["state"], "running");
    let other = door
        .submit(r#"{"id":"a","method":"GET","name":"other"}"#)
        .await
        .expect(409);
    assert_eq!(other.json()["id"], "a");
    assert!(other.reason().contains("`id`"));
    assert_eq!(door.fake.ids(), ["a"]);
}

#[tokio::test]
async fn bad_tasks_are_refused_with_the_field_and_harm_nothing() {
    let door = Door::open().await;
    let mut client = door.client().await;
    for (body, names) in [
        ("", "empty"),
        (" \r\n", "empty"),
        ("{", "JSON"),
        ("nul", "JSON"),
        ("5", "object"),
        ("\"x\"", "object"),
        (r#"{"method":"GET","name":"x"}}"#, "JSON"),
        ("{}", "`method`"),
        (r#"{"method":"GET"}"#, "`name`"),
        (r#"{"method":7,"name":"x"}"#, "`method`"),
        (r#"{"method":"GET","name":"x","id":5}"#, "`id`"),
        (r#"{"method":"GET","name":"x","id":"a\nb"}"#, "`id`"),
        (r#"{"method":"GET","name":"x","cc":"-1"}"#, "`cc`"),
        (r#"{"method":"GET","name":"x","cc":"9"}"#, "`cc`"),
        (r#"{"method":"GET","name":"x","delay":-1}"#, "`delay`"),
        (r#"{"method":"GET","name":"x","delay":"1"}"#, "`delay`"),
        (r#"{"method":"GET","name":"x","wait":3601}"#, "`wait`"),
        (r#"{"method":"GET","name":"x","headers":[]}"#, "`headers`"),
        ("[{]", "array"),
    ] {
        let reply = client.request("POST", "/task_in_queue", body).await;
        let reply = reply.expect(400);
        assert_eq!(reply.json()["result"], "Fail", "{body}");
        assert!(reply.reason().contains(names), "{body}: {}", reply.reason());
    }
    assert!(door.fake.ids().is_empty());
    client
        .request("POST", "/task_in_queue", TASK)
        .await
        .expect(200);
}

#[tokio::test]
async fn a_body_that_is_not_utf8_is_refused() {
    let door = Door::open().await;
    let mut client = door.client().await;
    client
        .send(b"POST /task_in_queue HTTP/1.1\r\nhost: h\r\ncontent-length: 12\r\n\r\n{\"name\":\"\xff\"}")
        .await;
    assert!(client.reply().await.expect(400).reason().contains("UTF-8"));
}

#[tokio::test]
async fn each_task_of_an_array_has_its_own_answer_in_order() {
    let door = Door::open().await;
    let body = r#" [{"id":"1","method":"GET","name":"x"},{"method":"GET"},7,
        {"id":"1","method":"GET","name":"y"},{"id":"4","method":"GET","name":"x","cc":"8"},
        {"id":"5","method":"GET","name":"x"}]"#;
    let answers = door.submit(body).await.expect(200).json();
    let of = |key: &str| -> Vec<String> {
        let answers = answers.as_array().unwrap().iter();
        answers
            .map(|answer| answer[key].as_str().unwrap().into())
            .collect()
    };
    assert_eq!(of("result"), ["OK", "Fail", "Fail", "Fail", "Fail", "OK"]);
    assert_eq!(of("id"), ["1", "", "", "1", "4", "5"]);
    assert!(of("reason")[1].contains("`name`"));
    assert_eq!(door.fake.ids(), ["1", "5"]);
}

#[tokio::test]
async fn an_array_may_be_empty_and_hold_ten_thousand() {
    let door = Door::open().await;
    assert_eq!(door.submit("[]").await.expect(200).json(), json!([]));
    let task = r#"{"method":"GET","name":"x"}"#;
    let many = format!("[{task}{}]", format!(",{task}").repeat(9_999));
    let answers = door.submit(&many).await.expect(200).json();
    assert_eq!(answers.as_array().unwrap().len(), 10_000);
    let more = format!("[{task}{}]", format!(",{task}").repeat(10_000));
    let reason = door.submit(&more).await.expect(400).reason();
    assert!(reason.contains("10000"), "{reason}");
}

#[tokio::test]
async fn no_room_is_503_with_a_time_to_come_again() {
    let door = Door::open().await;
    door.fake.busy.store(true, Relaxed);
    let reply = door.submit(TASK).await.expect(503);
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(reply.reason(), "the queue is full");
    let array = door.submit(&format!("[{TASK},{TASK}]")).await.expect(503);
    assert_eq!(array.json().as_array().unwrap().len(), 2);
    // One that could never run needn't come again, so the array as a whole was answered.
    door.submit(&format!("[{TASK},7]")).await.expect(200);
}

#[tokio::test]
async fn ids_with_spaces_slashes_and_emoji_go_all_the_way() {
    let door = Door::open().await;
    for (id, path) in [
        ("a b", "a%20b"),
        ("a/b", "a%2Fb"),
        ("a/b/c", "a/b/c"),
        ("🐙", "%F0%9F%90%99"),
        ("ü", "ü"),
        ("100%", "100%25"),
        ("%2F", "%252F"),
        ("../x", "..%2Fx"),
        ("?#", "%3F%23"),
        ("x/revive", "x%2Frevive"),
    ] {
        let task = json!({"id": id, "method": "GET", "name": "x"}).to_string();
        door.submit(&task).await.expect(200);
        let polled = door
            .get(&format!("/task_resp/{path}?timeout=0"))
            .await
            .expect(200);
        assert_eq!(polled.json()["id"], id);
        let shown = door.get(&format!("/v1/jobs/{path}")).await.expect(200);
        assert_eq!(shown.json()["id"], id);
        door.delete(&format!("/v1/jobs/{path}")).await.expect(200);
        door.fake.end(id, poulpe_core::Outcome::Fail);
        let dead = door.get(&format!("/v1/dead/{path}")).await.expect(200);
        assert_eq!(dead.json()["id"], id);
        let revived = door.post(&format!("/v1/dead/{path}/revive"), "").await;
        assert_eq!(revived.expect(200).json()["id"], id);
    }
}
