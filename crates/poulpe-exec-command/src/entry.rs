//! What one entry of the allow-list lets run. Compares real paths and keeps none: links are followed anew each time,
//! since a deployment may move them. Never runs anything; asked by the lookup.

use std::fs;
use std::path::{Path, PathBuf};

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Everything.
    Any,
    /// This command.
    Command(PathBuf),
    /// Every executable directly in this directory.
    Directory(PathBuf),
}

/// A command that may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// The file to execute.
    pub(crate) file: PathBuf,
    /// What the command sees as its own name (`argv[0]`).
    pub(crate) called: PathBuf,
}

impl Entry {
    /// What this entry lets run for a path, if it does. Both sides are compared by their real paths, so `..` and links
    /// lead nowhere; what is then executed is the operator's own path or a real one, never a link of somebody else.
    pub(crate) fn program(&self, asked: &Path) -> Option<Program> {
        match self {
            Entry::Any => Some(Program {
                file: asked.to_owned(),
                called: asked.to_owned(),
            }),
            Entry::Directory(directory) => {
                let real = real_path(asked)?;
                (real.parent()? == real_directory(directory)).then(|| Program {
                    file: real,
                    called: asked.to_owned(),
                })
            }
            Entry::Command(listed) if listed == asked => Some(Program {
                file: listed.clone(),
                called: listed.clone(),
            }),
            Entry::Command(listed) => {
                let real = real_path(asked)?;
                let real_listed = real_path(listed)?;
                if real != real_listed {
                    return None;
                }
                if asked.file_name() == listed.file_name() {
                    return Some(Program {
                        file: listed.clone(),
                        called: listed.clone(),
                    });
                }
                // Some programs are many commands in one file and choose by the name they are called by (busybox,
                // coreutils). Where `ls` is such a link, listing it must not allow the `sh` beside it.
                (listed.file_name() == real_listed.file_name()).then(|| Program {
                    file: real,
                    called: asked.to_owned(),
                })
            }
        }
    }
}

/// The path without links and `..`; for a file that isn't there, the real path of its directory and its name.
fn real_path(path: &Path) -> Option<PathBuf> {
    if let Ok(real) = fs::canonicalize(path) {
        return Some(real);
    }
    Some(real_directory(path.parent()?).join(path.file_name()?))
}

/// A directory that can't be reached (a mount that is away) stands for itself.
fn real_directory(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_tree::tree;

    fn entry(root: &Path, listed: &str) -> Entry {
        match root.join(listed) {
            _ if listed == "*" => Entry::Any,
            path if path.is_dir() => Entry::Directory(path),
            path => Entry::Command(path),
        }
    }

    #[test]
    fn a_path_is_allowed_by_what_it_really_is() {
        let tree = tree();
        let root = fs::canonicalize(tree.path()).expect("a real path");
        // Listed, asked for, the file that runs.
        for (listed, asked, runs) in [
            ("bin/tool", "bin/tool", Some("bin/tool")),
            ("bin/tool", "bin/../bin/tool", Some("bin/tool")),
            ("bin/tool", "linked/tool", Some("bin/tool")),
            ("bin/tool", "other/alias", Some("bin/tool")),
            ("linked/tool", "bin/tool", Some("linked/tool")),
            ("other/alias", "bin/tool", None),
            ("bin/tool", "other/tool", None),
            ("bin/tool", "bin/sub/../../other/tool", None),
            ("bin", "bin/tool", Some("bin/tool")),
            ("bin", "linked/tool", Some("bin/tool")),
            ("bin", "other/alias", Some("bin/tool")),
            ("linked", "bin/tool", Some("bin/tool")),
            ("bin", "other/tool", None),
            ("bin", "bin/../other/tool", None),
            ("bin", "bin/escape", None),
            ("bin", "bin/sub/deep", None),
            ("bin", "bin/sub/../tool", Some("bin/tool")),
            ("bin", "bin/later", Some("bin/later")),
            ("bin", "bin/sub/..", None),
            ("bin", "bin", None),
            ("bin/ls", "bin/ls", Some("bin/ls")),
            ("bin/ls", "linked/ls", Some("bin/ls")),
            ("bin/ls", "bin/sh", None),
            ("bin/ls", "bin/box", None),
            ("*", "other/alias", Some("other/alias")),
        ] {
            let program = entry(&root, listed).program(&root.join(asked));
            let file = program.map(|program| program.file);
            let expected = runs.map(|runs| root.join(runs));
            assert_eq!(file, expected, "listed {listed}, asked {asked}");
        }
    }

    #[test]
    fn a_link_in_an_allowed_directory_keeps_the_name_it_is_called_by() {
        let tree = tree();
        let root = fs::canonicalize(tree.path()).expect("a real path");
        let program = entry(&root, "bin").program(&root.join("bin/ls"));
        let expected = Program {
            file: root.join("bin/box"),
            called: root.join("bin/ls"),
        };
        assert_eq!(program, Some(expected));
    }

    #[test]
    fn a_link_that_is_moved_by_a_deployment_is_still_the_listed_command() {
        let tree = tree();
        let root = fs::canonicalize(tree.path()).expect("a real path");
        let listed = entry(&root, "linked/tool");
        fs::remove_file(root.join("linked")).expect("the link is gone");
        std::os::unix::fs::symlink(root.join("other"), root.join("linked")).expect("a link");
        assert!(listed.program(&root.join("other/tool")).is_some());
        assert_eq!(listed.program(&root.join("bin/tool")), None);
    }
}
