//! What poulpe can do beside running. Does none of it; each command has a file of its own.

use crate::cron_command::{self, CronCommand};
use crate::store_command::{self, StoreCommand};
use clap::Subcommand;
use std::process::ExitCode;

/// What poulpe can do beside running.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check, repair or move a store.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Check cron files, see when they fire, or reset a schedule.
    #[command(subcommand)]
    Cron(CronCommand),
}

/// Does it.
pub(crate) fn run(command: &Command) -> ExitCode {
    match command {
        Command::Store(command) => store_command::run(command),
        Command::Cron(command) => cron_command::run(command),
    }
}
