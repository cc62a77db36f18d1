//! Puts the end of a command into words: success, or a failure with a reason that a person can act on. Pure; never
//! decides about retries beyond its advice. Called by the executor.

use crate::watch::{Ended, Stop};
use poulpe_core::{CancelReason, Failure, Output, RetryAdvice};
use rustix::io::Errno;
use rustix::process::Signal;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

/// How much of the last line of standard error a reason quotes.
const QUOTED_CHARS: usize = 200;

/// The signals that end commands in practice; others are told by their number.
const SIGNALS: [(Signal, &str); 14] = [
    (Signal::HUP, "SIGHUP"),
    (Signal::INT, "SIGINT"),
    (Signal::QUIT, "SIGQUIT"),
    (Signal::ILL, "SIGILL"),
    (Signal::TRAP, "SIGTRAP"),
    (Signal::ABORT, "SIGABRT"),
    (Signal::BUS, "SIGBUS"),
    (Signal::FPE, "SIGFPE"),
    (Signal::KILL, "SIGKILL"),
    (Signal::SEGV, "SIGSEGV"),
    (Signal::PIPE, "SIGPIPE"),
    (Signal::TERM, "SIGTERM"),
    (Signal::XCPU, "SIGXCPU"),
    (Signal::XFSZ, "SIGXFSZ"),
];

/// What an attempt is worth whose command has ended, and which had `time` to do so.
pub(crate) fn outcome(ended: &Ended, time: Duration) -> Result<Output, Failure> {
    let stdout = ended.stdout.text();
    if ended.stopped.is_none() && ended.status.success() {
        return Ok(Output {
            text: stdout,
            status: ended.status.code(),
        });
    }
    let what = match ended.stopped {
        Some(Stop::Deadline) => {
            format!(
                "command did not end within {} s and was killed",
                seconds(time)
            )
        }
        Some(Stop::Cancelled(reason)) => format!("command was killed: {}", why(reason)),
        None => format!("command {}", how(ended.status)),
    };
    let said = quoted(&ended.stderr.last_line());
    let reason = if said.is_empty() {
        what
    } else {
        format!("{what}: {said}")
    };
    Err(Failure {
        reason,
        status: number(ended.status),
        // What went wrong is most often said on standard error, and a failure has one output only.
        output: if stdout.is_empty() {
            ended.stderr.text()
        } else {
            stdout
        },
        retry: RetryAdvice::Later,
    })
}

/// An attempt that was cancelled too early to start anything.
pub(crate) fn cancelled_before_start(reason: CancelReason) -> Failure {
    Failure::later(format!("command was not started: {}", why(reason)))
}

/// A command that couldn't be started, or not be watched.
pub(crate) fn not_run(file: &Path, error: &io::Error) -> Failure {
    let is = |errno: Errno| error.raw_os_error() == Some(errno.raw_os_error());
    if is(Errno::TOOBIG) {
        return Failure::never(format!(
            "command {file:?} could not be run: its arguments are longer than the system takes; pass such data in a file"
        ));
    }
    let cause = if is(Errno::NOENT) && file.exists() {
        "the interpreter that its first line names does not exist".into()
    } else if is(Errno::ACCESS) && file.is_dir() {
        "it is a directory".into()
    } else if is(Errno::ACCESS) {
        "it is not executable for the user poulpe runs as".into()
    } else if is(Errno::NOEXEC) {
        "it is neither a program nor a script whose first line starts with #!".into()
    } else {
        system_error(error)
    };
    Failure::later(format!("command {file:?} could not be run: {cause}"))
}

/// A system's error in words.
pub(crate) fn system_error(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".into(),
        _ => error.to_string(),
    }
}

fn how(status: ExitStatus) -> String {
    if let Some(code) = status.code() {
        return format!("exited with code {code}");
    }
    let Some(signal) = status.signal() else {
        return format!("ended with {status}");
    };
    match SIGNALS.iter().find(|(named, _)| named.as_raw() == signal) {
        Some((_, name)) => format!("was killed by signal {signal} ({name})"),
        None => format!("was killed by signal {signal}"),
    }
}

/// The exit code, or the negative number of the signal.
fn number(status: ExitStatus) -> Option<i32> {
    status.code().or(status.signal().map(|signal| -signal))
}

fn why(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Requested => "its job was cancelled",
        CancelReason::Shutdown => "poulpe is shutting down",
        CancelReason::LeaseLost => "its lease was lost, another worker may run the job",
    }
}

fn quoted(line: &str) -> String {
    if line.chars().count() <= QUOTED_CHARS {
        return line.into();
    }
    line.chars().take(QUOTED_CHARS).chain(['…']).collect()
}

/// Rounded to hundredths: the attempt began a moment before its time was looked at.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_they_were_given() {
        let nearly_an_hour = Duration::from_secs(3600) - Duration::from_micros(300);
        assert_eq!(seconds(nearly_an_hour).to_string(), "3600");
        assert_eq!(seconds(Duration::from_millis(1500)).to_string(), "1.5");
    }

    #[test]
    fn signals_have_their_usual_names() {
        for (raw, words) in [
            (9, "was killed by signal 9 (SIGKILL)"),
            (11, "was killed by signal 11 (SIGSEGV)"),
            (40, "was killed by signal 40"),
        ] {
            let status = ExitStatus::from_raw(raw);
            assert_eq!((how(status).as_str(), number(status)), (words, Some(-raw)));
        }
    }

    #[test]
    fn a_long_last_line_is_cut() {
        assert_eq!(quoted(&"ü".repeat(200)), "ü".repeat(200));
        assert_eq!(quoted(&"ü".repeat(201)), "ü".repeat(200) + "…");
    }
}
