//! The commands that ask a running daemon, over the HTTP contract that everybody uses. Never touch a store themselves.

pub(crate) mod cron;
pub(crate) mod dead;
pub(crate) mod job;
mod link;
pub(crate) mod status;
pub(crate) mod submit;
mod table;

pub(crate) use link::{ClientFlags, Link, Stop, id_in_path, reason, refusal};
pub(crate) use table::{moment, print, print_json, table};

use std::process::ExitCode;

/// The daemon says no, or the job failed.
const EXIT_REFUSED: u8 = 1;
/// There is no daemon.
const EXIT_UNREACHABLE: u8 = 69;

/// Ends a command: what stopped it goes to standard error.
pub(crate) fn ended(done: Result<(), Stop>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Refused(reason)) => {
            if !reason.is_empty() {
                eprintln!("poulpe: {reason}");
            }
            EXIT_REFUSED.into()
        }
        Err(Stop::Unreachable(reason)) => {
            eprintln!("poulpe: {reason}");
            EXIT_UNREACHABLE.into()
        }
    }
}
