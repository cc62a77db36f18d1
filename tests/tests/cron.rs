//! Cron files on the real binary: what they hold fires, whatever becomes of them and of the daemon.

use poulpe_tests::{Answer, Daemon, Home, Target, binary, eventually};
use serde_json::json;
use std::fs;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// A second, and what a busy machine takes beside.
const NOTICED: Duration = Duration::from_secs(3);

/// An entry that fires each second and calls this path.
fn each_second(id: &str, target: &Target) -> String {
    format!("ID={id}\n* * * * * * * {}/{id} GET\n", target.url)
}

/// An entry that fires when nobody reads this any more.
fn once_in_2099(id: &str, target: &Target) -> String {
    format!("ID={id}\n0 0 0 1 1 ? 2099 {}/{id} GET\n", target.url)
}

/// A directory with `a.cron` in it.
fn home_with(text: &str) -> Home {
    let home = Home::new();
    fs::write(home.path().join("a.cron"), text).expect("it writes");
    home
}

fn start(home: &Home) -> Daemon {
    home.start(&["--cron", "a.cron"])
}

fn schedule(daemon: &Daemon, id: &str) -> Answer {
    daemon.get(&format!("/v1/schedules/{id}"))
}

/// Waits until something is noticed, which mustn't take long.
fn soon(what: &str, is_true: impl FnMut() -> bool) {
    let begin = Instant::now();
    eventually(what, is_true);
    let took = begin.elapsed();
    assert!(took < NOTICED, "{what}: only after {took:?}");
}

/// How many fire times of a schedule have run. Asserts that each did once, and that none is missing between the first and
/// the last.
fn fires_without_gap_or_double(schedule: &str, target: &Target) -> usize {
    let begin = format!("{schedule}@");
    let mut runs = target.runs();
    runs.retain(|(id, _)| id.starts_with(&begin));
    runs.sort();
    for pair in runs.windows(2) {
        // What ran at a kill runs again, as a further attempt of the same job.
        assert_ne!(pair[0], pair[1], "doubled: {runs:?}");
    }
    runs.dedup_by(|one, other| one.0 == other.0);
    for pair in runs.windows(2) {
        let (one, next) = (second(&pair[0].0), second(&pair[1].0));
        assert_eq!((one + 1) % 86_400, next, "missing: {runs:?}");
    }
    runs.len()
}

/// Of `a@2027-03-28T01:00:00Z`.
fn second(id: &str) -> u32 {
    let (_, time) = id.rsplit_once('T').expect("a time");
    let mut parts = time.trim_end_matches('Z').split(':');
    let mut next = || parts.next().and_then(|part| part.parse::<u32>().ok());
    let (hour, minute, second) = (next(), next(), next());
    hour.expect("hours") * 3_600 + minute.expect("minutes") * 60 + second.expect("seconds")
}

fn reset(words: &[&str], token: Option<&str>) -> Output {
    let mut command = Command::new(binary());
    command.args(["cron", "reset"]).args(words);
    command.env_remove("POULPE_TOKEN");
    command.envs(token.map(|token| ("POULPE_TOKEN", token)));
    command.output().expect("the binary starts")
}

#[test]
fn an_entry_fires_each_second() {
    let target = Target::start();
    let home = home_with(&each_second("a", &target));
    let daemon = start(&home);
    let greeting = &daemon.greeting;
    assert!(greeting.contains("1 schedule in 1 file"), "{greeting}");
    target.wait_for(3);
    assert!(fires_without_gap_or_double("a", &target) >= 3);
    let shown = schedule(&daemon, "a").json;
    assert_eq!(
        (&shown["words"], &shown["line"], &shown["file"]),
        (&json!("every second"), &json!(2), &json!("a.cron"))
    );
    assert_eq!(shown["next"].as_array().map(Vec::len), Some(5));
}

#[test]
fn files_that_are_replaced_deleted_and_restored_lose_and_repeat_nothing() {
    let target = Target::start();
    let home = home_with(&each_second("a", &target));
    let daemon = start(&home);
    target.wait_for(1);
    let (file, other) = (home.path().join("a.cron"), home.path().join("new"));

    let text = each_second("b", &target) + &each_second("a", &target);
    fs::write(&other, &text).expect("it writes");
    fs::rename(&other, &file).expect("it replaces");
    soon("the new line is seen", || {
        schedule(&daemon, "b").status == 200
    });
    eventually("the new line fires", || target.calls("/b") > 0);

    fs::remove_file(&file).expect("it is there");
    soon("the file is missing", || {
        let list = daemon.get("/v1/schedules").json;
        let missing = list["files"][0]["missing"].as_str().unwrap_or_default();
        missing.contains("no such file") && list["count"] == 0
    });

    fs::write(&file, &text).expect("it writes");
    soon("the file is back", || schedule(&daemon, "a").status == 200);
    let (a, b) = (target.calls("/a"), target.calls("/b"));
    eventually("both fire", || {
        target.calls("/a") > a + 1 && target.calls("/b") > b + 1
    });
    drop(daemon);
    fires_without_gap_or_double("a", &target);
    fires_without_gap_or_double("b", &target);
}

#[test]
fn files_that_come_and_go_in_a_directory_are_noticed() {
    let target = Target::start();
    let home = Home::new();
    let dir = home.path().join("poulpe.d");
    fs::create_dir(&dir).expect("a directory");
    fs::write(dir.join("a"), each_second("a", &target)).expect("it writes");
    let daemon = home.start(&["--cron", "poulpe.d/"]);
    fs::write(dir.join("b"), each_second("b", &target)).expect("it writes");
    soon("the new file is seen", || {
        schedule(&daemon, "b").status == 200
    });
    assert_eq!(schedule(&daemon, "b").json["file"], "poulpe.d/b");
    eventually("it fires", || target.calls("/b") > 0);
    fs::remove_file(dir.join("a")).expect("it is there");
    soon("the old file is gone", || {
        schedule(&daemon, "a").status == 404
    });
}

#[test]
fn a_bad_line_is_shown_and_the_others_fire() {
    let target = Target::start();
    let text = format!(
        "# mine\n0 60 * * * * * x GET\n{}",
        each_second("a", &target)
    );
    let home = home_with(&text);
    let daemon = start(&home);
    target.wait_for(1);
    let list = daemon.get("/v1/schedules").json;
    assert_eq!(
        list["files"],
        json!([{"name": "a.cron", "problems": [
            {"line": 2, "column": 3, "message": "60 is no minute: minutes are 0 to 59"}]}])
    );
    assert_eq!(daemon.get("/readyz").status, 200);
    let log = home.log();
    let told =
        "a.cron:2:3: 60 is no minute: minutes are 0 to 59\n    0 60 * * * * * x GET\n      ^^";
    assert!(log.contains(told), "{log}");
}

#[test]
fn commands_of_a_cron_file_need_no_exec_allow() {
    let home = Home::new();
    let made = home.path().join("made");
    let text = format!("* * * * * * * touch EXEC {}\n", made.display());
    fs::write(home.path().join("a.cron"), text).expect("it writes");
    let daemon = start(&home);
    eventually("the command runs", || made.exists());
    let submitted = daemon.submit(&json!({"method": "EXEC", "name": "touch"}));
    assert_eq!(submitted.status, 400, "{submitted:?}");
}

#[test]
fn a_pause_survives_a_restart() {
    let target = Target::start();
    let home = home_with(&each_second("a", &target));
    let daemon = start(&home);
    target.wait_for(1);
    let paused = daemon.post("/v1/schedules/a/pause", "");
    assert_eq!(
        (paused.status, paused.text("result")),
        (200, "OK"),
        "{paused:?}"
    );
    drop(daemon);
    let daemon = start(&home);
    eventually("it is driven", || schedule(&daemon, "a").status == 200);
    let shown = schedule(&daemon, "a").json;
    assert_eq!(
        (&shown["paused"], &shown["next"]),
        (&json!(true), &json!([]))
    );
    let before = target.calls("/a");
    let resumed = daemon.post("/v1/schedules/a/resume", "");
    assert_eq!(resumed.status, 200, "{resumed:?}");
    eventually("it fires again", || target.calls("/a") > before);
    assert_eq!(schedule(&daemon, "a").json["paused"], false);
}

#[test]
fn a_schedule_is_run_at_a_wish() {
    let target = Target::start();
    let home = home_with(&once_in_2099("a b", &target).replace("/a b", "/ran"));
    let daemon = start(&home);
    let ran = daemon.post("/v1/schedules/a%20b/run", "");
    assert_eq!((ran.status, ran.text("result")), (200, "OK"), "{ran:?}");
    let id = ran.text("id").replace(' ', "%20");
    assert_eq!(daemon.result(&id).text("state"), "done");
    assert_eq!((target.calls("/ran"), target.total()), (1, 1));
    let shown = schedule(&daemon, "a%20b").json;
    assert_eq!(
        (&shown["last"]["job"], &shown["last"]["result"]["result"]),
        (&ran.json["id"], &json!("OK"))
    );
    assert_eq!(daemon.post("/v1/schedules/x/run", "").status, 404);
}

#[test]
fn kills_and_restarts_within_the_second_double_no_fire_time() {
    let target = Target::start();
    let home = home_with(&each_second("a", &target));
    for life in 0..4 {
        let daemon = start(&home);
        target.wait_for(target.total() + 1);
        if life % 2 == 0 {
            // Now and then between the write of the next job and its fire time.
            let begin = Instant::now();
            eventually("the next second is near", || {
                begin.elapsed() > Duration::from_millis(800)
            });
        }
        daemon.kill();
    }
    let daemon = start(&home);
    target.wait_for(target.total() + 1);
    assert_eq!(daemon.post("/v1/schedules/a/pause", "").status, 200);
    eventually("all that was accepted has run", || {
        let counts = &daemon.get("/sys_info").json["counts"];
        let states = ["delayed", "ready", "running", "retrying"];
        states.iter().all(|state| counts[*state] == 0)
    });
    assert!(fires_without_gap_or_double("a", &target) >= 5);
}

#[test]
fn reset_moves_a_schedule_of_a_running_daemon() {
    let target = Target::start();
    let home = home_with(&once_in_2099("a/b c", &target).replace("/a/b c", "/x"));
    let daemon = home.start(&["--cron", "a.cron", "--token", "hush"]);
    let url = daemon.url.as_str();
    let said = |output: &Output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text + &String::from_utf8_lossy(&output.stderr)
    };
    for (words, token, code, told) in [
        (&["a/b c", "--url", url][..], Some("hush"), 0, "from now on"),
        (
            &["a/b c", "--url", url, "--token", "hush"],
            None,
            0,
            "from now on",
        ),
        (&["a/b c", "--url", url], None, 1, "401"),
        (&["other", "--url", url], Some("hush"), 1, "no schedule"),
        (
            &["a", "--url", "http://127.0.0.1:1"],
            None,
            69,
            "no poulpe answers",
        ),
        (&["a", "--url", &target.url], None, 69, "something else"),
        (&["a", "--url", "nonsense"], None, 69, "no poulpe answers"),
    ] {
        let output = reset(words, token);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.contains(told), "{words:?}: {said}");
    }
}

#[test]
fn a_missing_file_stops_nothing_and_is_read_once_it_is_there() {
    let target = Target::start();
    let home = Home::new();
    let daemon = start(&home);
    assert_eq!(daemon.get("/readyz").status, 200);
    fs::write(home.path().join("a.cron"), each_second("a", &target)).expect("it writes");
    soon("the file is seen", || schedule(&daemon, "a").status == 200);
    eventually("it fires", || target.calls("/a") > 0);
}
