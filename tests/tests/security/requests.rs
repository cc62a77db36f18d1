//! Hostile requests: framing, heads, hosts and sites, paths, sizes, pace. Rows for other ways in belong beside these.

use crate::wire::{Reply, request, send, send_and_end};
use poulpe_tests::{Home, Target};
use serde_json::json;
use std::collections::BTreeSet;

/// An attack.
struct Attack {
    /// The check that stops it; each stands here once.
    check: &'static str,
    bytes: Vec<u8>,
    /// Whether the client says that no more will come.
    ends: bool,
    status: u16,
    /// What the answer says, where it says anything.
    says: &'static str,
}

fn attack(
    check: &'static str,
    bytes: impl Into<Vec<u8>>,
    status: u16,
    says: &'static str,
) -> Attack {
    Attack {
        check,
        bytes: bytes.into(),
        ends: false,
        status,
        says,
    }
}

const TASK: &str = r#"{"method":"GET","name":"http://127.0.0.1:1/"}"#;

/// A task with these headers and this body, byte for byte.
fn post(headers: &str, body: &str) -> String {
    format!("POST /task_in_queue HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n{body}")
}

fn chunked(body: &str) -> String {
    post("transfer-encoding: chunked\r\n", body)
}

fn get(path: &str) -> Vec<u8> {
    request("GET", path, "", "")
}

/// Heads and bodies that two servers in a row could cut differently, and other nonsense.
fn framing() -> Vec<Attack> {
    let many = |count: usize| {
        (0..count)
            .map(|n| format!("a{n}: b\r\n"))
            .collect::<String>()
    };
    let broken = "the body could not be read";
    vec![
        attack(
            "lengths differ",
            post("content-length: 1\r\ncontent-length: 45\r\n", TASK),
            400,
            "",
        ),
        attack(
            "length is a list",
            post("content-length: 45, 45\r\n", TASK),
            400,
            "",
        ),
        attack(
            "length has a sign",
            post("content-length: +45\r\n", TASK),
            400,
            "",
        ),
        attack(
            "length beyond 64 bits",
            post("content-length: 99999999999999999999\r\n", TASK),
            400,
            "",
        ),
        attack(
            "length that is kept for another meaning",
            post("content-length: 18446744073709551615\r\n", TASK),
            431,
            "",
        ),
        attack(
            "last coding isn't chunked",
            post(
                "transfer-encoding: chunked\r\ntransfer-encoding: gzip\r\n",
                "0\r\n\r\n",
            ),
            400,
            "",
        ),
        attack(
            "coding before HTTP/1.1",
            "POST /task_in_queue HTTP/1.0\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "",
        ),
        attack(
            "size of a chunk is no number",
            chunked("zz\r\n"),
            400,
            broken,
        ),
        attack(
            "size of a chunk beyond 64 bits",
            chunked("FFFFFFFFFFFFFFFFF\r\n"),
            400,
            broken,
        ),
        attack(
            "chunk longer than its size",
            chunked("2\r\n{}XX\r\n0\r\n\r\n"),
            400,
            broken,
        ),
        attack(
            "line feed in a chunk's extension",
            chunked("2;a\nb\r\n{}\r\n0\r\n\r\n"),
            400,
            broken,
        ),
        attack(
            "endless extension of a chunk",
            chunked(&format!("2;{}", "x".repeat(20_000))),
            400,
            broken,
        ),
        attack(
            "too many trailers",
            chunked(&format!("2\r\n{{}}\r\n0\r\n{}\r\n", many(2_000))),
            400,
            broken,
        ),
        Attack {
            ends: true,
            ..attack(
                "body shorter than its length",
                post("content-length: 100\r\n", "{"),
                400,
                broken,
            )
        },
        attack("space before a colon", post("x : y\r\n", ""), 400, ""),
        attack("folded header", post("x: y\r\n z\r\n", ""), 400, ""),
        attack(
            "carriage return in a header",
            post("x: y\rz\r\n", ""),
            400,
            "",
        ),
        attack("NUL in a header", post("x: y\0z\r\n", ""), 400, ""),
        attack("header without colon", post("xyz\r\n", ""), 400, ""),
        attack("header without name", post(": y\r\n", ""), 400, ""),
        attack("number of headers", post(&many(101), ""), 431, ""),
        attack(
            "bytes of a head",
            post(&format!("x: {}\r\n", "a".repeat(66_000)), ""),
            431,
            "",
        ),
        attack(
            "version of HTTP",
            "GET /healthz HTTP/1.2\r\nhost: localhost\r\n\r\n",
            400,
            "",
        ),
        attack("HTTP/0.9", "GET /healthz\r\n\r\n", 400, ""),
        attack(
            "HTTP/2 without being asked",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            0,
            "",
        ),
        attack(
            "method that is no word",
            "GE(T /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n",
            400,
            "",
        ),
        attack(
            "control character in a URL",
            "GET /a\x01 HTTP/1.1\r\nhost: localhost\r\n\r\n",
            400,
            "",
        ),
        attack(
            "bytes in a URL that aren't ASCII",
            b"GET /\xff HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
            400,
            "",
        ),
    ]
}

/// Whom the request is for, and which page made the browser send it.
fn hosts_and_sites() -> Vec<Attack> {
    let with_host =
        |host: &str| format!("GET /sys_info HTTP/1.1\r\nconnection: close\r\n{host}\r\n");
    let from = |method: &str, path: &str, origin: &str| {
        request(method, path, &format!("origin: {origin}\r\n"), "")
    };
    let unknown = "known by that name";
    let other_site = "a page of another site";
    vec![
        attack("no host", with_host(""), 400, "one `Host` header"),
        attack(
            "two hosts",
            with_host("host: localhost\r\nhost: localhost\r\n"),
            400,
            "one `Host` header",
        ),
        attack(
            "name that leads to the loopback",
            with_host("host: evil.example:8000\r\n"),
            421,
            unknown,
        ),
        attack(
            "another address",
            with_host("host: 10.0.0.1\r\n"),
            421,
            unknown,
        ),
        attack(
            "host that hides behind a user",
            with_host("host: evil@localhost\r\n"),
            421,
            unknown,
        ),
        attack(
            "port that is none",
            with_host("host: localhost:80@evil.example\r\n"),
            421,
            unknown,
        ),
        attack(
            "host in the URL",
            "GET http://evil.example/sys_info HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
            421,
            unknown,
        ),
        attack(
            "tunnel",
            "CONNECT localhost:80 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
            404,
            "no such route",
        ),
        attack(
            "page of another site",
            from("POST", "/task_in_queue", "https://evil.example"),
            403,
            other_site,
        ),
        attack(
            "page without a site",
            from("POST", "/v1/dead/x/revive", "null"),
            403,
            other_site,
        ),
        attack(
            "page of another port deletes",
            from("DELETE", "/v1/jobs/x", "http://localhost:1"),
            403,
            other_site,
        ),
        attack(
            "no CORS unless asked for",
            request(
                "OPTIONS",
                "/task_in_queue",
                "origin: https://evil.example\r\naccess-control-request-method: POST\r\n",
                "",
            ),
            405,
            "this route takes POST only",
        ),
    ]
}

/// Paths, queries and bodies.
fn routes_and_bodies() -> Vec<Attack> {
    let body = |headers: &str, body: &str| request("POST", "/task_in_queue", headers, body);
    let big = format!("{{\"a\":\"{}\"}}", "x".repeat(1_100_000));
    let growing = format!("100000\r\n{}\r\n", " ".repeat(0x10_0000)).repeat(17);
    vec![
        attack("route", get("/admin"), 404, "no such route"),
        attack("method of a route", request("PUT", "/task_in_queue", "", "{}"), 405, "takes POST only"),
        attack("method that echoes", request("TRACE", "/", "", ""), 405, "takes GET, HEAD only"),
        attack("path out of the tree", get("/task_resp/../../etc/passwd?timeout=0"), 404, "no job has this id"),
        attack("encoded path out of the tree", get("/v1/dead/%2e%2e%2f%2e%2e%2fetc%2fpasswd"), 404, "no dead letter has this id"),
        attack("NUL in an id", get("/v1/jobs/a%00"), 400, "control characters"),
        attack("id that isn't text", get("/v1/jobs/%FF"), 400, "not UTF-8 after"),
        attack("length of an id", get(&format!("/v1/jobs/{}", "a".repeat(201))), 400, "201 bytes long"),
        attack("time to wait", get("/task_resp/x?timeout=1e9"), 400, "`timeout`"),
        attack("number of ids", get("/sys_info?limit=1001"), 400, "`limit`: must be"),
        attack("page of nothing", get("/v1/jobs?limit=0"), 400, "at least 1 job"),
        attack("page", get("/v1/jobs?after=-1"), 400, "`after`"),
        attack("state", get("/v1/jobs?state=x'%20OR%201=1"), 400, "`state`"),
        attack("verb of a dead letter", request("POST", "/v1/dead/x/explode", "", ""), 404, "/v1/dead/{id}/revive"),
        attack("verb of a schedule", request("POST", "/v1/schedules/x/explode", "", ""), 404, "/v1/schedules/{id}/run"),
        attack("length that is announced", post("content-length: 17000000\r\n", "["), 413, "an array of tasks"),
        attack("size of a task", body("", &big), 413, "a task may have"),
        attack("size of an array as it grows", chunked(&growing), 413, "16777216 bytes"),
        attack("tasks of an array", body("", &format!("[{}1]", "1,".repeat(10_000))), 400, "10001 tasks"),
        attack("form of a page", body("content-type: application/x-www-form-urlencoded\r\n", "method=GET"), 400, "task is not valid JSON: expected value"),
        attack("body that isn't text", [&b"POST /task_in_queue HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n\r\n"[..], b"\x1f\x8b"].concat(), 400, "not UTF-8: first bad byte"),
        attack("empty body", body("", ""), 400, "body is empty"),
    ]
}

#[test]
fn every_hostile_request_gets_its_answer_and_harms_nothing() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    let attacks = all();
    let checks: BTreeSet<&str> = attacks.iter().map(|attack| attack.check).collect();
    assert_eq!(checks.len(), attacks.len(), "two rows for one check");
    assert!(attacks.len() >= 60, "{}", attacks.len());
    let mut passed = Vec::new();
    for attack in &attacks {
        let reply = if attack.ends {
            send_and_end(&daemon.url, &attack.bytes)
        } else {
            send(&daemon.url, &attack.bytes)
        };
        // Nothing was taken for a second request.
        let answers = reply.text.matches("HTTP/1.1 ").count();
        let is_stopped =
            reply.status == attack.status && reply.text.contains(attack.says) && answers <= 1;
        if !is_stopped {
            passed.push(format!("{}: {reply:?}", attack.check));
        }
    }
    assert!(passed.is_empty(), "{}", passed.join("\n"));
    let counts = daemon.get("/v1/stats").json["counts"].clone();
    let none = json!({"delayed": 0, "ready": 0, "running": 0, "retrying": 0, "dead": 0, "done": 0});
    assert_eq!(counts, none, "something was accepted");
    let task = json!({"method": "GET", "name": target.url, "wait": 30});
    assert_eq!(daemon.submit(&task).text("result"), "OK");
}

/// Every row.
fn all() -> Vec<Attack> {
    let mut all = framing();
    all.extend(hosts_and_sites());
    all.extend(routes_and_bodies());
    all
}

/// With both a length and chunks RFC 9112 lets a server take the chunks, if it closes then: whatever a proxy took for the rest
/// of the body must not become a request.
#[test]
fn a_request_hidden_behind_two_lengths_is_never_read() {
    let home = Home::new();
    let daemon = home.start(&[]);
    let hidden = post("content-length: 45\r\n", TASK);
    for headers in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
    ] {
        let reply = send(
            &daemon.url,
            post(headers, &format!("0\r\n\r\n{hidden}")).as_bytes(),
        );
        assert_eq!(reply.status, 400, "{reply:?}");
        assert_eq!(
            reply.text.matches("HTTP/1.1 ").count(),
            1,
            "{headers}: {reply:?}"
        );
    }
    assert_eq!(daemon.get("/v1/stats").json["counts"]["done"], 0);
    assert_eq!(daemon.get("/v1/jobs").json["jobs"], json!([]));
}

#[test]
fn a_head_that_never_ends_closes_the_connection() {
    let home = Home::new();
    let daemon = home.start(&[]);
    let reply = send(
        &daemon.url,
        b"POST /task_in_queue HTTP/1.1\r\nhost: localhost\r\nx: ",
    );
    assert_eq!(reply.status, 0, "{reply:?}");
}

#[test]
fn a_body_that_never_ends_is_answered_and_closed() {
    let home = Home::new();
    let daemon = home.start(&[]);
    let reply = send(&daemon.url, post("content-length: 45\r\n", "{").as_bytes());
    assert_eq!(reply.status, 408, "{reply:?}");
    assert!(reply.has_header("connection: close"), "{reply:?}");
}

#[test]
fn with_a_token_each_way_around_it_is_closed() {
    let home = Home::new();
    let daemon = home.start(&["--token", "s3cret-token"]);
    let info = |header: &str| request("GET", "/sys_info", header, "");
    for (check, bytes, status) in [
        ("no token", info(""), 401),
        ("wrong token", info("authorization: Bearer s3cret-tokem\r\n"), 401),
        ("start of the token", info("authorization: Bearer s3cret\r\n"), 401),
        ("token and more", info("authorization: Bearer s3cret-token-\r\n"), 401),
        ("empty token", info("authorization: Bearer \r\n"), 401),
        ("scheme", info("authorization: Basic s3cret-token\r\n"), 401),
        ("no scheme", info("authorization: s3cret-token\r\n"), 401),
        ("token in the URL", get("/sys_info?token=s3cret-token"), 401),
        ("route that isn't there", get("/nope"), 401),
        ("readiness", get("/readyz"), 401),
        ("metrics", get("/metrics"), 401),
        // The files of the page tell nothing; its script asks for the token.
        ("page", get("/"), 200),
        ("method that isn't taken", request("PUT", "/sys_info", "", ""), 401),
        ("preflight", request("OPTIONS", "/sys_info", "origin: https://a\r\naccess-control-request-method: GET\r\n", ""), 401),
        ("digest instead of the secret", info("authorization: Bearer sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\r\n"), 401),
        ("the token itself", info("authorization: bearer s3cret-token\r\n"), 200),
        ("health", get("/healthz"), 200),
        // Another site's page has no token, and names don't matter then.
        ("another name", b"GET /sys_info HTTP/1.1\r\nhost: jobs.example\r\nconnection: close\r\nauthorization: Bearer s3cret-token\r\n\r\n".to_vec(), 200),
    ] {
        let reply = send(&daemon.url, &bytes);
        assert_eq!(reply.status, status, "{check}: {reply:?}");
        assert!(!reply.text.contains("s3cret-token"), "{check}: {reply:?}");
    }
    assert!(!home.log().contains("s3cret"), "{}", home.log());
}

#[test]
fn only_pages_of_named_sites_may_ask_and_read() {
    let home = Home::new();
    let daemon = home.start(&[
        "--cors_origin",
        "https://app.example",
        "--host",
        "jobs.example",
    ]);
    let ask = |method: &str, origin: &str, more: &str| -> Reply {
        let headers = format!("origin: {origin}\r\n{more}");
        let body = if method == "POST" { "{}" } else { "" };
        send(
            &daemon.url,
            &request(method, "/task_in_queue", &headers, body),
        )
    };
    let wish =
        "access-control-request-method: POST\r\naccess-control-request-headers: authorization\r\n";
    let allowed = ask("OPTIONS", "https://app.example", wish);
    assert_eq!(allowed.status, 204, "{allowed:?}");
    for header in [
        "access-control-allow-origin: https://app.example",
        "access-control-allow-methods: get, post, delete",
        "access-control-allow-headers: authorization, content-type",
        "vary: origin",
    ] {
        assert!(allowed.has_header(header), "{header}: {allowed:?}");
    }
    let sent = ask("POST", "https://app.example", "");
    assert_eq!(
        sent.status, 400,
        "the empty task is what is wrong: {sent:?}"
    );
    assert!(sent.has_header("access-control-allow-origin: https://app.example"));
    for method in ["OPTIONS", "POST"] {
        let refused = ask(method, "https://app.example.evil.example", wish);
        assert!(refused.status >= 400, "{refused:?}");
        assert!(!refused.has_header("access-control-allow"), "{refused:?}");
        assert!(refused.has_header("vary: origin"), "{refused:?}");
    }
    let named = "GET /sys_info HTTP/1.1\r\nhost: jobs.example\r\nconnection: close\r\n\r\n";
    assert_eq!(send(&daemon.url, named.as_bytes()).status, 200);
}

#[test]
fn every_answer_tells_browsers_to_be_careful() {
    let home = Home::new();
    let daemon = home.start(&[]);
    for bytes in [
        get("/"),
        get("/healthz"),
        get("/nope"),
        request("POST", "/task_in_queue", "", TASK),
        request(
            "POST",
            "/task_in_queue",
            "origin: https://evil.example\r\n",
            TASK,
        ),
    ] {
        let reply = send(&daemon.url, &bytes);
        for header in [
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: no-referrer",
            "content-security-policy: default-src 'none'",
            "cache-control: no-store",
        ] {
            assert!(reply.has_header(header), "{header}: {reply:?}");
        }
        assert!(!reply.has_header("access-control"), "{reply:?}");
    }
}
