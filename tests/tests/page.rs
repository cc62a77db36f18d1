//! The web page in a real browser (Chromium, driven by page.py), against the real binary.

use poulpe_tests::{Daemon, Home, Target, eventually};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const NASTY: &str = "<img src=x onerror=window.hacked=1>";
const NASTY_NAME: &str = "http://127.0.0.1:1/nasty";

/// Runs a scenario of page.py. With `POULPE_PICTURES` the screenshots are kept there.
fn browse(daemon: &Daemon, scenario: &str, language: &str, more: &Value) {
    let mut settings = json!({"url": daemon.url, "scenario": scenario, "language": language,
        "pictures": std::env::var("POULPE_PICTURES").unwrap_or_default()});
    let fields = settings.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/page.py");
    let output = Command::new("/usr/bin/python3")
        .arg(script)
        .arg(settings.to_string())
        .output()
        .expect("Python starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{said}\nneeds Debian's chromium, chromium-driver and python3-selenium, which scripts/test installs"
    );
}

#[test]
fn an_operator_sees_everything_at_a_glance_in_light_dark_and_on_a_phone() {
    let (home, target) = (Home::new(), Target::start());
    let daemon = home.start(&[]);
    let task = json!({"method": "GET", "name": format!("{}/x", target.url), "wait": 30});
    for _ in 0..20 {
        assert_eq!(daemon.submit(&task).text("state"), "done");
    }
    browse(&daemon, "looks", "en-GB", &json!({}));
}

#[test]
fn an_operator_acts_and_a_jobs_text_never_becomes_markup() {
    let (home, target) = (Home::new(), Target::start());
    let cron = home.path().join("cron");
    std::fs::write(
        &cron,
        format!(
            "ID=yearly\n0 0 0 1 1 ? * {} GET\n",
            target.url.clone() + "/yearly"
        ),
    )
    .expect("a file");
    let daemon = home.start(&["--cron", cron.to_str().expect("UTF-8"), "--max_retry", "0"]);
    let nasty =
        json!({"id": NASTY, "method": "POST", "name": NASTY_NAME, "params": NASTY, "delay": 3600});
    assert_eq!(daemon.submit(&nasty).text("state"), "delayed");
    for id in ["dead-1", "dead-2", "dead-3"] {
        let task =
            json!({"id": id, "method": "GET", "name": format!("{}/fail", target.url), "wait": 30});
        assert_eq!(daemon.submit(&task).text("state"), "dead");
    }
    let more = json!({"nasty": NASTY, "nasty_name": NASTY_NAME, "target": format!("{}/by-hand", target.url)});
    browse(&daemon, "acts", "en", &more);
    assert_eq!(daemon.get("/v1/dead/dead-1").status, 404);
    eventually("the revived ones run again and die again", || {
        daemon.get("/v1/dead").json["jobs"]
            .as_array()
            .is_some_and(|jobs| jobs.len() == 2)
    });
    assert_eq!(daemon.get("/task_resp/by%20hand").text("result"), "OK");
}

#[test]
fn a_token_is_asked_for_and_wanted() {
    let home = Home::new();
    let daemon = home.start(&["--token", "s3cret"]);
    browse(&daemon, "token", "en", &json!({"token": "s3cret"}));
}

#[test]
fn it_speaks_the_browsers_language_and_obeys_the_keyboard() {
    let home = Home::new();
    let daemon = home.start(&[]);
    browse(&daemon, "chinese", "zh-CN", &json!({}));
}
