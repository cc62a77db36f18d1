//! What poulpe can do beside running. Does none of it; each command has a file of its own.

use crate::client::dead::{self, DeadCommand};
use crate::client::ended;
use crate::client::job::{self, JobCommand};
use crate::client::status::{self, HealthFlags, StatusFlags};
use crate::client::submit::{self, SubmitFlags};
use crate::cron_command::{self, CronCommand};
use crate::flags::Flags;
use crate::store_command::{self, StoreCommand};
use clap::{CommandFactory, Subcommand};
use clap_complete::Shell;
use std::process::ExitCode;

/// What poulpe can do beside running.
///
/// What asks a running daemon ends with 0 when it is done, 1 when the daemon refuses or the job failed, 2 on wrong usage, 69
/// when no daemon answers.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Hand a task, or many from standard input, to a running daemon.
    Submit(Box<SubmitFlags>),
    /// List, show, cancel, retry or follow jobs of a running daemon.
    #[command(subcommand)]
    Job(JobCommand),
    /// List, show, revive or purge dead letters of a running daemon.
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Check cron files, see when they fire; list, run, pause, resume or reset schedules of a running daemon.
    #[command(subcommand)]
    Cron(CronCommand),
    /// Show a running daemon on one screen.
    Status(StatusFlags),
    /// Ask whether a daemon lives: for health checks.
    Health(HealthFlags),
    /// Check or repair a data directory.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Print a script that completes commands and flags in a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Does it.
pub(crate) fn run(command: &Command) -> ExitCode {
    match command {
        Command::Submit(flags) => ended(submit::run(flags)),
        Command::Job(command) => ended(job::run(command)),
        Command::Dead(command) => ended(dead::run(command)),
        Command::Cron(command) => cron_command::run(command),
        Command::Status(flags) => ended(status::run(flags)),
        Command::Health(flags) => ended(status::health(flags)),
        Command::Store(command) => store_command::run(command),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Flags::command(), "poulpe", &mut text);
            crate::client::print(&String::from_utf8_lossy(&text));
            ExitCode::SUCCESS
        }
    }
}
