//! The executor of kind `EXEC`: checks tasks against the allow-list and runs jobs. Keeps nothing between attempts, so
//! one serves all workers at once. Called by the scheduler.

use crate::allow::read_entries;
use crate::argv::{arguments, check_arguments};
use crate::config::{BadCommandConfig, CommandConfig};
use crate::ending;
use crate::environment::Environment;
use crate::lookup::{Found, Lookup};
use crate::watch;
use poulpe_core::{Attempt, BadTask, Door, Executor, Failure, Job, Output, Task};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

const EXEC_IS_OFF: &str =
    "EXEC is off; start poulpe with --exec_allow PATH (a command, a directory, or *) to turn it on";

/// Runs local commands.
#[derive(Debug)]
pub struct CommandExecutor {
    lookup: Lookup,
    environment: Environment,
    output_limit: usize,
    directory: Option<PathBuf>,
    open_files: u64,
}

impl CommandExecutor {
    /// Reads the allow-list; the error lists every entry that can't be used. `PATH`, `HOME`, `LANG` and `TZ` are taken
    /// from this process now and passed on to every command.
    pub fn new(config: &CommandConfig) -> Result<Self, BadCommandConfig> {
        config.check()?;
        let environment = Environment::of_this_process();
        let search_path = environment.search_path();
        let entries = read_entries(&config.allow, &search_path)?;
        Ok(Self {
            lookup: Lookup::new(entries, search_path),
            environment,
            output_limit: config.output_limit,
            directory: config.directory.clone(),
            open_files: config.open_files,
        })
    }

    /// The command of a task or job. Asked again for each attempt: the list may have changed since the job was accepted, by a
    /// restart or because another daemon took it in. What comes from a cron file is the operator's own.
    fn find(&self, name: &str, door: Door) -> Found {
        match door {
            Door::Cron => self.lookup.any(name),
            _ if self.lookup.is_off() => Found::Refused(EXEC_IS_OFF.into()),
            _ => self.lookup.allowed(name),
        }
    }
}

impl Executor for CommandExecutor {
    /// Whether the list allows the command; what comes from a cron file is the operator's own. That it exists isn't asked:
    /// it may be installed before the job is due.
    fn check(&self, task: &Task, door: Door) -> Result<(), BadTask> {
        if self.lookup.is_off() && door != Door::Cron {
            return Err(BadTask::new("method", EXEC_IS_OFF));
        }
        if !task.headers.is_empty() {
            return Err(BadTask::new(
                "headers",
                "only GET and POST have headers; leave the field out",
            ));
        }
        if let Found::Refused(reason) = self.find(&task.name, door) {
            return Err(BadTask::new("name", reason));
        }
        check_arguments(&task.params).map_err(|reason| BadTask::new("params", reason))
    }

    /// Runs the command to its end. What it printed on standard output is the result; after a failure without any, what
    /// it printed on standard error. Returns half a second after the deadline or a cancellation at the latest.
    fn execute(&self, job: &Job, attempt: &Attempt) -> Result<Output, Failure> {
        let program = match self.find(&job.name, job.door) {
            Found::Ready(program) => program,
            // Later: the command may be back by then, and another daemon may allow what this one doesn't.
            Found::Absent(reason) | Found::Refused(reason) => return Err(Failure::later(reason)),
        };
        check_arguments(&job.params).map_err(Failure::never)?;

        if let Some(reason) = attempt.cancelled() {
            return Err(ending::cancelled_before_start(reason));
        }

        let mut command = Command::new(&program.file);
        command.arg0(&program.called).args(arguments(&job.params));
        self.environment.set(&mut command, job, attempt);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        let time = attempt.time_left();
        match watch::run(&mut command, attempt, self.output_limit, self.open_files) {
            Ok(ended) => ending::outcome(&ended, time),
            Err(error) => Err(ending::not_run(&program.file, &error)),
        }
    }
}
