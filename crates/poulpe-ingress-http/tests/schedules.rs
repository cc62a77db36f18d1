//! `/v1/schedules`, as people and tools see it.

mod common;

use common::{Door, config, fake};
use poulpe_core::cron::{CronFile, Defaults, Zone};
use poulpe_core::{
    JobId, LastFire, Outcome, ScheduleAction, ScheduleFileView, ScheduleView, SchedulesView, State,
    Timestamp,
};
use poulpe_ingress_http::HttpConfig;
use serde_json::{Value, json};
use std::sync::atomic::Ordering::Relaxed;

fn schedule(id: &str) -> ScheduleView {
    ScheduleView {
        id: id.into(),
        file: "/etc/a.cron".into(),
        line: 2,
        text: "@hourly http://h/ GET".into(),
        zone: "Europe/Berlin".into(),
        words: "every hour".into(),
        next: vec![Timestamp::from_millis(3_600_000)],
        is_paused: false,
        trouble: None,
        driven_to: None,
        last: None,
        missed: 0,
        skipped: 0,
        last_skip: None,
    }
}

/// One that has everything.
fn eventful(id: &str) -> ScheduleView {
    ScheduleView {
        is_paused: true,
        trouble: Some("odd".into()),
        driven_to: Some(Timestamp::from_millis(1_000)),
        last: Some(LastFire {
            at: Timestamp::from_millis(1_000),
            job: JobId::new("j").unwrap(),
            state: Some(State::Done),
            result: Some(fake::result(Outcome::Ok, State::Done)),
        }),
        missed: 3,
        skipped: 4,
        last_skip: Some((Timestamp::from_millis(2_000), "overlap".into())),
        ..schedule(id)
    }
}

fn files() -> Vec<ScheduleFileView> {
    let defaults = Defaults {
        zone: Zone::utc(),
        now: Timestamp::from_millis(0),
    };
    let bad = CronFile::parse(b"\n0 60 * * * * * x GET\n", &defaults);
    vec![
        ScheduleFileView {
            name: "/etc/a.cron".into(),
            missing: None,
            problems: bad.problems,
        },
        ScheduleFileView {
            name: "/etc/b.cron".into(),
            missing: Some("there is no such file".into()),
            problems: Vec::new(),
        },
    ]
}

async fn door_with(schedules: Vec<ScheduleView>) -> Door {
    with(config(), schedules).await
}

async fn with(config: HttpConfig, schedules: Vec<ScheduleView>) -> Door {
    let door = Door::with(config).await;
    *door.fake.schedules.lock().unwrap() = SchedulesView {
        files: files(),
        count: schedules.len(),
        schedules,
    };
    door
}

fn actions(door: &Door) -> Vec<(String, ScheduleAction)> {
    door.fake.actions.lock().unwrap().clone()
}

#[tokio::test]
async fn the_list_has_files_with_their_problems_and_schedules() {
    let door = door_with(vec![schedule("s")]).await;
    let list = door.get("/v1/schedules").await.expect(200).json();
    assert_eq!(
        list,
        json!({
            "files": [
                {"name": "/etc/a.cron", "problems": [
                    {"line": 2, "column": 3, "message": "60 is no minute: minutes are 0 to 59"}]},
                {"name": "/etc/b.cron", "missing": "there is no such file", "problems": []},
            ],
            "schedules": [{
                "id": "s", "file": "/etc/a.cron", "line": 2, "text": "@hourly http://h/ GET",
                "zone": "Europe/Berlin", "words": "every hour", "next": ["1970-01-01T01:00:00.000Z"],
                "paused": false, "missed": 0, "skipped": 0,
            }],
            "count": 1,
        })
    );
}

#[tokio::test]
async fn a_schedule_tells_its_last_job_and_what_was_skipped() {
    let door = door_with(vec![schedule("a"), eventful("b")]).await;
    let shown = door.get("/v1/schedules/b").await.expect(200).json();
    assert_eq!(
        (&shown["paused"], &shown["trouble"], &shown["missed"]),
        (&json!(true), &json!("odd"), &json!(3))
    );
    assert_eq!(shown["driven_to"], "1970-01-01T00:00:01.000Z");
    assert_eq!(
        shown["last_skip"],
        json!({"at": "1970-01-01T00:00:02.000Z", "reason": "overlap"})
    );
    let last = &shown["last"];
    assert_eq!(
        (&last["at"], &last["job"], &last["state"]),
        (
            &json!("1970-01-01T00:00:01.000Z"),
            &json!("j"),
            &json!("done")
        )
    );
    assert_eq!(
        (
            &last["result"]["result"],
            &last["result"]["id"],
            &last["result"]["output"]
        ),
        (&json!("OK"), &json!("j"), &json!("done it"))
    );
}

#[tokio::test]
async fn the_list_is_cut_and_counted() {
    let door = door_with((0..1_001).map(|n| schedule(&n.to_string())).collect()).await;
    for (query, shown) in [
        ("", 1_000),
        ("?limit=2", 2),
        ("?limit=0", 0),
        ("?limit=10000", 1_001),
    ] {
        let list = door.get(&format!("/v1/schedules{query}")).await.expect(200);
        let list = list.json();
        let schedules = list["schedules"].as_array().unwrap();
        assert_eq!(
            (schedules.len(), &list["count"]),
            (shown, &json!(1_001)),
            "{query}"
        );
    }
    for query in ["limit=10001", "limit=-1", "limit=x"] {
        let reply = door
            .get(&format!("/v1/schedules?{query}"))
            .await
            .expect(400);
        assert!(reply.reason().contains("`limit`"), "{query}");
    }
}

#[tokio::test]
async fn long_lines_and_outputs_are_for_the_one_schedule_only() {
    let long = ScheduleView {
        text: "é".repeat(300),
        ..eventful("s")
    };
    let door = door_with(vec![long]).await;
    let list = door.get("/v1/schedules").await.expect(200).json();
    let listed = &list["schedules"][0];
    assert_eq!(listed["text"], "é".repeat(200));
    assert_eq!(listed["last"]["result"]["result"], "OK");
    assert_eq!(listed["last"]["result"]["output"], Value::Null);
    let shown = door.get("/v1/schedules/s").await.expect(200).json();
    assert_eq!(shown["text"], "é".repeat(300));
}

#[tokio::test]
async fn pause_resume_and_reset_reach_the_schedule() {
    let door = door_with(vec![schedule("s")]).await;
    for (path, action) in [
        ("pause", ScheduleAction::Pause),
        ("resume", ScheduleAction::Resume),
        ("reset", ScheduleAction::Reset),
    ] {
        let reply = door.post(&format!("/v1/schedules/s/{path}"), "").await;
        assert_eq!(
            reply.expect(200).json(),
            json!({"result": "OK", "reason": "", "id": "s"})
        );
        assert_eq!(actions(&door).pop(), Some(("s".into(), action)));
    }
}

#[tokio::test]
async fn run_answers_as_a_submit_does() {
    let door = door_with(vec![schedule("s")]).await;
    let ran = door.post("/v1/schedules/s/run", "").await.expect(200);
    assert_eq!(
        ran.json(),
        json!({"result": "OK", "reason": "", "id": "s@now-1", "state": "ready"})
    );
    door.fake.busy.store(true, Relaxed);
    let busy = door.post("/v1/schedules/s/run", "").await.expect(503);
    assert!(busy.header("retry-after").is_some());
    assert_eq!(busy.reason(), "the queue is full");
}

#[tokio::test]
async fn ids_are_percent_encoded_or_not_and_may_end_like_an_action() {
    let door = door_with(vec![schedule("a b/run"), schedule("🐙")]).await;
    for path in ["a%20b%2Frun", "a%20b/run", "%F0%9F%90%99"] {
        door.get(&format!("/v1/schedules/{path}")).await.expect(200);
        let paused = door.post(&format!("/v1/schedules/{path}/pause"), "").await;
        paused.expect(200);
    }
    let ids: Vec<String> = actions(&door).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["a b/run", "a b/run", "🐙"]);
}

#[tokio::test]
async fn what_is_unknown_is_404() {
    let door = door_with(vec![schedule("s")]).await;
    let shown = door.get("/v1/schedules/x").await.expect(404);
    assert_eq!(
        (shown.json()["id"].clone(), shown.json()["result"].clone()),
        (json!("x"), json!("Fail"))
    );
    for action in ["run", "pause", "resume", "reset"] {
        let reply = door.post(&format!("/v1/schedules/x/{action}"), "").await;
        assert!(reply.expect(404).reason().contains("no schedule"));
    }
    for path in ["s", "s/explode", "run"] {
        let reply = door.post(&format!("/v1/schedules/{path}"), "").await;
        assert!(reply.expect(404).reason().contains("/pause"), "{path}");
    }
    assert_eq!(actions(&door), []);
    door.get("/v1/schedules/%ff").await.expect(400);
    door.post("/v1/schedules/%ff/run", "").await.expect(400);
}

#[tokio::test]
async fn actions_are_for_post() {
    let door = door_with(vec![schedule("s")]).await;
    let reply = door.get("/v1/schedules/s/run").await.expect(405);
    assert_eq!(reply.header("allow"), Some("POST"));
    assert_eq!(actions(&door), []);
}

#[tokio::test]
async fn schedules_want_the_token_too() {
    let config = HttpConfig {
        token: Some("hush".into()),
        ..config()
    };
    let door = with(config, vec![schedule("s")]).await;
    door.get("/v1/schedules").await.expect(401);
    door.post("/v1/schedules/s/pause", "").await.expect(401);
    assert_eq!(actions(&door), []);
    let mut client = door.client().await;
    let bearer = "authorization: Bearer hush\r\n";
    let reply = client.request_with("POST", "/v1/schedules/s/pause", bearer, "");
    reply.await.expect(200);
}

#[tokio::test]
async fn a_page_of_another_site_changes_no_schedule() {
    let door = door_with(vec![schedule("s")]).await;
    let mut client = door.client().await;
    let origin = "origin: http://elsewhere.example\r\n";
    let reply = client.request_with("POST", "/v1/schedules/s/run", origin, "");
    reply.await.expect(403);
    assert_eq!(actions(&door), []);
}

#[tokio::test]
async fn nothing_is_run_during_a_shutdown() {
    let door = door_with(vec![schedule("s")]).await;
    let mut client = door.client().await;
    client.request("GET", "/healthz", "").await.expect(200);
    door.stop.advance(poulpe_core::Phase::Draining);
    let reply = client.request("POST", "/v1/schedules/s/run", "").await;
    assert!(reply.expect(503).reason().contains("shutting down"));
    assert_eq!(actions(&door), []);
}
