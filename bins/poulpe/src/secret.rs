//! Secrets, by flag or by file. Never prints one. Used by the configuration.

use std::path::PathBuf;

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
