//! The note of a move in a data directory: a small file beside the log. Never looks at the log. Written by whoever moves a
//! store, read when one is opened.

use crate::error::OpenError;
use poulpe_store::Mark;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// The name of the file.
pub(crate) const NAME: &str = "MOVED";

/// While it is written.
const NEXT: &str = "MOVED.next";

/// What is noted of a move of the store in this directory, if there is a note.
pub fn read(dir: &Path) -> Result<Option<Mark>, OpenError> {
    let text = match std::fs::read_to_string(dir.join(NAME)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::io(dir, "read the note of a move", error)),
    };
    let mark = Mark::parse(&text);
    let strange = || io::Error::other("it is none that this poulpe understands");
    let mark = mark.ok_or_else(|| OpenError::io(dir, "read the note of a move", strange()))?;
    Ok(Some(mark))
}

/// Notes a move, or with `None` forgets it.
pub(crate) fn set(dir: &Path, mark: Option<&Mark>) -> Result<(), OpenError> {
    write(dir, mark).map_err(|error| OpenError::io(dir, "note the move", error))
}

fn write(dir: &Path, mark: Option<&Mark>) -> io::Result<()> {
    match mark {
        Some(mark) => {
            let mut file = File::create(dir.join(NEXT))?;
            writeln!(file, "{}", mark.to_text())?;
            file.sync_all()?;
            std::fs::rename(dir.join(NEXT), dir.join(NAME))?;
        }
        None => match std::fs::remove_file(dir.join(NAME)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        },
    }
    File::open(dir)?.sync_all()
}
