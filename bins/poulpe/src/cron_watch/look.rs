//! What can be seen of cron files without opening them. Never judges whether they have changed. Blocks.

use crate::cron_files;
use std::collections::HashSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// All cron files at one time: in the order in which they were given, those of a directory by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look(Vec<(PathBuf, Result<Stamp, String>)>);

/// What changes when a file is written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Look {
    /// Looks at these files and into these directories. A file that was given twice is one.
    pub(crate) fn at(paths: &[PathBuf]) -> Self {
        let mut seen = HashSet::new();
        let mut files = Vec::new();
        for path in paths {
            match cron_files::list(path) {
                Ok(listed) => files.extend(listed.into_iter().map(|file| (stamp(&file), file))),
                Err(reason) => files.push((Err(reason), path.clone())),
            }
        }
        files.retain(|(_, path)| seen.insert(path.clone()));
        Self(files.into_iter().map(|(seen, path)| (path, seen)).collect())
    }

    /// The files, and why there is nothing to read of one.
    pub(super) fn files(&self) -> impl Iterator<Item = (&Path, Result<(), &str>)> {
        self.0.iter().map(|(path, seen)| {
            let seen = seen.as_ref().map(|_| ()).map_err(String::as_str);
            (path.as_path(), seen)
        })
    }

    /// A file named `a` that was changed at this time.
    #[cfg(test)]
    pub(super) fn sample(changed: i64) -> Self {
        let stamp = Stamp {
            device: 1,
            inode: 2,
            size: 3,
            modified: (changed, 0),
            changed: (changed, 0),
        };
        Self(vec![("a".into(), Ok(stamp))])
    }
}

fn stamp(path: &Path) -> Result<Stamp, String> {
    let metadata = std::fs::metadata(path).map_err(|error| cron_files::reason(&error))?;
    Ok(Stamp::of(&metadata))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(look: &Look) -> Vec<&str> {
        let names = look
            .files()
            .map(|(path, _)| path.file_name().unwrap().to_str().unwrap());
        names.collect()
    }

    #[test]
    fn whatever_becomes_of_a_file_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let (file, other) = (dir.path().join("a"), dir.path().join("b"));
        let paths = [file.clone()];
        let mut looks = vec![Look::at(&paths)];
        fs::write(&file, "1").unwrap();
        looks.push(Look::at(&paths));
        fs::write(&file, "22").unwrap();
        looks.push(Look::at(&paths));
        fs::write(&other, "33").unwrap();
        fs::rename(&other, &file).unwrap();
        looks.push(Look::at(&paths));
        fs::remove_file(&file).unwrap();
        let gone = Look::at(&paths);
        for (place, look) in looks.iter().enumerate() {
            assert!(!looks[..place].contains(look), "{looks:?}");
        }
        assert_eq!(gone, looks[0]);
    }

    #[test]
    fn a_directory_is_listed_each_time_in_the_order_of_names() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "b",
            "a",
            ".hidden",
            "a~",
            "a.bak",
            "a.dpkg-old",
            "a.rpmsave",
        ] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let paths = [dir.path().to_path_buf()];
        assert_eq!(names(&Look::at(&paths)), ["a", "b"]);
        fs::write(dir.path().join("ab"), "").unwrap();
        assert_eq!(names(&Look::at(&paths)), ["a", "ab", "b"]);
    }

    #[test]
    fn a_file_that_is_given_twice_is_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        fs::write(&file, "").unwrap();
        let look = Look::at(&[file.clone(), dir.path().to_path_buf(), file]);
        assert_eq!(names(&look), ["a"]);
    }

    #[test]
    fn a_file_that_is_not_there_has_a_reason() {
        let look = Look::at(&["/no/such/file".into()]);
        let reason = look.files().next().map(|(_, seen)| seen);
        assert_eq!(reason, Some(Err("there is no such file")));
    }
}
