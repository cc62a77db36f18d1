//! Reads cron files and makes of them what the scheduler drives. Never says anything to anybody. Blocks.

use super::look::Look;
use crate::cron_files;
use poulpe_core::{FileContents, ScheduleFile};
use poulpe_cron::{Defaults, Reader};
use std::hash::{BuildHasher, RandomState};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The contents of all files, or why one can't be read.
#[derive(Debug)]
pub(crate) struct Texts(Vec<(PathBuf, Result<Vec<u8>, String>)>);

impl Texts {
    /// Reads what was seen.
    pub(crate) fn of(look: &Look) -> Self {
        let read = |(path, seen): (&Path, Result<(), &str>)| {
            let text = seen
                .map_err(String::from)
                .and_then(|()| cron_files::read(path));
            (path.to_path_buf(), text)
        };
        Self(look.files().map(read).collect())
    }

    /// A number for each file, that is another one, as good as surely, when anything of it is different. Of one `state`
    /// only.
    pub(super) fn digests(&self, state: &RandomState) -> Vec<u64> {
        self.0.iter().map(|file| state.hash_one(file)).collect()
    }

    /// What they say. One reader takes them all, in their order: so identical lines of different files are told apart, and
    /// an ID that is given twice is noticed.
    pub(crate) fn parse(&self, defaults: &Defaults) -> Vec<ScheduleFile> {
        let mut reader = Reader::new(defaults.clone());
        let parsed = self.0.iter().map(|(path, text)| {
            let contents = match text.as_ref().map(|bytes| (bytes, refusal(bytes))) {
                Ok((_, Some(reason))) => FileContents::Missing(reason),
                Ok((bytes, None)) => {
                    let file = reader.read(bytes);
                    FileContents::Read {
                        entries: file.entries,
                        problems: file.problems,
                    }
                }
                Err(reason) => FileContents::Missing(reason.clone()),
            };
            ScheduleFile {
                name: name(path),
                contents,
            }
        });
        parsed.collect()
    }
}

/// Why nothing of a file counts. Maybe it is being written: what it held goes on when it is whole again.
fn refusal(bytes: &[u8]) -> Option<String> {
    if bytes.is_empty() {
        return Some("it is empty".into());
    }
    Reader::refuses(bytes)
}

/// The path as text. Different paths have different names, whatever bytes they are made of.
fn name(path: &Path) -> String {
    match path.to_str() {
        Some(text) => text.into(),
        None => path.as_os_str().as_bytes().escape_ascii().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poulpe_core::Timestamp;
    use poulpe_cron::{Entry, Zone};
    use std::fs;

    fn defaults() -> Defaults {
        Defaults {
            zone: Zone::utc(),
            now: Timestamp::from_millis(0),
        }
    }

    fn load(paths: &[PathBuf]) -> Vec<ScheduleFile> {
        Texts::of(&Look::at(paths)).parse(&defaults())
    }

    fn entries(file: &ScheduleFile) -> &[Entry] {
        match &file.contents {
            FileContents::Read { entries, .. } => entries,
            FileContents::Missing(reason) => panic!("{reason}"),
        }
    }

    #[test]
    fn identical_lines_of_two_files_are_two_schedules() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            fs::write(dir.path().join(name), "@hourly http://h/ GET\n").unwrap();
        }
        let files = load(&[dir.path().into()]);
        assert_eq!(files[0].name, dir.path().join("a").to_str().unwrap());
        assert_ne!(entries(&files[0])[0].id, entries(&files[1])[0].id);
    }

    #[test]
    fn an_id_that_another_file_has_is_a_problem_of_the_second() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            fs::write(dir.path().join(name), "ID=x\n@hourly http://h/ GET\n").unwrap();
        }
        let files = load(&[dir.path().join("b"), dir.path().join("a")]);
        let problems = |file: &ScheduleFile| match &file.contents {
            FileContents::Read { problems, .. } => problems.len(),
            FileContents::Missing(reason) => panic!("{reason}"),
        };
        assert_eq!((problems(&files[0]), problems(&files[1])), (0, 1));
    }

    #[test]
    fn what_cannot_be_read_is_missing_with_its_reason() {
        let files = load(&["/no/such".into(), "/dev/null".into()]);
        let reason = |file: &ScheduleFile| match &file.contents {
            FileContents::Missing(reason) => reason.clone(),
            FileContents::Read { .. } => panic!("{file:?}"),
        };
        assert_eq!(reason(&files[0]), "there is no such file");
        assert_eq!(reason(&files[1]), "a device is no cron file");
    }

    #[test]
    fn any_difference_changes_the_digests() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        let state = RandomState::new();
        let digest = || Texts::of(&Look::at(&[a.clone(), b.clone()])).digests(&state);
        let mut digests = vec![digest()];
        for (path, text) in [(&a, "1"), (&a, "2"), (&b, "2"), (&a, "1"), (&a, "")] {
            fs::write(path, text).unwrap();
            digests.push(digest());
        }
        let different: std::collections::HashSet<_> = digests.iter().cloned().collect();
        assert_eq!(different.len(), digests.len());
        assert_eq!(digest(), digests[digests.len() - 1]);
    }

    #[test]
    fn names_that_are_no_text_stay_apart() {
        use std::ffi::OsStr;
        let of = |bytes: &[u8]| name(Path::new(OsStr::from_bytes(bytes)));
        assert_eq!(of("/é".as_bytes()), "/é");
        assert_ne!(of(b"/\xfe"), of(b"/\xff"));
    }
}
