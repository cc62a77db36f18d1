//! The file that tells the format of a data directory. Never looks into segments. It is written before the first
//! segment, so a directory with segments has it.

use crate::disk::Disk;
use crate::error::OpenError;
use std::io;
use std::path::Path;

/// The file's name.
pub(crate) const NAME: &str = "FORMAT";

/// The format that this code writes, and the newest it reads. 2 brought cold segments; 1 had all else.
const VERSION: u32 = 2;

/// The oldest that this code reads.
const OLDEST: u32 = 1;

const PREFIX: &str = "poulpe store ";

/// Checks the format, and writes it into a directory that is new.
pub(crate) fn check(disk: &dyn Disk, dir: &Path, names: &[String]) -> Result<(), OpenError> {
    let is_new = !names.iter().any(|name| name == NAME);
    if !is_new {
        return read(disk, dir);
    }
    let has_segments = names
        .iter()
        .any(|name| crate::segment::parse_name(name).is_some());
    if has_segments {
        return Err(missing(dir));
    }
    write(disk).map_err(|error| OpenError::io(dir, "write the format", error))
}

fn read(disk: &dyn Disk, dir: &Path) -> Result<(), OpenError> {
    // Before anything that an older poulpe would overlook is written.
    if look(disk, dir)? < VERSION {
        return write(disk).map_err(|error| OpenError::io(dir, "write the format", error));
    }
    Ok(())
}

/// The format of a directory that has one. Changes nothing.
pub(crate) fn look(disk: &dyn Disk, dir: &Path) -> Result<u32, OpenError> {
    let text = read_text(disk).map_err(|error| OpenError::io(dir, "read the format", error))?;
    let version = text
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.trim_end().parse::<u32>().ok());
    match version {
        Some(found @ OLDEST..=VERSION) => Ok(found),
        Some(found) if found > VERSION => Err(OpenError::Newer {
            dir: dir.to_path_buf(),
            found,
            known: VERSION,
        }),
        _ => Err(damaged(dir, "it doesn't name a format")),
    }
}

fn read_text(disk: &dyn Disk) -> io::Result<String> {
    /// Longer than any format's line will be.
    const LONGEST: u64 = 64;
    let file = disk.open(NAME)?;
    let mut bytes = vec![0; file.len()?.min(LONGEST) as usize];
    file.read(&mut bytes, 0)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Names the format of a directory. Under another name first: a crash must not leave half of it.
pub(crate) fn write(disk: &dyn Disk) -> io::Result<()> {
    const DRAFT: &str = "FORMAT.tmp";
    let file = disk.create(DRAFT)?;
    file.write(format!("{PREFIX}{VERSION}\n").as_bytes(), 0)?;
    file.sync()?;
    disk.rename(DRAFT, NAME)?;
    disk.sync()
}

/// There are segments, but the file isn't there.
pub(crate) fn missing(dir: &Path) -> OpenError {
    damaged(dir, "the file is missing although there are segments")
}

fn damaged(dir: &Path, reason: &str) -> OpenError {
    OpenError::Damaged {
        file: dir.join(NAME),
        offset: 0,
        reason: reason.into(),
    }
}
