//! Finds and reads cron files; errors are reasons that read after the path and a colon. A FIFO or a device is never
//! opened, so that nothing here waits, and of a huge file no more is read than tells that it is too large.

use poulpe_cron::MAX_FILE_BYTES;
use rustix::fs::OFlags;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How the names of copies end that editors and package managers leave beside a file.
const COPIES: [&str; 12] = [
    "~",
    ".bak",
    ".old",
    ".orig",
    ".swp",
    ".tmp",
    ".dpkg-old",
    ".dpkg-new",
    ".dpkg-dist",
    ".rpmsave",
    ".rpmnew",
    ".rpmorig",
];

/// The files that a path stands for: itself, or what lies in the directory, by name. Hidden files and copies are no cron
/// files, and directories within are not descended into.
pub(crate) fn list(path: &Path) -> Result<Vec<PathBuf>, String> {
    let metadata = std::fs::metadata(path).map_err(|error| reason(&error))?;
    if !metadata.is_dir() {
        return Ok(vec![path.into()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|error| reason(&error))? {
        let file = entry.map_err(|error| reason(&error))?.path();
        let name = file.file_name().unwrap_or_default().as_encoded_bytes();
        let is_meant = !name.starts_with(b".") && !is_copy(name);
        if is_meant && !file.is_dir() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn is_copy(name: &[u8]) -> bool {
    COPIES.iter().any(|end| name.ends_with(end.as_bytes()))
}

/// The bytes of a file; at most one more than may be read, so that its reader can refuse it.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let refused = |metadata: &Metadata| format!("{} is no cron file", kind(metadata));
    let metadata = std::fs::metadata(path).map_err(|error| reason(&error))?;
    if !metadata.is_file() {
        return Err(refused(&metadata));
    }
    // It may have become a FIFO meanwhile: opening one without NONBLOCK waits for somebody who writes.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags);
    let file: File = options.open(path).map_err(|error| reason(&error))?;
    let metadata = file.metadata().map_err(|error| reason(&error))?;
    if !metadata.is_file() {
        return Err(refused(&metadata));
    }
    let mut bytes = Vec::new();
    let limit = MAX_FILE_BYTES as u64 + 1;
    file.take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| reason(&error))?;
    Ok(bytes)
}

fn kind(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    if kind.is_dir() {
        return "a directory";
    }
    if kind.is_fifo() {
        return "a FIFO";
    }
    if kind.is_socket() {
        return "a socket";
    }
    "a device"
}

/// Why a file can't be looked at or read.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "this user may not read it".into(),
        _ => format!("can't be read: {error}"),
    }
}
