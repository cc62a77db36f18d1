//! The disk is full, breaks or vanishes under the daemon: it says so, promises nothing that it can't keep, and keeps
//! what it has promised.

use poulpe_tests::{Answer, Daemon, Disk, Home, Load, Target, eventually, say};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Large enough for the segment in use and a spare, too small for three.
const MEBIBYTES: u64 = 160;

fn data_of(disk: &Disk) -> PathBuf {
    disk.path().join("data")
}

fn start(home: &Home, data: &Path) -> Daemon {
    home.start(&["--data", data.to_str().expect("text"), "--drain", "0"])
}

/// A task that fills a page or two of the log and waits at the target, or an hour.
fn large(target: &Target, number: usize) -> Value {
    let delay = if number.is_multiple_of(2) { 3_600 } else { 0 };
    json!({
        "id": format!("large-{number}"),
        "method": "POST",
        "name": format!("{}/hang/{number}", target.url),
        "params": "x".repeat(60_000),
        "delay": delay,
    })
}

/// Submits large tasks until one is refused: how many were accepted, half of them delayed, and the refusal.
fn submit_until_refused(daemon: &Daemon, target: &Target) -> (usize, Answer) {
    for number in 0..4_000 {
        let answer = daemon.submit(&large(target, number));
        if answer.status != 200 {
            return (number, answer);
        }
    }
    panic!("four thousand large tasks had room on a small disk");
}

fn count(daemon: &Daemon, state: &str) -> u64 {
    let counts = &daemon.get("/sys_info").json["counts"];
    counts[state].as_u64().expect("a count")
}

/// What `/readyz` says is wrong.
fn trouble(daemon: &Daemon) -> String {
    let answer = daemon.get("/readyz");
    let checks = answer.json["checks"].as_array().expect("checks");
    let bad = checks.iter().filter(|check| check["ok"] == false);
    let reasons = bad.map(|check| check["reason"].as_str().unwrap_or_default());
    let reasons: Vec<&str> = reasons.collect();
    assert_eq!(answer.status == 503, !reasons.is_empty(), "{answer:?}");
    reasons.join("; ")
}

#[test]
fn a_full_disk_refuses_new_tasks_settles_the_others_and_recovers_by_itself() {
    let Some(disk) = Disk::for_test("full-disk", MEBIBYTES) else {
        return;
    };
    let (home, target, data) = (Home::new(), Target::start(), data_of(&disk));
    let daemon = start(&home, &data);
    eventually("the spare is there", || data.join("spare").exists());
    disk.fill();

    let (accepted, refusal) = submit_until_refused(&daemon, &target);
    assert_eq!(refusal.status, 503, "{refusal:?}");
    assert_eq!(refusal.retry_after.as_deref(), Some("1"), "{refusal:?}");
    assert!(refusal.text("reason").contains("no room"), "{refusal:?}");
    assert!(trouble(&daemon).contains("no room"), "{}", trouble(&daemon));
    assert_eq!(daemon.get("/healthz").status, 200);

    target.open();
    eventually("what was accepted has run and is settled", || {
        ["ready", "running", "retrying"]
            .iter()
            .all(|state| count(&daemon, state) == 0)
    });
    let (delayed, run) = (accepted.div_ceil(2), accepted / 2);
    assert_eq!((target.distinct(), target.most_calls()), (run, 1));
    assert_eq!(count(&daemon, "done"), run as u64);
    assert_eq!(daemon.submit(&large(&target, accepted)).status, 503);

    disk.make_room();
    let after = json!({"method": "GET", "name": target.url, "wait": 60});
    eventually("new tasks are taken again", || {
        daemon.submit(&after).text("state") == "done"
    });
    eventually("it is ready again", || trouble(&daemon).is_empty());
    daemon.kill();
    let daemon = start(&home, &data);
    assert_eq!(count(&daemon, "delayed"), delayed as u64);
    assert_eq!(target.most_calls(), 1, "nothing runs twice");
    say(&format!(
        "full disk: {accepted} large tasks accepted, {run} run, {delayed} delayed, none lost"
    ));
}

#[test]
fn a_start_without_room_is_refused_with_the_reason_and_loses_nothing() {
    let Some(disk) = Disk::for_test("full-disk", MEBIBYTES) else {
        return;
    };
    let (home, target, data) = (Home::new(), Target::start(), data_of(&disk));
    let daemon = start(&home, &data);
    assert_eq!(daemon.submit(&large(&target, 0)).status, 200);
    // Half a spare would be removed at the start, and so make room.
    eventually("the spare is there", || data.join("spare").exists());
    daemon.kill();
    disk.fill();
    let (status, said) = home.run(&["--data", data.to_str().expect("text")]);
    assert_eq!(status.code(), Some(69), "{said}");
    assert!(said.contains("free some space"), "{said}");
    disk.make_room();
    assert_eq!(count(&start(&home, &data), "delayed"), 1);
}

/// The store has stopped for good, says why everywhere, and nothing after that says something else.
fn assert_stopped(home: &Home, daemon: &Daemon, cause: &str) {
    let health = daemon.get("/healthz");
    assert_eq!(health.status, 500, "{health:?}");
    assert!(health.text("reason").contains(cause), "{health:?}");
    assert!(trouble(daemon).contains(cause), "{}", trouble(daemon));
    let log = home.log();
    let last = log.lines().last().expect("a line");
    assert!(
        log.contains("restart when the cause is gone") && last.contains(cause),
        "{log}"
    );
}

#[test]
fn a_disk_that_answers_eio_stops_the_store_and_nothing_is_lost() {
    let stops = |disk: &Disk| disk.cut_power();
    stops_and_loses_nothing("Input/output error", stops);
}

#[test]
fn a_file_system_that_turns_read_only_stops_the_store_and_nothing_is_lost() {
    let stops = |disk: &Disk| disk.become_read_only();
    stops_and_loses_nothing("Read-only file system", stops);
}

fn stops_and_loses_nothing(cause: &str, break_it: fn(&Disk)) {
    let Some(disk) = Disk::for_test("failing-disk", MEBIBYTES) else {
        return;
    };
    let (home, target, load) = (Home::new(), Target::start(), Load::of(100));
    let daemon = start(&home, &data_of(&disk));
    load.during(&daemon, &target, || {
        load.wait_for(100);
        break_it(&disk);
        eventually("it is unwell", || daemon.get("/healthz").status == 500);
    });
    assert_stopped(&home, &daemon, cause);
    daemon.kill();
    disk.remount();
    let kept = load.kept(&start(&home, &data_of(&disk)), &target);
    say(&format!("{cause}: {kept:?}"));
    assert_eq!((kept.lost, kept.doubled), (0, 0));
}

#[test]
fn a_data_directory_that_vanishes_stops_the_store_before_anything_more_is_accepted() {
    let (home, target) = (Home::new(), Target::start());
    let data = home.path().join("data");
    let daemon = start(&home, &data);
    eventually("the spare is there", || data.join("spare").exists());
    let before = json!({"method": "GET", "name": target.url, "delay": 3_600});
    assert_eq!(daemon.submit(&before).status, 200);
    std::fs::remove_dir_all(&data).expect("all is removed");
    let (accepted, refusal) = submit_until_refused(&daemon, &target);
    assert_eq!(accepted, 0, "accepted into files that have gone");
    assert_eq!(refusal.status, 503, "{refusal:?}");
    assert_stopped(&home, &daemon, "removed by somebody else");
}
