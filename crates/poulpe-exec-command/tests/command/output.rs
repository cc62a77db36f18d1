//! What is kept of a command's output.

use crate::support::run_script;
use poulpe_exec_command::OUTPUT_LIMIT;

#[test]
fn a_gigabyte_of_output_is_read_on_in_bounded_memory() {
    let before = peak_memory();
    let script = "yes | head -c 1000000000; echo $? >&2; exit 3";
    let failure = run_script(script, &[]).expect_err("exit code 3");
    assert_eq!(failure.reason, "command exited with code 3: 0");
    assert_eq!(failure.output, "y\n".repeat(OUTPUT_LIMIT / 2));
    let grown = peak_memory() - before;
    assert!(grown < 32 * 1024, "{grown} KiB more");
}

/// The most memory that this process has used so far, in KiB.
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let words = line.expect("a peak").split_whitespace();
    words
        .rev()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .expect("a number")
}

#[test]
fn the_last_line_after_a_flood_on_standard_error_is_told() {
    let script = "yes | head -c 1000000 >&2; echo no space left >&2; exit 1";
    let failure = run_script(script, &[]).expect_err("exit code 1");
    assert_eq!(failure.reason, "command exited with code 1: no space left");
    assert_eq!(failure.output.len(), OUTPUT_LIMIT);
}

#[test]
fn floods_on_both_streams_do_not_block_each_other() {
    let script = "yes | head -c 1000000 >&2 & yes | head -c 1000000; wait; echo end >&2; exit 1";
    let failure = run_script(script, &[]).expect_err("exit code 1");
    assert_eq!(failure.reason, "command exited with code 1: end");
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let output = run_script(r"printf 'a\377\376b\0c'", &[]).expect("success");
    assert_eq!(output.text, "a\u{fffd}\u{fffd}b\0c");
}

#[test]
fn a_binary_flood_stays_within_the_limit_as_text() {
    let output = run_script("yes '\u{fffd}x' | tr '\\275' '\\377' | head -c 100000", &[]);
    let text = output.expect("success").text;
    assert!(
        text.len() <= OUTPUT_LIMIT && text.contains("x\n"),
        "{}",
        text.len()
    );
}

#[test]
fn everything_printed_right_before_the_end_is_kept() {
    let output = run_script("head -c 60000 /dev/zero | tr '\\0' a", &[]).expect("success");
    assert_eq!(output.text, "a".repeat(60_000));
}

#[test]
fn a_command_may_close_its_output_and_go_on() {
    let failure = run_script("exec >&- 2>&-; /bin/sleep 0.1; exit 9", &[]).expect_err("code 9");
    assert_eq!(failure.reason, "command exited with code 9");
}
