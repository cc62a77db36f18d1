//! What a command inherits from the daemon, and what it doesn't.

use crate::support::{LONG, job, list, run, run_script};
use poulpe_core::{Attempt, Executor, Params};
use poulpe_exec_command::{CommandConfig, CommandExecutor};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn the_environment_is_four_variables_and_the_attempt() {
    let output = run("/usr/bin/env", Params::default()).expect("success");
    let seen: BTreeMap<&str, &str> = output
        .text
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    let mut expected = BTreeMap::from([
        ("POULPE_JOB_ID".to_owned(), "order/17 🐙".to_owned()),
        ("POULPE_ATTEMPT".to_owned(), "1".to_owned()),
        ("POULPE_LANE".to_owned(), "0".to_owned()),
    ]);
    for name in ["PATH", "HOME", "LANG", "TZ"] {
        expected.extend(
            std::env::var(name)
                .ok()
                .map(|value| (name.to_owned(), value)),
        );
    }
    let expected: BTreeMap<&str, &str> = expected
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert!(
        std::env::vars().count() > 4,
        "there is nothing to keep back"
    );
    assert_eq!(seen, expected);
}

#[test]
fn standard_input_is_empty() {
    // What the tests themselves got may be empty as well, so this process is given something else first.
    let (reader, _writer) = rustix::pipe::pipe().expect("a pipe");
    rustix::stdio::dup2_stdin(&reader).expect("another standard input");
    let output = run_script("cat; readlink /proc/self/fd/0", &[]).expect("success");
    assert_eq!(output.text, "/dev/null\n");
}

#[test]
fn no_descriptor_that_the_daemon_opened_is_passed_on() {
    let mut expected = descriptors_passed_to_us();
    expected.extend(["0", "1", "2"].map(String::from));
    // The directory that is being listed, at the first number that is free.
    expected.extend(
        (3..)
            .map(|number: u32| number.to_string())
            .find(|number| !expected.contains(number)),
    );
    let output = run("/bin/ls", list(&["/proc/self/fd"])).expect("success");
    let seen: BTreeSet<String> = output.text.lines().map(String::from).collect();
    let opened: Vec<_> = seen.difference(&expected).collect();
    assert!(opened.is_empty(), "{opened:?}");
}

/// What the tests' own parent left open: these are inherited all the way down.
fn descriptors_passed_to_us() -> BTreeSet<String> {
    const O_CLOEXEC: u32 = 0o2_000_000;
    let listed = std::fs::read_dir("/proc/self/fdinfo").expect("proc");
    let numbers = listed.map(|entry| entry.expect("an entry").file_name());
    numbers
        .filter_map(|number| number.into_string().ok())
        .filter(|number| {
            let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}"));
            let flags = info.ok().and_then(|info| {
                let line = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
                u32::from_str_radix(line.trim(), 8).ok()
            });
            flags.is_some_and(|flags| flags & O_CLOEXEC == 0)
        })
        .collect()
}

#[test]
fn the_working_directory_is_that_of_the_daemon() {
    let here = std::env::current_dir().expect("a working directory");
    let output = run("/bin/pwd", Params::default()).expect("success");
    assert_eq!(output.text.trim(), here.to_string_lossy());
}

#[test]
fn the_working_directory_is_the_one_that_was_configured() {
    let directory = tempfile::tempdir().expect("a directory");
    let real = directory.path().canonicalize().expect("a real path");
    let config = CommandConfig {
        allow: vec!["/bin/pwd".into()],
        directory: Some(real.clone()),
        ..CommandConfig::default()
    };
    let executor = CommandExecutor::new(&config).expect("a good configuration");
    let (attempt, _) = Attempt::for_test(LONG);
    let output = executor.execute(&job("/bin/pwd", Params::default()), &attempt);
    assert_eq!(output.expect("success").text.trim(), real.to_string_lossy());
}

#[test]
fn a_command_may_open_so_many_files_and_no_more() {
    let config = CommandConfig {
        allow: vec!["/bin/sh".into()],
        open_files: 40,
        ..CommandConfig::default()
    };
    let executor = CommandExecutor::new(&config).expect("a good configuration");
    let (attempt, _) = Attempt::for_test(LONG);
    // It waits for the limit, which comes just after its start; without one the attempt never ends well.
    let script = "while [ $(ulimit -Hn) != 40 ]; do :; done; ulimit -Sn";
    let output = executor.execute(&job("/bin/sh", list(&["-c", script])), &attempt);
    assert_eq!(output.expect("success").text, "40\n");
}

#[test]
fn a_command_leads_a_process_group_of_its_own() {
    let output = run_script("cut -d ' ' -f 1,5 /proc/$$/stat", &[]).expect("success");
    let (process, group) = output.text.trim().split_once(' ').expect("two numbers");
    assert_eq!(process, group);
}
