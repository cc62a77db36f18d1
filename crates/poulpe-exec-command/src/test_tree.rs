//! A small tree of commands for the tests of the allow-list. Nothing in it is ever run. Used by unit tests only.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// A directory with `bin/tool` (a program), `bin/data` (not executable), `other/tool` and some links.
pub(crate) fn tree() -> tempfile::TempDir {
    let tree = tempfile::tempdir().expect("a temporary directory");
    let root = tree.path();
    for directory in ["bin", "bin/sub", "other"] {
        fs::create_dir(root.join(directory)).expect("a directory");
    }
    for (file, mode) in [
        ("bin/tool", 0o755),
        ("bin/data", 0o644),
        ("bin/sub/deep", 0o755),
        ("bin/box", 0o755),
        ("other/tool", 0o755),
    ] {
        fs::write(root.join(file), "#!/bin/sh\n").expect("a file");
        fs::set_permissions(root.join(file), fs::Permissions::from_mode(mode)).expect("a mode");
    }
    symlink(root.join("bin/tool"), root.join("other/alias")).expect("a link");
    symlink(root.join("other/tool"), root.join("bin/escape")).expect("a link");
    symlink("box", root.join("bin/ls")).expect("a link");
    symlink("box", root.join("bin/sh")).expect("a link");
    symlink(root.join("bin"), root.join("linked")).expect("a link");
    tree
}

/// A path in the tree, as a task would name it.
pub(crate) fn path_of(root: &Path, name: &str) -> String {
    root.join(name).display().to_string()
}
