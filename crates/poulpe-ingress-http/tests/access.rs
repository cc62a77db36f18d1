//! Who may ask, and in which form 0.2's clients are answered.

mod common;

use common::{Door, config};
use poulpe_core::IngressError;
use poulpe_ingress_http::HttpIngress;
use std::sync::atomic::Ordering::Relaxed;

const TASK: &str = r#"{"id":"a","method":"GET","name":"x"}"#;

#[tokio::test]
async fn with_a_token_every_route_but_healthz_wants_it() {
    let mut config = config();
    config.token = Some("s3cret".into());
    let door = Door::with(config).await;
    for path in [
        "/metrics",
        "/task_resp/a",
        "/sys_info",
        "/v1/jobs",
        "/v1/stats",
        "/readyz",
        "/nope",
    ] {
        let reply = door.get(path).await.expect(401);
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"), "{path}");
        assert!(!reply.reason().contains("s3cret"));
    }
    door.submit(TASK).await.expect(401);
    assert!(door.fake.ids().is_empty());
    door.get("/healthz").await.expect(200);
    let mut client = door.client().await;
    for (header, status) in [
        ("authorization: Bearer wrong\r\n", 401),
        ("authorization: Bearer s3cret\r\n", 200),
    ] {
        client
            .request_with("GET", "/sys_info", header, "")
            .await
            .expect(status);
    }
    let right = "authorization: Bearer s3cret\r\norigin: https://elsewhere\r\n";
    client
        .request_with("POST", "/task_in_queue", right, TASK)
        .await
        .expect(200);
}

#[tokio::test]
async fn without_a_token_pages_of_other_sites_change_nothing() {
    let door = Door::open().await;
    for (origin, status) in [
        ("https://evil.example", 403),
        ("null", 403),
        ("http://h", 200),
    ] {
        let header = format!("origin: {origin}\r\n");
        let mut client = door.client().await;
        client
            .request_with("POST", "/task_in_queue", &header, TASK)
            .await
            .expect(status);
        let deleted = client.request_with("DELETE", "/v1/jobs/a", &header, "");
        if status == 200 {
            deleted.await.expect(200);
        }
    }
}

#[tokio::test]
async fn legacy_status_is_200_on_the_three_old_routes_only() {
    let mut config = config();
    config.legacy_status = true;
    let door = Door::with(config).await;
    let bad = door.submit("{}").await.expect(200);
    assert_eq!(bad.json()["result"], "Fail");
    let unknown = door.get("/task_resp/nope").await.expect(200);
    assert_eq!(unknown.json()["result"], "Fail");
    door.get("/sys_info?limit=x").await.expect(200);
    door.get("/v1/jobs/nope").await.expect(404);
    door.fake.busy.store(true, Relaxed);
    door.submit(TASK).await.expect(200);
    door.fake.broken.store(true, Relaxed);
    door.get("/healthz").await.expect(500);
}

#[tokio::test]
async fn a_port_in_use_is_named_with_the_way_out() {
    let door = Door::open().await;
    let mut config = config();
    config.port = door.addr.port();
    let taken = HttpIngress::bind(config, door.fake.clone()).await;
    let IngressError(reason) = taken.expect_err("the port is taken");
    assert!(reason.contains(&door.addr.port().to_string()), "{reason}");
    assert!(reason.contains("--port"), "{reason}");
}

#[tokio::test]
async fn an_address_of_another_host_and_an_empty_token_are_refused() {
    let door = Door::open().await;
    let mut foreign = config();
    foreign.listen = [192, 0, 2, 1].into();
    let refused = HttpIngress::bind(foreign, door.fake.clone()).await;
    assert!(refused.unwrap_err().0.contains("--listen"));
    let mut empty = config();
    empty.token = Some(String::new());
    assert!(HttpIngress::bind(empty, door.fake.clone()).await.is_err());
}
