//! The data directory as one process's own. Never looks at the log. The lock is the kernel's: it goes with the process,
//! however that ends.

use crate::error::OpenError;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// The name of the lock file.
const NAME: &str = "LOCK";

/// Whether a process has a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    Nobody,
    /// A process, with its number where it left that.
    Process(Option<u32>),
}

/// Says who has a directory. Changes nothing.
pub(crate) fn holder(dir: &Path) -> Result<Holder, OpenError> {
    let Some(mut file) = existing(dir)? else {
        return Ok(Holder::Nobody);
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Holder::Nobody),
        Err(TryLockError::WouldBlock) => Ok(Holder::Process(pid(&mut file))),
        Err(TryLockError::Error(error)) => Err(OpenError::io(dir, "look at the lock file", error)),
    }
}

/// The lock file, if there is one.
fn existing(dir: &Path) -> Result<Option<File>, OpenError> {
    match File::open(dir.join(NAME)) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(OpenError::io(dir, "look at the lock file", error)),
    }
}

/// The number in a lock file: a courtesy, without it all is as true.
fn pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

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
            Err(TryLockError::WouldBlock) => return Err(in_use(dir, &mut file)),
            Err(TryLockError::Error(error)) => {
                return Err(OpenError::io(dir, "lock the lock file", error));
            }
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|error| OpenError::io(dir, "write the lock file", error))?;
        Ok(Self { _file: file })
    }

    /// Takes a directory that is only to be read, as far as it was ever taken: writes nothing, not even who has it.
    pub(crate) fn take_to_read(dir: &Path) -> Result<Option<Self>, OpenError> {
        let Some(mut file) = existing(dir)? else {
            return Ok(None);
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Err(in_use(dir, &mut file)),
            Err(TryLockError::Error(error)) => Err(OpenError::io(dir, "lock the lock file", error)),
        }
    }
}

fn in_use(dir: &Path, file: &mut File) -> OpenError {
    OpenError::InUse {
        dir: dir.to_path_buf(),
        pid: pid(file),
    }
}
