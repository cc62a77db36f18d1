//! Runs jobs of kind `EXEC`: local commands from an allow-list ([`CommandConfig::allow`]), without a shell.
//!
//! Every command gets a process group of its own, a clean environment and an empty standard input; what it prints is
//! kept up to a limit. However it ends (by itself, at its deadline or because it was cancelled), its whole process
//! group is killed with it. Never decides about retries; called by the scheduler's worker threads through
//! [`poulpe_core::Executor`].
//!
//! **Known limits.** A process that leaves the group (`setsid`, `setpgid`, a shell's `set -m`) outlives the attempt;
//! its hold on the output pipes doesn't. A command stuck in the kernel (a dead NFS server) can't be killed by anybody:
//! the attempt goes on until the kernel lets go, and the scheduler reports it as stuck. So does one that has become
//! another user (`sudo`), unless the daemon is root. Commands outlive a daemon that is killed by `kill -9`. The limit of open files is set
//! just after the command has started: for less than a millisecond it may open more. Between the check of a path and its
//! execution whoever may write to its directory can exchange it; such a directory is as good as the list. Needs
//! Linux 5.4 or later (`pidfd`).
#![forbid(unsafe_code)]

mod allow;
mod argv;
mod capture;
mod config;
mod ending;
mod entry;
mod environment;
mod executor;
mod group;
mod lookup;
mod ready;
#[cfg(test)]
mod test_tree;
mod watch;

pub use allow::{BadAllow, BadEntry};
pub use config::{BadCommandConfig, CommandConfig, FILE_LIMIT, OUTPUT_LIMIT};
pub use executor::CommandExecutor;
