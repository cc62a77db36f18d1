//! Following redirects, and not following them.

use crate::server::{Server, answer, ok};
use crate::{LONG, executor, get, post, run, with_headers};
use poulpe_core::RetryAdvice;

/// Answers `/` with this status and location, everything else with 200.
fn redirecting(status: &'static str, location: &str) -> Server {
    let headers = format!("Location: {location}\r\n");
    Server::answering(move |request| {
        if request.target == "/" {
            return answer(status, &headers, "moved");
        }
        ok("here")
    })
}

#[test]
fn methods_and_bodies_are_treated_as_browsers_do() {
    let executor = executor();
    for (status, method, body) in [
        ("301 Moved Permanently", "GET", ""),
        ("302 Found", "GET", ""),
        ("303 See Other", "GET", ""),
        ("307 Temporary Redirect", "POST", "{}"),
        ("308 Permanent Redirect", "POST", "{}"),
    ] {
        let server = redirecting(status, "/next?x#part");
        let output = run(&executor, post(&server.url("/"), "{}"), LONG).unwrap();
        assert_eq!(output.text, "here", "{status}");
        let seen = server.seen();
        let last = &seen[1];
        assert_eq!(
            (last.method.as_str(), last.target.as_str()),
            (method, "/next?x")
        );
        assert_eq!(last.body, body.as_bytes(), "{status}");
        assert_eq!(last.header("content-type").is_some(), method == "POST");
        assert_eq!(last.header("poulpe-job-id"), Some("job-1"));
        assert_eq!(server.connections(), 1, "{status}");
    }
}

#[test]
fn a_circle_ends_after_five_redirects() {
    let server = Server::always(answer("302 Found", "Location: /again\r\n", ""));
    let failure = run(&executor(), get(&server.url("/"), ""), LONG).unwrap_err();
    assert_eq!(
        failure.reason,
        format!(
            "redirected more than 5 times, last to {}; is it a circle?",
            server.place()
        )
    );
    assert_eq!(server.seen().len(), 6);
}

#[test]
fn a_redirect_to_a_metadata_address_is_refused_for_good() {
    for host in [
        "169.254.169.254",
        "0xA9FEA9FE",
        "2852039166",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "100.100.100.200",
    ] {
        let server = redirecting("302 Found", &format!("http://{host}/latest/meta-data"));
        let failure = run(&executor(), get(&server.url("/"), ""), LONG).unwrap_err();
        assert_eq!(failure.retry, RetryAdvice::Never, "{host}: {failure:?}");
        assert!(
            failure.reason.contains("never called"),
            "{host}: {failure:?}"
        );
    }
}

#[test]
fn a_redirect_to_nowhere_has_a_reason() {
    for location in ["ftp://127.0.0.1/", "http://", "http://h:99999/"] {
        let server = redirecting("302 Found", location);
        let failure = run(&executor(), get(&server.url("/"), ""), LONG).unwrap_err();
        assert!(
            failure.reason.contains("redirects to where nothing"),
            "{failure:?}"
        );
        assert_eq!(failure.status, Some(302));
    }
}

#[test]
fn a_3xx_without_location_is_an_answer() {
    let server = Server::always(answer("302 Found", "", "x"));
    let failure = run(&executor(), get(&server.url("/"), ""), LONG).unwrap_err();
    assert_eq!((failure.status, failure.output.as_str()), (Some(302), "x"));
}

#[test]
fn secrets_are_not_carried_to_another_host() {
    let own = [
        ("Authorization", "Bearer s3cret"),
        ("Cookie", "session=s3cret"),
        ("X-Api-Key", "s3cret"),
        ("Accept-Language", "fr"),
    ];
    let other = Server::always(ok(""));
    let server = redirecting("307 Temporary Redirect", &other.url("/"));
    let task = with_headers(post(&server.url("/"), "{}"), &own);
    run(&executor(), task, LONG).unwrap();
    let (first, second) = (server.only(), other.only());
    for (name, value) in &own[..3] {
        assert_eq!(first.header(name), Some(*value));
        assert_eq!(second.header(name), None, "{name}");
    }
    assert_eq!(second.header("accept-language"), Some("fr"));
    assert_eq!(second.header("content-type"), Some("application/json"));
    assert_eq!(second.header("poulpe-job-id"), Some("job-1"));
    assert_eq!(second.body, b"{}");
}

#[test]
fn name_and_password_of_the_url_are_not_carried_to_another_host() {
    let other = Server::always(ok(""));
    let server = redirecting("302 Found", &other.url("/"));
    let url = format!("http://me:s3cret@{}/", server.place());
    run(&executor(), get(&url, ""), LONG).unwrap();
    assert!(server.only().header("authorization").is_some());
    assert_eq!(other.only().header("authorization"), None);
}

#[test]
fn secrets_stay_on_the_same_host() {
    let server = redirecting("302 Found", "/next");
    let own = [("Authorization", "Bearer s3cret")];
    run(
        &executor(),
        with_headers(get(&server.url("/"), ""), &own),
        LONG,
    )
    .unwrap();
    assert_eq!(
        server.seen()[1].header("authorization"),
        Some("Bearer s3cret")
    );
}
