//! What a command inherits from the daemon: four variables and nothing else, so that no secret of the daemon reaches a
//! command. Read once at the start; never changes the daemon's own environment. Used by the executor.

use poulpe_core::{Attempt, Job};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

/// The variables that are passed on.
const INHERITED: [&str; 4] = ["PATH", "HOME", "LANG", "TZ"];

/// The variables that are passed on, with their values at the start.
#[derive(Debug)]
pub(crate) struct Environment(Vec<(&'static str, OsString)>);

impl Environment {
    pub(crate) fn of_this_process() -> Self {
        let set = INHERITED
            .into_iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?)));
        Self(set.collect())
    }

    /// The directories of `PATH`. Relative ones are left out: what they mean depends on where the daemon was started.
    pub(crate) fn search_path(&self) -> Vec<PathBuf> {
        let Some((_, path)) = self.0.iter().find(|(name, _)| *name == "PATH") else {
            return Vec::new();
        };
        std::env::split_paths(path)
            .filter(|directory| directory.is_absolute())
            .collect()
    }

    /// Gives a command these variables, and those that tell it which attempt it is.
    pub(crate) fn set(&self, command: &mut Command, job: &Job, attempt: &Attempt) {
        command
            .env_clear()
            .envs(self.0.iter().map(|(name, value)| (name, value)))
            .env("POULPE_JOB_ID", job.id.as_str())
            .env("POULPE_ATTEMPT", attempt.number.to_string())
            .env("POULPE_LANE", attempt.lane.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_directories_of_the_path_are_left_out() {
        let environment = Environment(vec![("PATH", "/bin::.:x/y:/usr/bin".into())]);
        assert_eq!(
            environment.search_path(),
            [PathBuf::from("/bin"), PathBuf::from("/usr/bin")]
        );
    }
}
