//! `poulpe store check` and `poulpe store repair`, on the real binary.

use poulpe_tests::{Home, binary};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

fn store(words: &[&str], dir: &Path) -> Output {
    let mut command = Command::new(binary());
    command.arg("store").args(words).current_dir(dir);
    // The environment of a daemon is no hindrance.
    command.env("POULPE_PORT", "0").env("POULPE_WORKERS", "2");
    command.output().expect("the binary starts")
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn read(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A daemon's store with jobs that wait for an hour.
fn fill(home: &Home) -> poulpe_tests::Daemon {
    let daemon = home.start(&[]);
    for number in 0..20 {
        let task = json!({"method": "GET", "name": "http://127.0.0.1:1/", "delay": 3600, "id": format!("job-{number}")});
        assert_eq!(daemon.submit(&task).status, 200);
    }
    daemon
}

#[test]
fn a_running_daemon_s_store_is_checked_and_not_repaired() {
    let home = Home::new();
    let daemon = fill(&home);
    let checked = store(&["check", "poulpe-data", "--json"], home.path());
    assert_eq!(code(&checked), Some(0), "{checked:?}");
    let report = read(&checked);
    assert_eq!(
        (
            &report["pid"],
            &report["jobs"]["delayed"],
            &report["problems"]
        ),
        (&json!(daemon.pid()), &json!(20), &json!([]))
    );
    let table = text(&store(&["check", "poulpe-data"], home.path()).stdout);
    assert!(
        table.contains("20 delayed") && table.ends_with("sound\n"),
        "{table}"
    );
    let refused = store(&["repair", "poulpe-data", "--into", "new"], home.path());
    assert_eq!(code(&refused), Some(69));
    assert!(text(&refused.stderr).contains("in use"), "{refused:?}");
}

#[test]
fn damage_is_named_and_repaired_by_the_commands_that_the_daemon_names() {
    let home = Home::new();
    drop(fill(&home));
    let file = home.path().join("poulpe-data/00000001.seg");
    let mut bytes = std::fs::read(&file).expect("it reads");
    let at = bytes.windows(5).position(|window| window == b"job-3");
    bytes[at.expect("a job")] ^= 1;
    std::fs::write(&file, bytes).expect("it writes");
    let (status, said) = home.run(&[]);
    assert_eq!(status.code(), Some(69));
    assert!(
        said.contains("poulpe store repair ./poulpe-data --into NEW"),
        "{said}"
    );
    let checked = store(&["check", "poulpe-data"], home.path());
    assert_eq!(code(&checked), Some(1));
    assert!(
        text(&checked.stdout).contains("00000001.seg, offset"),
        "{checked:?}"
    );
    let repaired = store(
        &["repair", "poulpe-data", "--into", "new", "--json"],
        home.path(),
    );
    assert_eq!(code(&repaired), Some(1), "{repaired:?}");
    assert_eq!(read(&repaired)["living"], 19);
    let daemon = home.start(&["--data", "new"]);
    assert_eq!(daemon.get("/sys_info").json["counts"]["delayed"], 19);
}

#[test]
fn what_can_t_be_read_and_wrong_usage_have_codes_of_their_own() {
    let home = Home::new();
    assert_eq!(code(&store(&["check", "nothing"], home.path())), Some(69));
    assert_eq!(code(&store(&["check"], home.path())), Some(2));
    assert_eq!(
        code(&store(&["repair", "poulpe-data"], home.path())),
        Some(2)
    );
    assert!(!home.path().join("nothing").exists());
}
