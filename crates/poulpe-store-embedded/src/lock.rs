//! The data directory as one process's own. Never looks at the log. The lock is the kernel's: it goes with the process,
//! however that ends.

use crate::error::OpenError;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// The name of the lock file.
const NAME: &str = "LOCK";

/// Keeps other processes out as long as it lives.
#[derive(Debug)]
pub(crate) struct DirLock {
    _file: File,
}

/// Makes the directory if it isn't there, for this user alone.
pub(crate) fn create_dir(dir: &Path) -> Result<(), OpenError> {
    if dir.is_dir() {
        return Ok(());
    }
    if dir.exists() {
        return Err(OpenError::NotADirectory {
            dir: dir.to_path_buf(),
        });
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| OpenError::io(dir, "create it", error))?;
    // The entry in the parent must survive a power cut too.
    let parent = dir.parent().filter(|parent| *parent != Path::new(""));
    File::open(parent.unwrap_or(Path::new(".")))
        .and_then(|parent| parent.sync_all())
        .map_err(|error| OpenError::io(dir, "make it durable", error))
}

impl DirLock {
    /// Takes the directory, or says who has it.
    pub(crate) fn take(dir: &Path) -> Result<Self, OpenError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(dir.join(NAME))
            .map_err(|error| OpenError::io(dir, "open the lock file", error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The number is a courtesy: without it the error is as true.
                let pid = file.read_to_string(&mut text).ok();
                return Err(OpenError::InUse {
                    dir: dir.to_path_buf(),
                    pid: pid.and_then(|_| text.trim().parse().ok()),
                });
            }
            Err(TryLockError::Error(error)) => {
                return Err(OpenError::io(dir, "lock the lock file", error));
            }
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|error| OpenError::io(dir, "write the lock file", error))?;
        Ok(Self { _file: file })
    }
}
