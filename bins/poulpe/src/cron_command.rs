//! `poulpe cron`: looks at cron files, or has a running daemon do something with its schedules. Starts no daemon; what a daemon would make of a file is
//! decided by poulpe-cron, and printed here.

use crate::client::cron::{self, LsFlags, ScheduleFlags};
use crate::client::ended;
use crate::{cron_check, cron_next, output};
use clap::{Args, Subcommand};
use poulpe_core::store::{SystemTimeSource, TimeSource};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Something is wrong with what was given.
const EXIT_PROBLEMS: u8 = 1;

/// What can be done with cron files.
#[derive(Debug, Subcommand)]
pub(crate) enum CronCommand {
    /// Read cron files and report all problems, each with its line and column.
    ///
    /// Exit codes: 0 no problem, 1 problems were found or a file can't be read, 2 wrong usage.
    Check(CheckFlags),
    /// Print when the entries of a file, or an expression, fire next, and what changes of clocks do to them.
    ///
    /// Exit codes: 0 all is told, 1 there are problems, 2 wrong usage.
    Next(NextFlags),
    /// List the schedules of a running daemon, with their next and last fire times.
    Ls(LsFlags),
    /// Have a running daemon run a schedule now, beside its fire times.
    Run(ScheduleFlags),
    /// Have a schedule fire no more until it is resumed, restarts of the daemon included.
    Pause(ScheduleFlags),
    /// Have a schedule fire again from now on.
    Resume(ScheduleFlags),
    /// Have a running daemon drive a schedule from now on, wherever it had got: after a clock that went wrong.
    Reset(ScheduleFlags),
}

/// The flags of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckFlags {
    /// Cron files, or directories of them.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) paths: Vec<PathBuf>,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The flags of `next`.
#[derive(Debug, Args)]
pub(crate) struct NextFlags {
    /// A cron file, a directory of them, or an expression in quotes, such as '0 30 2 * * MON-FRI *' or @hourly.
    #[arg(value_name = "FILE|EXPR")]
    pub(crate) source: String,

    /// How many fire times to print.
    #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) count: u32,

    /// A day, such as 2027-03-28, or a time of it, such as 2027-03-28T01:30, on the clocks of the zone. If clocks are
    /// changed on that day the change is in the middle of what is printed. [default: now]
    #[arg(long, value_name = "DAY")]
    pub(crate) around: Option<String>,

    /// The zone of what names none, such as Europe/Berlin. [default: the host's]
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Does it.
pub(crate) fn run(command: &CronCommand) -> ExitCode {
    let now = SystemTimeSource::new().wall().floor();
    let done = match command {
        CronCommand::Check(flags) => cron_check::run(flags, now),
        CronCommand::Next(flags) => cron_next::run(flags, now),
        CronCommand::Ls(flags) => return ended(cron::list(flags)),
        CronCommand::Run(flags) => return ended(cron::change(flags, "run", "runs now")),
        CronCommand::Pause(flags) => return ended(cron::change(flags, "pause", "paused")),
        CronCommand::Resume(flags) => return ended(cron::change(flags, "resume", "resumed")),
        CronCommand::Reset(flags) => {
            return ended(cron::change(flags, "reset", "driven from now on"));
        }
    };
    match done {
        Ok(told) => told.print(),
        Err(reason) => {
            eprintln!("poulpe cron: {reason}");
            EXIT_PROBLEMS.into()
        }
    }
}

/// What is to be printed, and whether all is well.
pub(crate) struct Told {
    /// For standard output.
    pub(crate) text: String,
    /// For standard error.
    pub(crate) problems: String,
    pub(crate) is_good: bool,
}

impl Told {
    fn print(&self) -> ExitCode {
        // Whoever reads may have seen enough: `| head` is no failure.
        let _ = std::io::stderr().write_all(self.problems.as_bytes());
        output::print(&self.text);
        match self.is_good {
            true => ExitCode::SUCCESS,
            false => EXIT_PROBLEMS.into(),
        }
    }
}
