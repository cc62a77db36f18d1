//! What people and tools ask.

mod common;

use common::Door;
use poulpe_core::{Outcome, State};
use serde_json::{Value, json};
use std::sync::atomic::Ordering::Relaxed;

async fn with_jobs(ids: &[&str]) -> Door {
    let door = Door::open().await;
    for id in ids {
        let task = json!({"id": id, "method": "GET", "name": "http://h/", "params": "p=1",
            "headers": {"Authorization": "Bearer hush"}, "timeout": 1.5});
        door.submit(&task.to_string()).await.expect(200);
    }
    door
}

fn ids(list: &Value) -> Vec<&str> {
    let jobs = list["jobs"].as_array().unwrap().iter();
    jobs.map(|job| job["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn sys_info_lists_working_delaying_and_wrong_ones() {
    let door = with_jobs(&["r", "w", "y", "z", "d", "e"]).await;
    door.fake.set("w", State::Running);
    door.fake.set("y", State::Delayed);
    door.fake.fail("z", "no");
    door.fake.end("d", Outcome::Fail);
    door.fake.end("e", Outcome::Ok);
    let info = door.get("/sys_info").await.expect(200).json();
    assert_eq!(info["working_keys"], json!(["w", "r"]));
    assert_eq!(info["delaying_keys"], json!(["y", "z"]));
    assert_eq!(info["wronging_keys"], json!(["d"]));
    assert_eq!(info["channel_sizes"], json!([2, 4]));
    assert_eq!(
        info["counts"],
        json!({"delayed": 1, "ready": 1, "running": 1, "retrying": 1, "dead": 1, "done": 1})
    );
    assert_eq!(
        info["lanes"][1],
        json!({"lane": 1, "state": "running", "job": "r", "attempt": 2, "since": "1970-01-01T00:00:03.000Z",
            "waiting": 3})
    );
    assert_eq!(info["lanes"][0]["state"], "idle");
    assert_eq!(info["version"], "9.9.9");
    assert_eq!(info["store"]["name"], "fake");
    assert_eq!(info["uptime"], 14);
    let capped = door.get("/sys_info?limit=1").await.expect(200).json();
    assert_eq!(capped["working_keys"], json!(["w"]));
    assert_eq!(capped["counts"]["ready"], 1);
    for bad in ["x", "1001", "-1"] {
        let reply = door.get(&format!("/sys_info?limit={bad}")).await;
        assert!(reply.expect(400).reason().contains("`limit`"));
    }
}

#[tokio::test]
async fn jobs_are_listed_in_pages_of_one_state_or_all() {
    let door = with_jobs(&["1", "2", "3", "4", "5"]).await;
    door.fake.set("2", State::Running);
    door.fake.end("4", Outcome::Ok);
    let mut seen = Vec::new();
    let mut path = "/v1/jobs?limit=2".to_string();
    loop {
        let page = door.get(&path).await.expect(200).json();
        seen.extend(ids(&page).into_iter().map(String::from));
        let Some(next) = page["next"].as_u64() else {
            break;
        };
        path = format!("/v1/jobs?limit=2&after={next}");
    }
    assert_eq!(seen, ["1", "2", "3", "4", "5"]);
    let ready = door.get("/v1/jobs?state=ready").await.expect(200).json();
    assert_eq!(ids(&ready), ["1", "3", "5"]);
    for (query, names) in [
        ("state=x", "`state`"),
        ("after=x", "`after`"),
        ("limit=0", "`limit`"),
        ("limit=1001", "`limit`"),
    ] {
        let reply = door.get(&format!("/v1/jobs?{query}")).await;
        assert!(reply.expect(400).reason().contains(names));
    }
}

#[tokio::test]
async fn a_job_is_shown_with_its_errors_and_without_secrets() {
    let door = with_jobs(&["a"]).await;
    door.fake.fail("a", "refused");
    let reply = door.get("/v1/jobs/a").await.expect(200);
    assert!(!String::from_utf8_lossy(&reply.body).contains("hush"));
    let job = reply.json();
    assert_eq!(job["state"], "retrying");
    assert_eq!(job["attempts"], 1);
    assert_eq!(job["errors"][0]["reason"], "refused");
    assert_eq!(job["headers"], json!({"Authorization": "***"}));
    assert_eq!(job["params"], "p=1");
    assert_eq!(job["timeout"], 1.5);
    assert_eq!(job["result"], Value::Null);
    door.fake.end("a", Outcome::Ok);
    let job = door.get("/v1/jobs/a").await.expect(200).json();
    assert_eq!(job["result"]["output"], "done it");
    let unknown = door.get("/v1/jobs/nope").await.expect(404);
    assert_eq!(unknown.json()["id"], "nope");
}

#[tokio::test]
async fn cancelling_says_how_far_the_job_was() {
    let door = with_jobs(&["ready", "running", "done"]).await;
    door.fake.set("running", State::Running);
    door.fake.end("done", Outcome::Ok);
    let now = door.delete("/v1/jobs/ready").await.expect(200);
    assert_eq!(now.json()["result"], "OK");
    let asked = door.delete("/v1/jobs/running").await.expect(202);
    assert_eq!(asked.json()["state"], "running");
    let late = door.delete("/v1/jobs/done").await.expect(409);
    assert_eq!(late.json()["state"], "done");
    door.delete("/v1/jobs/nope").await.expect(404);
}

#[tokio::test]
async fn dead_letters_are_listed_shown_revived_and_purged() {
    let door = with_jobs(&["dead", "alive"]).await;
    door.fake.end("dead", Outcome::Fail);
    let list = door.get("/v1/dead").await.expect(200).json();
    assert_eq!(ids(&list), ["dead"]);
    let shown = door.get("/v1/dead/dead").await.expect(200).json();
    assert_eq!(shown["result"]["state"], "dead");
    door.get("/v1/dead/alive").await.expect(404);
    let revived = door.post("/v1/dead/dead/revive", "").await.expect(200);
    assert_eq!(revived.json()["state"], "ready");
    door.post("/v1/dead/alive/revive", "").await.expect(409);
    door.post("/v1/dead/nope/revive", "").await.expect(404);
    door.post("/v1/dead/dead", "").await.expect(404);
    door.delete("/v1/dead/dead").await.expect(200);
    door.delete("/v1/dead/alive").await.expect(404);
}

#[tokio::test]
async fn stats_has_every_figure() {
    let door = with_jobs(&["a"]).await;
    let stats = door.get("/v1/stats").await.expect(200).json();
    assert_eq!(stats["unrunnable"], json!({"X": 7}));
    assert_eq!(
        stats["ended"],
        json!({"succeeded": 8, "buried": 9, "cancelled": 10})
    );
    assert_eq!(
        (&stats["retried"], &stats["lost"]),
        (&json!(11), &json!(12))
    );
    assert_eq!(stats["store"]["figures"], json!({"bytes": 13}));
    assert_eq!(
        stats["store"]["histograms"],
        json!({"wait_micros": {"bounds": [10, 100], "counts": [1, 2, 3], "sum": 400}})
    );
    assert_eq!(
        stats["start_lag_micros"],
        json!({"bounds": [1000, 5000], "counts": [4, 5, 6], "sum": 60000})
    );
    assert_eq!(
        stats["by_kind"]["GET"],
        json!({"accepted": {"http": 14, "cron": 15}, "succeeded": 16, "buried": 17, "cancelled": 18, "retried": 19,
            "run_micros": {"bounds": [1000], "counts": [20, 21], "sum": 22000}})
    );
    assert_eq!(stats["uptime"], 14.5);
    let metrics = door.get("/metrics").await.expect(200);
    let text = String::from_utf8_lossy(&metrics.body).into_owned();
    // Each bucket holds the smaller ones too; bounds and sums are in seconds.
    for line in [
        "poulpe_start_lag_seconds_bucket{le=\"0.001\"} 4",
        "poulpe_start_lag_seconds_bucket{le=\"0.005\"} 9",
        "poulpe_start_lag_seconds_bucket{le=\"+Inf\"} 15",
        "poulpe_start_lag_seconds_sum 0.06",
        "poulpe_fire_times_given_up_total{reason=\"missed\"} 23",
        "poulpe_store_wait_seconds_bucket{le=\"0.0001\"} 3",
        "poulpe_store_bytes 13",
    ] {
        assert!(text.lines().any(|seen| seen == line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn a_broken_store_is_503_everywhere_and_red() {
    let door = with_jobs(&["a"]).await;
    door.get("/healthz").await.expect(200);
    let ready = door.get("/readyz").await.expect(200).json();
    assert_eq!(ready["ready"], true);
    door.fake.broken.store(true, Relaxed);
    for path in [
        "/sys_info",
        "/v1/jobs",
        "/v1/jobs/a",
        "/v1/dead",
        "/v1/dead/a",
        "/v1/schedules",
        "/v1/schedules/s",
        "/v1/stats",
    ] {
        let reply = door.get(path).await.expect(503);
        assert!(reply.reason().contains("disk full"), "{path}");
    }
    door.delete("/v1/jobs/a").await.expect(503);
    door.delete("/v1/dead/a").await.expect(503);
    door.post("/v1/dead/a/revive", "").await.expect(503);
    door.post("/v1/schedules/s/pause", "").await.expect(503);
    let health = door.get("/healthz").await.expect(500);
    assert!(health.reason().contains("disk full"));
    let ready = door.get("/readyz").await.expect(503).json();
    let expected = json!({"name": "store", "ok": false, "reason": "disk full"});
    assert_eq!(ready["checks"][1], expected);
}

#[tokio::test]
async fn the_home_page_and_a_wrong_path_name_the_routes() {
    let door = Door::open().await;
    let home = door.get("/").await.expect(200);
    assert!(String::from_utf8_lossy(&home.body).contains("/task_in_queue"));
    let mut client = door.client().await;
    let html = "accept: text/html,*/*\r\n";
    let page = client.request_with("GET", "/", html, "").await.expect(200);
    let text = String::from_utf8_lossy(&page.body).into_owned();
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    // Every file that the page names is there, and one that the browser has isn't sent again.
    let named: Vec<&str> = text
        .split('"')
        .filter(|part| part.starts_with("/page/"))
        .collect();
    assert!(named.len() > 5, "{named:?}");
    for path in named {
        let file = client.request("GET", path, "").await.expect(200);
        let known = format!("if-none-match: {}\r\n", file.header("etag").unwrap());
        let again = client
            .request_with("GET", path, &known, "")
            .await
            .expect(304);
        assert!(!file.body.is_empty() && again.body.is_empty(), "{path}");
    }
    door.get("/page/nope.js").await.expect(404);
    for path in ["/nope", "/task_resp/", "/sys_info/"] {
        let reply = door.get(path).await.expect(404);
        assert!(reply.reason().contains("/task_resp/{id}"), "{path}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let door = Door::open().await;
    let mut client = door.client().await;
    for (method, path, allowed) in [
        ("GET", "/task_in_queue", "POST"),
        ("PUT", "/task_in_queue", "POST"),
        ("OPTIONS", "/task_in_queue", "POST"),
        ("DELETE", "/task_resp/a", "GET, HEAD"),
        ("DELETE", "/sys_info", "GET, HEAD"),
        ("PATCH", "/v1/jobs/a", "GET, HEAD, DELETE"),
        ("BREW", "/v1/dead/a", "GET, HEAD, POST, DELETE"),
        ("POST", "/v1/schedules", "GET, HEAD"),
        ("DELETE", "/v1/schedules/a", "GET, HEAD, POST"),
        ("DELETE", "/healthz", "GET, HEAD"),
    ] {
        let reply = client.request(method, path, "").await.expect(405);
        assert_eq!(reply.header("allow"), Some(allowed), "{method} {path}");
        assert_eq!(reply.json()["result"], "Fail");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let door = with_jobs(&["a"]).await;
    let mut client = door.client().await;
    for path in ["/", "/sys_info", "/v1/jobs/a", "/healthz", "/readyz"] {
        let head = client.request("HEAD", path, "").await.expect(200);
        let length: usize = head.header("content-length").unwrap().parse().unwrap();
        assert!(length > 0, "{path}");
    }
    // Nothing of a body came in between.
    client.request("GET", "/healthz", "").await.expect(200);
}
