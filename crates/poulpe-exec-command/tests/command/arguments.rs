//! What a command gets as its arguments.

use crate::support::{LONG, executor, job, list, run};
use poulpe_core::{Attempt, Door, Executor, Kind, Params, Task};

#[test]
fn a_list_is_passed_on_word_for_word() {
    let words = ["%s|", "a b", "", "$HOME", "*", "; exit 1", "ü\n", "'\""];
    let output = run("/usr/bin/printf", list(&words)).expect("success");
    assert_eq!(output.text, "a b||$HOME|*|; exit 1|ü\n|'\"|");
}

#[test]
fn a_text_is_cut_at_white_space_and_no_shell_sees_it() {
    let params = Params::Text("%s|  a\t'b\nc' $HOME * `id` ".into());
    let output = run("/usr/bin/printf", params).expect("success");
    assert_eq!(output.text, "a|'b|c'|$HOME|*|`id`|");
}

#[test]
fn no_params_are_no_arguments() {
    let output = run("/bin/echo", Params::default()).expect("success");
    assert_eq!(output.text, "\n");
}

#[test]
fn the_command_is_called_by_the_path_it_was_asked_for() {
    let real = std::fs::canonicalize("/bin/sh").expect("a shell");
    let (attempt, _) = Attempt::for_test(LONG);
    let output = executor(&[&real.to_string_lossy()])
        .execute(&job("/bin/sh", list(&["-c", "echo $0"])), &attempt)
        .expect("success");
    assert_eq!(output.text, "/bin/sh\n");
}

#[test]
fn a_nul_byte_is_refused_with_its_field() {
    let executor = executor(&["*"]);
    for (name, params, field) in [
        ("/bin/e\0cho", Params::default(), "name"),
        ("/bin/echo", Params::Text("a\0".into()), "params"),
        ("/bin/echo", list(&["a", "\0"]), "params"),
    ] {
        let mut task = Task::new(Kind::EXEC, name);
        task.params = params;
        let error = executor.check(&task, Door::Http).expect_err("a NUL byte");
        assert_eq!(error.field, field);
        assert!(error.reason.contains("NUL"), "{error}");
    }
}

#[test]
fn headers_are_refused() {
    let mut task = Task::new(Kind::EXEC, "/bin/echo");
    task.headers.push(("accept".into(), "*/*".into()));
    let error = executor(&["*"])
        .check(&task, Door::Http)
        .expect_err("headers");
    assert_eq!(error.field, "headers");
}

#[test]
fn more_arguments_than_the_system_takes_are_a_failure_for_good() {
    // 20 MiB, where Linux takes 6 MiB at the very most.
    let words = vec!["x".repeat(100_000); 200];
    let failure = run("/bin/true", Params::List(words)).expect_err("too long");
    assert_eq!(failure.retry, poulpe_core::RetryAdvice::Never);
    assert!(
        failure.reason.contains("longer than the system takes"),
        "{failure:?}"
    );
}
