//! Why a store can't be opened. Each error says what to do about it.

use crate::disk;
use std::io;
use std::path::{Path, PathBuf};

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error(
        "the data directory {} is in use by another process{}; stop that one, or use another directory",
        dir.display(),
        pid.map(|pid| format!(" ({pid})")).unwrap_or_default()
    )]
    InUse {
        /// The data directory.
        dir: PathBuf,
        /// The other process, where it left its number.
        pid: Option<u32>,
    },
    /// Something that isn't a directory has its name.
    #[error("{} is not a directory; name a directory for the data", dir.display())]
    NotADirectory {
        /// The path.
        dir: PathBuf,
    },
    /// Its jobs are being moved, or were.
    #[error("the store in {} can't be used: {mark}. To use it all the same, remove the file {}", dir.display(), dir.join(crate::mark::NAME).display())]
    Moved {
        /// The data directory.
        dir: PathBuf,
        /// What is noted of that.
        mark: poulpe_store::Mark,
    },
    /// There is nothing to look at.
    #[error("there is no store in {}; name the directory that the daemon has as --data", dir.display())]
    NoStore {
        /// The directory.
        dir: PathBuf,
    },
    /// Files came and went all the time.
    #[error("the files in {} change faster than they can be listed; try again when the daemon is less busy", dir.display())]
    TooBusy {
        /// The data directory.
        dir: PathBuf,
    },
    /// The file system or its permissions don't let us write.
    #[error("the data directory {} can't be written; give this user the right to, or use another directory", dir.display())]
    NotWritable {
        /// The data directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A newer poulpe wrote it.
    #[error(
        "the data directory {} is of format {found}, this poulpe knows formats up to {known}; use the newer poulpe that wrote it",
        dir.display()
    )]
    Newer {
        /// The data directory.
        dir: PathBuf,
        /// The format that was found.
        found: u32,
        /// The newest one that is known.
        known: u32,
    },
    /// What was written and synced can't be read any more.
    #[error(
        "the store is damaged: {}, offset {offset}: {reason}; nothing was changed. Look with `poulpe store check {dir}`, copy what is readable with `poulpe store repair {dir} --into NEW`",
        file.display(),
        dir = file.parent().unwrap_or(Path::new(".")).display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// The disk is full.
    #[error("there is no room in the data directory {}; free some space on its file system", dir.display())]
    NoRoom {
        /// The data directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system couldn't do something else.
    #[error("failed to {what} in the data directory {}", dir.display())]
    Io {
        /// What was to be done.
        what: &'static str,
        /// The data directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Why a store can't be repaired.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// One of the two directories can't be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What is to be made is there already, or something else is.
    #[error("{} is not an empty directory; name a new one, a repair never writes over anything", into.display())]
    NotEmpty {
        /// The directory.
        into: PathBuf,
    },
    /// The new directory would be in the damaged one.
    #[error("{} lies in the directory that is to be repaired, in which nothing is changed; name one outside", into.display())]
    Inside {
        /// The directory.
        into: PathBuf,
    },
}

impl OpenError {
    /// Sorts an error of the system by what can be done about it.
    pub(crate) fn io(dir: &Path, what: &'static str, source: io::Error) -> Self {
        let dir = dir.to_path_buf();
        if disk::is_full(&source) {
            return Self::NoRoom { dir, source };
        }
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::NotWritable { dir, source }
            }
            io::ErrorKind::NotADirectory => Self::NotADirectory { dir },
            _ => Self::Io { what, dir, source },
        }
    }
}
