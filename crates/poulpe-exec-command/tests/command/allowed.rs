//! Which commands run, and what becomes of those that can't.

use crate::support::{executor, job, list, run, write_executable};
use poulpe_core::{Attempt, BadTask, Door, Executor, Failure, Kind, Params, RetryAdvice, Task};
use poulpe_exec_command::{BadAllow, BadCommandConfig, CommandConfig, CommandExecutor};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

fn check(allow: &[&str], name: &str) -> Result<(), BadTask> {
    executor(allow).check(&Task::new(Kind::EXEC, name), Door::Http)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A directory with `tool`, which prints `tool`.
fn directory_with_tool() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    write_executable(&directory.path().join("tool"), "#!/bin/sh\necho tool\n");
    directory
}

fn failure_of(name: &str) -> Failure {
    let (attempt, _) = Attempt::for_test(Duration::from_secs(30));
    executor(&["*"])
        .execute(&job(name, Params::default()), &attempt)
        .expect_err("it can't run")
}

#[test]
fn without_a_list_nothing_runs_and_the_error_says_how_to_change_that() {
    let error = check(&[], "/bin/true").expect_err("off");
    let reason = "EXEC is off; start poulpe with --exec_allow PATH (a command, a directory, or *) to turn it on";
    assert_eq!(error, BadTask::new("method", reason));
    let (attempt, _) = Attempt::for_test(Duration::from_secs(30));
    let failure = executor(&[])
        .execute(&job("/bin/true", Params::default()), &attempt)
        .expect_err("off");
    assert_eq!(failure.reason, reason);
}

#[test]
fn a_command_that_is_not_listed_is_refused_and_does_not_run() {
    let error = check(&["/bin/true"], "/bin/touch").expect_err("not listed");
    assert_eq!(error.field, "name");
    assert!(error.reason.contains("--exec_allow /bin/touch"), "{error}");

    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("touched");
    let (attempt, _) = Attempt::for_test(Duration::from_secs(30));
    executor(&["/bin/true"])
        .execute(&job("/bin/touch", list(&[&text(&file)])), &attempt)
        .expect_err("not listed");
    assert!(!file.exists());
}

#[test]
fn a_command_of_a_cron_file_runs_without_a_list() {
    let (attempt, _) = Attempt::for_test(Duration::from_secs(30));
    let mut from_cron = job("echo", list(&["hello"]));
    from_cron.door = Door::Cron;
    let output = executor(&[]).execute(&from_cron, &attempt);
    assert_eq!(output.expect("success").text, "hello\n");
}

#[test]
fn every_form_of_entry_lets_its_command_run() {
    let directory = directory_with_tool();
    let tool = text(&directory.path().join("tool"));
    for (allow, name) in [
        (text(directory.path()), tool.clone()),
        (tool.clone(), tool.clone()),
        ("*".into(), tool),
        ("true".into(), "true".into()),
        ("true".into(), "/bin/true".into()),
        ("/bin/true".into(), "true".into()),
    ] {
        let executor = executor(&[&allow]);
        let (attempt, _) = Attempt::for_test(Duration::from_secs(30));
        let task = Task::new(Kind::EXEC, name.clone());
        assert_eq!(
            executor.check(&task, Door::Http),
            Ok(()),
            "{allow} allows {name}"
        );
        let result = executor.execute(&job(&name, Params::default()), &attempt);
        assert!(result.is_ok(), "{allow} runs {name}: {result:?}");
    }
}

#[test]
fn links_and_dots_lead_nowhere() {
    let allowed = directory_with_tool();
    let other = directory_with_tool();
    symlink("/bin/sh", allowed.path().join("shell")).expect("a link");
    let up = Path::new("..").join(other.path().file_name().expect("a name"));
    for name in [
        text(&allowed.path().join("shell")),
        text(&allowed.path().join(up).join("tool")),
        text(&other.path().join("tool")),
    ] {
        let error = check(&[&text(allowed.path())], &name).expect_err(&name);
        assert_eq!(error.field, "name");
    }
}

#[test]
fn every_bad_entry_is_named_at_the_start() {
    let config = CommandConfig {
        allow: ["/bin/true", "/no/such", "a/b", "/etc/passwd"]
            .map(String::from)
            .into(),
        ..CommandConfig::default()
    };
    let error = CommandExecutor::new(&config).expect_err("three are bad");
    let BadCommandConfig::Allow(BadAllow { entries }) = error else {
        panic!("{error}");
    };
    let bad: Vec<_> = entries.iter().map(|bad| bad.entry.as_str()).collect();
    assert_eq!(bad, ["/no/such", "a/b", "/etc/passwd"]);
}

#[test]
fn a_command_that_was_removed_fails_until_it_is_back() {
    let directory = directory_with_tool();
    let tool = directory.path().join("tool");
    let executor = executor(&[&text(&tool)]);
    fs::remove_file(&tool).expect("removed");
    let task = Task::new(Kind::EXEC, text(&tool));
    assert_eq!(executor.check(&task, Door::Http), Ok(()));

    let (attempt, _) = Attempt::for_test(Duration::from_secs(30));
    let job = job(&text(&tool), Params::default());
    let failure = executor.execute(&job, &attempt).expect_err("it is gone");
    assert!(failure.reason.ends_with("it does not exist"), "{failure:?}");
    assert_eq!(failure.retry, RetryAdvice::Later);

    write_executable(&tool, "#!/bin/sh\necho back\n");
    let output = executor.execute(&job, &attempt).expect("it is back");
    assert_eq!(output.text, "back\n");
}

#[test]
fn what_is_no_command_is_a_failure_that_says_why() {
    let directory = directory_with_tool();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("data"), "#!/bin/sh\n").expect("a file");
    write_executable(&path("no-shebang"), "echo must not run\n");
    write_executable(&path("no-interpreter"), "#!/no/such/interpreter\n");
    symlink("/no/such", path("dangling")).expect("a link");
    for (name, why) in [
        (text(&path("missing")), "does not exist"),
        (text(&path("data")), "not executable"),
        (text(directory.path()), "is a directory"),
        (text(&path("no-shebang")), "first line starts with #!"),
        (text(&path("no-interpreter")), "interpreter"),
        (text(&path("dangling")), "does not exist"),
        (text(&path("tool/x")), "ot a directory"),
        ("no-such-command".into(), "was not found on PATH"),
    ] {
        assert_eq!(check(&["*"], &name), Ok(()));
        let failure = failure_of(&name);
        assert!(failure.reason.contains(why), "{name}: {failure:?}");
        assert_eq!(failure.retry, RetryAdvice::Later);
    }
}

#[test]
fn a_command_that_lost_its_mode_is_a_failure() {
    let directory = directory_with_tool();
    let tool = directory.path().join("tool");
    let executor = executor(&[&text(directory.path())]);
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o644)).expect("a mode");
    let (attempt, _) = Attempt::for_test(Duration::from_secs(30));
    let failure = executor
        .execute(&job(&text(&tool), Params::default()), &attempt)
        .expect_err("not executable");
    assert!(failure.reason.contains("not executable"), "{failure:?}");
}

#[test]
fn many_commands_in_one_file_are_allowed_one_by_one() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| directory.path().join(name);
    write_executable(&path("box"), "#!/bin/sh\necho \"${0##*/}\"\n");
    symlink("box", path("ls")).expect("a link");
    symlink("box", path("sh")).expect("a link");
    let ls = text(&path("ls"));
    assert!(check(&[&ls], &text(&path("sh"))).is_err());
    assert!(check(&[&ls], &text(&path("box"))).is_err());
    assert_eq!(run(&ls, Params::default()).expect("success").text, "ls\n");
}
