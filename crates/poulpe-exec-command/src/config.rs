//! What an operator decides about commands. Data only, checked by the executor when it is made. Filled in by the binary
//! or an embedder.

use crate::allow::BadAllow;
use rustix::fs::Access;
use std::path::PathBuf;

/// How much of standard output, and of standard error, is kept by default: as much as an answer's body of an HTTP job,
/// enough for any message, and little beside the bytes that a store keeps of results.
pub const OUTPUT_LIMIT: usize = 64 * 1024;

/// How many files a command may have open by default: what systems commonly give a process, whatever the daemon itself was
/// given for its connections.
pub const FILE_LIMIT: u64 = 1024;

/// Fewer, and no program starts: its libraries are files too.
const LEAST_FILES: u64 = 16;

/// A configuration that can't work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCommandConfig {
    /// Of the list of commands.
    #[error(transparent)]
    Allow(#[from] BadAllow),
    /// Of the directory they run in.
    #[error("{} {reason}", .path.display())]
    Directory {
        /// It.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Of the files they may have open.
    #[error("a command needs at least {LEAST_FILES} files")]
    OpenFiles,
}

/// How commands may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandConfig {
    /// What tasks may run; nothing means that `EXEC` is off. Each entry is the absolute path of a command, the
    /// absolute path of a directory (every executable directly in it), a bare name that is looked up on `PATH` once
    /// at the start, or `*` for everything.
    pub allow: Vec<String>,
    /// How many bytes of standard output, and as many of standard error, are kept. The command may print more; the
    /// rest is read and dropped.
    pub output_limit: usize,
    /// The directory that commands run in; none for the daemon's own.
    pub directory: Option<PathBuf>,
    /// How many files a command may have open at once, at most as many as the daemon may. It can raise that only if it is root.
    pub open_files: u64,
}

impl CommandConfig {
    /// Whether commands can run by what isn't the list.
    pub(crate) fn check(&self) -> Result<(), BadCommandConfig> {
        if self.open_files < LEAST_FILES {
            return Err(BadCommandConfig::OpenFiles);
        }
        let Some(directory) = &self.directory else {
            return Ok(());
        };
        let wrong = |reason| {
            Err(BadCommandConfig::Directory {
                path: directory.clone(),
                reason,
            })
        };
        if !directory.is_absolute() {
            return wrong("is a relative path; give an absolute one");
        }
        if !directory.is_dir() {
            return wrong("is no directory");
        }
        if rustix::fs::access(directory, Access::EXEC_OK).is_err() {
            return wrong("can't be entered by poulpe");
        }
        Ok(())
    }
}

impl Default for CommandConfig {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            output_limit: OUTPUT_LIMIT,
            directory: None,
            open_files: FILE_LIMIT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_commands_cannot_run_in_is_refused() {
        let config = |directory: &str| CommandConfig {
            directory: Some(directory.into()),
            ..CommandConfig::default()
        };
        assert!(config("/").check().is_ok());
        for (directory, hint) in [
            ("tmp", "relative"),
            ("", "relative"),
            ("/no/such/directory", "no directory"),
            ("/bin/sh", "no directory"),
        ] {
            let bad = config(directory).check().expect_err(directory);
            assert!(bad.to_string().contains(hint), "{bad}");
        }
    }

    #[test]
    fn so_few_files_that_nothing_starts_are_refused() {
        let config = CommandConfig {
            open_files: 3,
            ..CommandConfig::default()
        };
        assert_eq!(config.check(), Err(BadCommandConfig::OpenFiles));
    }
}
