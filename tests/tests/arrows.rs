//! The dependency arrows of DESIGN.md section 2. A new one is a decision: write it into docs/architecture.md first.

use serde_json::Value;
use std::process::Command;

/// What each crate may depend on within the workspace. Development dependencies are free.
const ARROWS: [(&str, &[&str]); 12] = [
    ("poulpe-job", &[]),
    ("poulpe-store", &["poulpe-job"]),
    ("poulpe-store-embedded", &["poulpe-store", "poulpe-job"]),
    ("poulpe-store-redis", &["poulpe-store", "poulpe-job"]),
    ("poulpe-cron", &["poulpe-job"]),
    (
        "poulpe-core",
        &["poulpe-store", "poulpe-cron", "poulpe-job"],
    ),
    ("poulpe-exec-http", &["poulpe-core"]),
    ("poulpe-exec-command", &["poulpe-core"]),
    ("poulpe-exec-mail", &["poulpe-core"]),
    ("poulpe-ingress-http", &["poulpe-core"]),
    ("poulpe-ingress-kafka", &["poulpe-core"]),
    ("poulpe-tests", &[]),
];

/// Crates that may depend on everything.
const TOPS: [&str; 2] = ["poulpe", "poulpe-benches"];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    serde_json::from_slice(&output.stdout).expect("metadata")
}

/// (crate, what it depends on that isn't allowed), and crates without a rule.
fn wrong(metadata: &Value) -> Vec<(String, String)> {
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name");
        if TOPS.contains(&name) {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(of, _)| *of == name) else {
            wrong.push((name.to_string(), "no rule".to_string()));
            continue;
        };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let on = dependency["name"].as_str().expect("a name");
            let is_ours = on == "poulpe" || on.starts_with("poulpe-");
            if is_ours && dependency["kind"] != "dev" && !allowed.contains(&on) {
                wrong.push((name.to_string(), on.to_string()));
            }
        }
    }
    wrong
}

#[test]
fn every_dependency_arrow_is_one_of_the_design() {
    assert_eq!(wrong(&metadata()), []);
}

#[test]
fn a_wrong_arrow_is_refused() {
    let mut metadata = metadata();
    let packages = metadata["packages"].as_array_mut().expect("packages");
    let store = packages
        .iter_mut()
        .find(|package| package["name"] == "poulpe-store")
        .expect("the store");
    let arrow = serde_json::json!({"name": "poulpe-core", "kind": null});
    store["dependencies"]
        .as_array_mut()
        .expect("dependencies")
        .push(arrow);
    assert_eq!(
        wrong(&metadata),
        [("poulpe-store".to_string(), "poulpe-core".to_string())]
    );
}
