//! The list of commands that tasks may run, read from what the operator wrote. Never runs anything, and keeps paths as
//! written: links are followed anew at each lookup, since a deployment may move them. Used by the lookup.

use crate::entry::Entry;
use rustix::fs::Access;
use std::path::{Path, PathBuf};

/// An entry of the allow-list that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{entry:?} {reason}")]
pub struct BadEntry {
    /// The entry as it was written.
    pub entry: String,
    /// What is wrong with it and what would be right.
    pub reason: String,
}

/// An allow-list with entries that can't be used, all of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("allow-list of commands: {}", .entries.iter().map(BadEntry::to_string).collect::<Vec<_>>().join("; "))]
pub struct BadAllow {
    /// Every bad entry, in the order given.
    pub entries: Vec<BadEntry>,
}

/// Reads the whole list, or says what is wrong with every bad entry.
pub(crate) fn read_entries(
    written: &[String],
    search_path: &[PathBuf],
) -> Result<Vec<Entry>, BadAllow> {
    let mut good = Vec::new();
    let mut bad = Vec::new();
    for entry in written {
        match read_entry(entry, search_path) {
            Ok(entry) => good.push(entry),
            Err(reason) => bad.push(BadEntry {
                entry: entry.clone(),
                reason: reason.into(),
            }),
        }
    }
    if bad.is_empty() {
        return Ok(good);
    }
    Err(BadAllow { entries: bad })
}

fn read_entry(written: &str, search_path: &[PathBuf]) -> Result<Entry, &'static str> {
    if written == "*" {
        return Ok(Entry::Any);
    }
    if written.is_empty() {
        return Err("is empty; give the path of a command or a directory, a name on PATH, or *");
    }
    if written.contains('\0') {
        return Err("contains a NUL byte, which no path can");
    }
    if !written.contains('/') {
        let found = search_path
            .iter()
            .map(|directory| directory.join(written))
            .find(|path| is_executable(path));
        return found
            .map(Entry::Command)
            .ok_or("was not found on PATH; give its absolute path");
    }
    let path = PathBuf::from(written);
    if !path.is_absolute() {
        return Err("is a relative path; give an absolute one");
    }
    if path.is_dir() {
        return Ok(Entry::Directory(path));
    }
    if !path.exists() {
        return Err("does not exist");
    }
    if !is_executable(&path) {
        return Err("is not executable; make it so with chmod +x");
    }
    Ok(Entry::Command(path))
}

/// Whether this process may run the file.
pub(crate) fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(written: &str) -> Result<Entry, &'static str> {
        read_entry(written, &[PathBuf::from("/nowhere"), PathBuf::from("/bin")])
    }

    #[test]
    fn each_form_of_entry_is_told_by_its_look() {
        assert_eq!(read("*"), Ok(Entry::Any));
        assert_eq!(read("/bin"), Ok(Entry::Directory("/bin".into())));
        assert_eq!(read("/bin/sh"), Ok(Entry::Command("/bin/sh".into())));
        assert_eq!(read("sh"), Ok(Entry::Command("/bin/sh".into())));
    }

    #[test]
    fn a_bad_entry_says_what_would_be_right() {
        for (written, hint) in [
            ("", "is empty"),
            ("bin/sh", "relative"),
            ("./sh", "relative"),
            ("/no/such/command", "does not exist"),
            ("/etc/passwd", "not executable"),
            ("no-such-command", "not found on PATH"),
            ("..", "not found on PATH"),
            ("/bin/s\0h", "NUL"),
        ] {
            let reason = read(written).expect_err(written);
            assert!(reason.contains(hint), "{written:?}: {reason}");
        }
    }

    #[test]
    fn every_bad_entry_is_listed_at_once() {
        let written = ["/bin/sh", "/no/such", "a/b"].map(String::from);
        let error = read_entries(&written, &[]).expect_err("two are bad");
        assert_eq!(
            error.to_string(),
            "allow-list of commands: \"/no/such\" does not exist; \"a/b\" is a relative path; give an absolute one"
        );
    }
}
