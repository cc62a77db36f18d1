//! Finds the command that a task names and decides whether it may run. Looks at the file system anew each time, so that
//! what is installed, moved or removed meanwhile counts; never runs anything. Asked by the executor, when a task comes
//! in and again before each attempt.

use crate::allow::is_executable;
use crate::entry::{Entry, Program};
use std::fs;
use std::path::{Path, PathBuf};

/// The longest path that Linux takes, without the closing NUL.
const MAX_PATH_BYTES: usize = 4095;

/// What became of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// It may run, and is there.
    Ready(Program),
    /// It may run, but can't at present; says why.
    Absent(String),
    /// It may not run; says why, and how to allow it.
    Refused(String),
}

/// Finds commands by name.
#[derive(Debug)]
pub(crate) struct Lookup {
    entries: Vec<Entry>,
    search_path: Vec<PathBuf>,
}

impl Lookup {
    pub(crate) fn new(entries: Vec<Entry>, search_path: Vec<PathBuf>) -> Self {
        Self {
            entries,
            search_path,
        }
    }

    /// Whether nothing at all may run.
    pub(crate) fn is_off(&self) -> bool {
        self.entries.is_empty()
    }

    /// Finds a command that a task names, if the list allows it.
    pub(crate) fn allowed(&self, name: &str) -> Found {
        self.find(name, &self.entries)
    }

    /// Finds a command that the operator names: the list doesn't apply.
    pub(crate) fn any(&self, name: &str) -> Found {
        self.find(name, &[Entry::Any])
    }

    fn find(&self, name: &str, entries: &[Entry]) -> Found {
        if let Err(reason) = check_form(name) {
            return Found::Refused(reason.into());
        }
        if name.contains('/') {
            return judge(Path::new(name), entries);
        }
        self.find_on_path(name, entries)
    }

    /// The first command of this name on `PATH` that may run; others are passed over. A name that exists but isn't
    /// allowed is refused even if it could still appear in an allowed directory: that isn't what was meant.
    fn find_on_path(&self, name: &str, entries: &[Entry]) -> Found {
        let mut exists = false;
        let mut may_appear = false;
        for directory in &self.search_path {
            let candidate = directory.join(name);
            let found = judge(&candidate, entries);
            let is_allowed = !matches!(found, Found::Refused(_));
            let is_there = is_executable(&candidate);
            if is_allowed && is_there {
                return found;
            }
            exists |= is_there;
            may_appear |= is_allowed;
        }
        if exists || !may_appear {
            return Found::Refused(not_on_the_list(name));
        }
        Found::Absent(format!("command {name:?} was not found on PATH"))
    }
}

fn check_form(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("is empty; give the path of a command, or its name on PATH");
    }
    if name.contains('\0') {
        return Err("contains a NUL byte, which no path can");
    }
    if name.len() > MAX_PATH_BYTES {
        return Err("is longer than any path can be");
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(
            "is a relative path; give an absolute one, or the bare name of a command on PATH",
        );
    }
    Ok(())
}

fn judge(asked: &Path, entries: &[Entry]) -> Found {
    let Some(program) = entries.iter().find_map(|entry| entry.program(asked)) else {
        return Found::Refused(not_on_the_list(&asked.to_string_lossy()));
    };
    match fs::canonicalize(&program.file) {
        Ok(_) => Found::Ready(program),
        Err(error) => Found::Absent(format!(
            "command {asked:?} could not be run: {}",
            crate::ending::system_error(&error)
        )),
    }
}

fn not_on_the_list(name: &str) -> String {
    let name: String = name.chars().take(200).collect();
    format!(
        "{name} is not on the list of allowed commands; start poulpe with --exec_allow {name} to allow it"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_tree::{path_of, tree};

    fn lookup(root: &Path, allow: &[&str], search: &[&str]) -> Lookup {
        let entries = allow
            .iter()
            .map(|entry| match *entry {
                "*" => Entry::Any,
                path if root.join(path).is_dir() => Entry::Directory(root.join(path)),
                path => Entry::Command(root.join(path)),
            })
            .collect();
        Lookup::new(entries, search.iter().map(|path| root.join(path)).collect())
    }

    #[test]
    fn a_bare_name_is_the_first_allowed_command_on_the_path() {
        let tree = tree();
        let root = fs::canonicalize(tree.path()).expect("a real path");
        for (allow, search, asked, runs) in [
            ("bin/tool", ["other", "bin"], "tool", Some("bin/tool")),
            ("*", ["other", "bin"], "tool", Some("other/tool")),
            ("bin", ["other", "bin"], "tool", Some("bin/tool")),
            ("*", ["bin", "other"], "data", None),
            ("bin/tool", ["other", "other"], "tool", None),
        ] {
            let found = lookup(&root, &[allow], &search).allowed(asked);
            let file = match found {
                Found::Ready(program) => Some(program.file),
                _ => None,
            };
            let expected = runs.map(|runs| root.join(runs));
            assert_eq!(file, expected, "allowed {allow}, on {search:?}: {asked}");
        }
    }

    #[test]
    fn a_command_that_is_not_there_yet_is_absent_not_refused() {
        let tree = tree();
        let root = tree.path();
        for (allow, asked) in [
            ("bin", path_of(root, "bin/later")),
            ("bin", path_of(root, "linked/later")),
            ("bin/gone", path_of(root, "bin/gone")),
            ("bin/gone", path_of(root, "linked/gone")),
            ("*", "/no/such/command".into()),
            ("bin", "later".into()),
        ] {
            let found = lookup(root, &[allow], &["bin"]).allowed(&asked);
            assert!(matches!(found, Found::Absent(_)), "{asked}: {found:?}");
        }
    }

    #[test]
    fn a_refusal_says_how_to_allow_it() {
        let tree = tree();
        let root = tree.path();
        for asked in [path_of(root, "other/later"), "tool".into(), "none".into()] {
            let Found::Refused(reason) = lookup(root, &["bin/sub"], &["bin"]).allowed(&asked)
            else {
                panic!("{asked} is not on the list");
            };
            let hint = format!("--exec_allow {asked}");
            assert!(reason.contains(&hint), "{reason}");
        }
    }

    #[test]
    fn a_name_that_exists_elsewhere_on_the_path_is_refused_not_awaited() {
        let tree = tree();
        let lookup = lookup(tree.path(), &["bin/sub"], &["bin/sub", "bin"]);
        let found = lookup.allowed("tool");
        assert!(matches!(found, Found::Refused(_)), "{found:?}");
    }

    #[test]
    fn names_that_are_no_commands_say_what_would_be_right() {
        let long = format!("/{}", "a".repeat(MAX_PATH_BYTES));
        for (asked, hint) in [
            ("", "is empty"),
            ("bin/sh", "relative"),
            ("../sh", "relative"),
            ("/bin/s\0h", "NUL"),
            (long.as_str(), "longer"),
        ] {
            let Found::Refused(reason) = Lookup::new(vec![Entry::Any], vec![]).allowed(asked)
            else {
                panic!("{asked:?} is no command");
            };
            assert!(reason.contains(hint), "{reason}");
        }
    }
}
