//! `poulpe cron check` and `poulpe cron next`, on the real binary.

use poulpe_tests::{PATIENCE, binary};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

/// Runs in a directory, in Berlin; a command that waits for anything is a failure.
fn cron(words: &[&str], dir: &Path) -> Output {
    let begin = Instant::now();
    let output = Command::new(binary())
        .arg("cron")
        .args(words)
        .current_dir(dir)
        .env("TZ", "Europe/Berlin")
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts");
    assert!(
        begin.elapsed() < PATIENCE,
        "{words:?} took {:?}",
        begin.elapsed()
    );
    output
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn dir_with(name: &str, text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join(name), text).expect("it writes");
    dir
}

#[test]
fn all_problems_are_told_with_line_column_and_caret() {
    let dir = dir_with(
        "a.cron",
        "# fine\n@daily a GET\n0 60 * * * * * b GET\n*/5 * * * * c GET\n0 0 0 13 * FRI * d GET\n",
    );
    let checked = cron(&["check", "a.cron"], dir.path());
    let text = out(&checked);
    assert_eq!(checked.status.code(), Some(1), "{text}");
    assert!(
        text.contains(
            "a.cron:3:3: 60 is no minute: minutes are 0 to 59\n    0 60 * * * * * b GET\n      ^^\n"
        ),
        "{text}"
    );
    assert!(
        text.contains("a.cron:4:1: five fields") && text.contains("`0 */5 * * * * *`"),
        "{text}"
    );
    assert!(text.contains("a.cron:5:1: note: day and weekday"), "{text}");
    assert!(text.ends_with("1 file, 2 entries, 2 problems\n"), "{text}");
}

#[test]
fn a_directory_without_problems_is_told_as_json_with_exit_code_0() {
    let dir = dir_with("b.cron", "CRON_TZ=UTC\nID=x\n0 0 0 13 * FRI * d GET\n");
    fs::write(dir.path().join("a.cron"), "@hourly a GET\n").expect("it writes");
    fs::write(dir.path().join("a.cron~"), "nonsense").expect("it writes");
    fs::write(dir.path().join(".swp"), "nonsense").expect("it writes");
    let checked = cron(&["check", ".", "--json"], dir.path());
    let report = json(&checked);
    assert_eq!(checked.status.code(), Some(0), "{report}");
    let files = report["files"].as_array().expect("files");
    assert_eq!(files.len(), 2, "{report}");
    assert_eq!(
        (
            &files[0]["entries"][0]["words"],
            &files[0]["entries"][0]["zone"]
        ),
        (&"every hour".into(), &"Europe/Berlin".into())
    );
    assert_eq!(
        (&files[1]["entries"][0]["id"], &files[1]["notes"][0]["line"]),
        (&"x".into(), &3.into())
    );
}

#[test]
fn what_can_t_be_read_is_told_and_nothing_is_waited_for() {
    let dir = dir_with("good", "@hourly a GET\n");
    let path = |name: &str| dir.path().join(name);
    let made = Command::new("mkfifo")
        .arg(path("fifo"))
        .status()
        .expect("mkfifo");
    assert!(made.success());
    fs::write(path("huge"), vec![b'#'; 10 << 20]).expect("it writes");
    let checked = cron(
        &["check", "fifo", "/dev/zero", "missing", "huge", "good"],
        dir.path(),
    );
    let text = out(&checked);
    assert_eq!(checked.status.code(), Some(1), "{text}");
    for line in [
        "fifo: a FIFO is no cron file",
        "/dev/zero: a device is no cron file",
        "missing: there is no such file",
        "huge: the file is",
        "1 entry, 4 problems",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert_eq!(cron(&["next", "fifo"], dir.path()).status.code(), Some(1));
    assert_eq!(cron(&["check"], dir.path()).status.code(), Some(2));
}

#[test]
fn a_directory_without_permission_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let closed = dir.path().join("closed");
    fs::create_dir(&closed).expect("it is made");
    fs::set_permissions(&closed, Permissions::from_mode(0o000)).expect("it is closed");
    let may_read = fs::read_dir(&closed).is_ok();
    let checked = cron(&["check", "closed"], dir.path());
    // root may read everything.
    if !may_read {
        assert_eq!(checked.status.code(), Some(1));
        assert!(
            out(&checked).contains("closed: this user may not read it"),
            "{checked:?}"
        );
    }
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).expect("it is opened");
}

#[test]
fn the_next_fire_times_show_what_clocks_do() {
    let dir = dir_with(
        "a.cron",
        "0 30 2 * * * * /bin/backup EXEC\n0 */30 * * * * * http://x/ GET\n",
    );
    let gap = out(&cron(
        &["next", "a.cron", "--around", "2027-03-28", "-n", "4"],
        dir.path(),
    ));
    let lines: Vec<&str> = gap.lines().collect();
    assert_eq!(
        lines,
        [
            "2027-03-28 01:00:00 +01:00  2027-03-28T00:00:00Z  line 2  GET http://x/",
            "2027-03-28 01:30:00 +01:00  2027-03-28T00:30:00Z  line 2  GET http://x/",
            "2027-03-28 03:00:00 +02:00  2027-03-28T01:00:00Z  line 1  EXEC /bin/backup  gap: clocks skip 02:00:00 to 03:00:00, runs at its end instead of at 02:30:00",
            "2027-03-28 03:00:00 +02:00  2027-03-28T01:00:00Z  line 2  GET http://x/  gap: clocks skip 02:00:00 to 03:00:00, nothing is left out of elapsed time",
        ]
    );
    let words = [
        "next",
        "0 */30 * * * * *",
        "--around",
        "2027-10-31",
        "-n",
        "6",
        "--zone",
        "Europe/Berlin",
        "--json",
    ];
    let fold = json(&cron(&words, dir.path()));
    let clocks: Vec<&Value> = fold["fires"]
        .as_array()
        .expect("fires")
        .iter()
        .map(|fire| &fire["clocks"])
        .collect();
    assert_eq!(
        clocks,
        [
            &Value::Null,
            &"fold first pass".into(),
            &"fold first pass".into(),
            &"fold second pass".into(),
            &"fold second pass".into(),
            &Value::Null
        ]
    );
}

#[test]
fn a_bad_expression_zone_or_day_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    for (words, told) in [
        (vec!["next", "0 0 0 30 2 * *"], "never fires"),
        (
            vec!["next", "0 60 * * * * *"],
            "expression:1:3: 60 is no minute",
        ),
        (
            vec!["next", "@hourly", "--zone", "Asia/Shangai"],
            "did you mean Asia/Shanghai?",
        ),
        (
            vec!["next", "@hourly", "--around", "2027-02-30"],
            "is no day",
        ),
        (vec!["next", "nothing"], "there is no such file"),
    ] {
        let output = cron(&words, dir.path());
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert!(err(&output).contains(told), "{words:?}: {}", err(&output));
    }
}
