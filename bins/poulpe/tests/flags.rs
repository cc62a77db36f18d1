//! What the binary says to flags, and its exit codes.

use std::process::{Command, Output};

fn poulpe(flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_poulpe"))
        .args(flags)
        .env_remove("POULPE_TOKEN")
        .env_remove("POULPE_INSECURE")
        .output()
        .expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_names_every_flag() {
    let help = text(&poulpe(&["--help"]).stdout);
    let flags = [
        "port",
        "listen",
        "data",
        "dead",
        "workers",
        "retry_interval",
        "max_retry",
        "timeout",
        "exec_timeout",
        "exec_allow",
        "cron",
        "http_deny",
        "http_allow",
        "result_ttl",
        "result_max",
        "result_bytes",
        "id_max",
        "drain",
        "token",
        "token_file",
        "insecure",
        "tls_cert",
        "tls_key",
        "host",
        "cors_origin",
        "exec_dir",
        "exec_files",
        "legacy_status",
        "log",
        "check",
    ];
    for flag in flags {
        assert!(help.contains(&format!("--{flag}")), "--{flag} is missing");
    }
}

#[test]
fn a_good_configuration_is_ok_with_underscores_and_dashes() {
    for flags in [
        &["--max_retry", "5", "--check"],
        &["--max-retry", "5", "--check"],
    ] {
        let output = poulpe(flags);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
}

#[test]
fn beyond_the_loopback_a_token_or_insecure_is_wanted() {
    let with = |more: &[&str]| poulpe(&[&["--check", "--listen", "0.0.0.0"], more].concat());
    let refused = with(&[]);
    assert_eq!(refused.status.code(), Some(64));
    let said = text(&refused.stderr);
    assert!(said.contains("--listen 0.0.0.0"), "{said}");
    assert!(said.contains("--insecure"), "{said}");
    for more in [&["--token", "s3cret"][..], &["--insecure"]] {
        let output = with(more);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
}

#[test]
fn every_problem_of_a_configuration_is_listed_at_once() {
    let output = poulpe(&[
        "--check",
        "--workers",
        "0",
        "--timeout",
        "0",
        "--drain",
        "nan",
        "--http_deny",
        "x/8",
        "--token",
        "two words",
        "--exec_allow",
        "/no/such/command",
    ]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    for problem in [
        "--workers",
        "--timeout",
        "--drain",
        "--http_deny",
        "token",
        "--exec_allow",
    ] {
        assert!(said.contains(problem), "{problem} is missing in {said}");
    }
}

#[test]
fn what_is_wrong_in_a_cron_file_is_told_and_is_not_fatal() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("a.cron");
    std::fs::write(&file, "@hourly http://h/ GET\n0 60 * * * * * x GET\n").expect("it writes");
    let file = file.to_str().expect("text");
    let output = poulpe(&["--check", "--cron", &format!("{file},/no/such/file")]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{err}");
    let problem = format!(
        "{file}:2:3: 60 is no minute: minutes are 0 to 59\n    0 60 * * * * * x GET\n      ^^\n"
    );
    assert!(err.contains(&problem), "{err}");
    assert!(
        err.contains("/no/such/file: there is no such file"),
        "{err}"
    );
    assert!(
        out.contains("1 schedule in 2 files, 1 of them can't be read, 1 problem"),
        "{out}"
    );
}

#[test]
fn a_zone_of_the_host_that_cannot_be_read_is_a_problem_of_cron_only() {
    let check = |flags: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_poulpe"));
        let output = command
            .arg("--check")
            .args(flags)
            .env("TZ", "Mars/Base")
            .output();
        output.expect("it runs")
    };
    assert_eq!(check(&[]).status.code(), Some(0));
    let output = check(&["--cron", "/no/such/file"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(
        said.contains("--cron") && said.contains("Mars/Base"),
        "{said}"
    );
}

#[test]
fn unknown_flags_and_values_of_a_wrong_type_are_usage_errors() {
    for flags in [&["--prot", "1"][..], &["--port", "x"], &["--log", "xml"]] {
        assert_eq!(poulpe(flags).status.code(), Some(2), "{flags:?}");
    }
}

#[test]
fn the_environment_sets_flags_and_the_token_is_not_shown() {
    let output = Command::new(env!("CARGO_BIN_EXE_poulpe"))
        .args(["--check"])
        .envs([
            ("POULPE_WORKERS", "7"),
            ("POULPE_TOKEN", "s3cret"),
            ("POULPE_PORT", "1234"),
        ])
        .output()
        .expect("it runs");
    let said = text(&output.stdout);
    assert!(
        said.contains("7 workers")
            && said.contains(":1234 with a token")
            && !said.contains("s3cret"),
        "{said}"
    );
    let help = Command::new(env!("CARGO_BIN_EXE_poulpe"))
        .arg("--help")
        .env("POULPE_TOKEN", "s3cret")
        .output();
    assert!(!text(&help.expect("it runs").stdout).contains("s3cret"));
}
