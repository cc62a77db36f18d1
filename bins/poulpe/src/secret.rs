//! Secrets, by flag or by file. Never prints one. Used by the configuration.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Reading and writing by everybody.
const BY_OTHERS: u32 = 0o006;

/// The secret that was given, by flag or by file; none if there is none, or if what was given can't work.
pub(crate) fn secret(
    flag: &str,
    given: Option<&String>,
    file: Option<&PathBuf>,
    problems: &mut Vec<String>,
) -> Option<String> {
    match (given, file) {
        (Some(_), Some(_)) => {
            problems.push(format!(
                "--{flag} and --{flag}_file exclude each other; give one of them"
            ));
            None
        }
        (Some(secret), None) => Some(secret.clone()),
        (None, Some(file)) => std::fs::read_to_string(file)
            .map_err(|error| {
                problems.push(format!(
                    "--{flag}_file: {} can't be read: {error}",
                    file.display()
                ));
            })
            .ok(),
        (None, None) => None,
    }
}

/// A warning if a file with secrets is open to everybody on the machine.
pub(crate) fn complain_of_readers(flag: &str, file: &Path) -> Option<String> {
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    (mode & BY_OTHERS != 0).then(|| {
        let file = file.display();
        format!(
            "--{flag}: every user of this machine can read or write {file}; chmod 600 closes it"
        )
    })
}
