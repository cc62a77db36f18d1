//! Takes secrets off the command line, where every user of the machine can read them. Starts the same program over in the same
//! process, with the secrets in the environment, which only the same user can read. Runs first of all.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Flags that hold secrets, without dashes, and where they go.
const SECRETS: [(&str, &str); 3] = [
    ("token", "POULPE_TOKEN"),
    ("smtp_pwd", "POULPE_SMTP_PWD"),
    ("redis", "POULPE_REDIS"),
];

/// Tells the new start what was hidden.
const HIDDEN: &str = "POULPE_HIDDEN_FLAGS";

/// A command line without its secrets.
#[derive(Debug, PartialEq, Eq)]
struct Hidden {
    arguments: Vec<OsString>,
    secrets: Vec<(&'static str, OsString)>,
    /// The flags that were there, for the operator.
    flags: String,
}

/// Starts over without secrets on the command line, if there are any. Comes back otherwise, or if that can't be done.
pub(crate) fn secrets() {
    let mut given = std::env::args_os();
    let name = given.next().unwrap_or_default();
    let Some(hidden) = hide(&given.collect::<Vec<_>>()) else {
        return;
    };
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let error = Command::new(program)
        .arg0(name)
        .args(hidden.arguments)
        .envs(hidden.secrets)
        .env(HIDDEN, hidden.flags)
        .exec();
    eprintln!("poulpe: secrets given as flags can't be hidden: {error}");
}

/// What the operator should know about the secrets that were given.
pub(crate) fn warning() -> Option<String> {
    let flags = std::env::var(HIDDEN).ok()?;
    Some(format!(
        "{flags} given on the command line: hidden from ps by now, but every user could read it for a moment, and shells \
         remember it; a file is safer: --token_file, --smtp_pwd_file, --redis_file"
    ))
}

/// Keeps other processes of the same user, the commands of EXEC above all, from reading the environment and the memory of
/// this one.
pub(crate) fn close_the_process() {
    let holds_secrets = SECRETS
        .iter()
        .any(|(_, variable)| std::env::var_os(variable).is_some());
    if !holds_secrets {
        return;
    }
    let behavior = rustix::process::DumpableBehavior::NotDumpable;
    if let Err(error) = rustix::process::set_dumpable_behavior(behavior) {
        eprintln!(
            "poulpe: other processes of this user can read the secrets in its environment: {error}"
        );
    }
}

/// None if there is nothing to hide, or if the flags are wrong anyway and will be refused.
fn hide(given: &[OsString]) -> Option<Hidden> {
    let (mut arguments, mut secrets, mut flags) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = given.iter();
    while let Some(argument) = rest.next() {
        let Some((flag, variable, value)) = secret_flag(argument) else {
            arguments.push(argument.clone());
            continue;
        };
        let value = match value {
            Some(value) => value,
            None => rest.next()?.clone(),
        };
        let has_secret = flag != "redis" || value.as_bytes().contains(&b'@');
        if !has_secret {
            arguments.extend([format!("--{flag}").into(), value]);
            continue;
        }
        let is_repeated = secrets.iter().any(|(known, _)| *known == variable);
        if is_repeated {
            return None;
        }
        secrets.push((variable, value));
        flags.push(format!("--{flag}"));
    }
    (!secrets.is_empty()).then(|| Hidden {
        arguments,
        secrets,
        flags: flags.join(", "),
    })
}

/// The flag of a secret, its variable, and its value if that stands in the same word.
fn secret_flag(argument: &OsStr) -> Option<(&'static str, &'static str, Option<OsString>)> {
    let word = argument.as_bytes().strip_prefix(b"--")?;
    let end = word.iter().position(|b| *b == b'=').unwrap_or(word.len());
    let name = std::str::from_utf8(&word[..end]).ok()?.replace('-', "_");
    let (flag, variable) = SECRETS.into_iter().find(|(flag, _)| *flag == name)?;
    let value = word
        .get(end + 1..)
        .map(|value| OsString::from_vec(value.to_vec()));
    Some((flag, variable, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(line: &str) -> Option<(String, String, String)> {
        let given: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let hidden = hide(&given)?;
        let words: Vec<_> = hidden
            .arguments
            .iter()
            .map(|word| word.to_string_lossy())
            .collect();
        let secrets = hidden.secrets.iter();
        let secrets: Vec<_> = secrets
            .map(|(name, value)| format!("{name}={}", value.to_string_lossy()))
            .collect();
        Some((words.join(" "), secrets.join(" "), hidden.flags))
    }

    #[test]
    fn secrets_go_and_everything_else_stays() {
        for (line, expected) in [
            ("--port 1", None),
            ("--token_file f --smtp_pwd_file g --redis redis://h", None),
            ("--token", None),
            ("--token a --token b", None),
            (
                "--port 1 --token a --check",
                Some(("--port 1 --check", "POULPE_TOKEN=a", "--token")),
            ),
            (
                "--token=a=b --smtp-pwd x",
                Some((
                    "",
                    "POULPE_TOKEN=a=b POULPE_SMTP_PWD=x",
                    "--token, --smtp_pwd",
                )),
            ),
            (
                "--smtp_pwd= --redis=redis://:p@h -x",
                Some((
                    "-x",
                    "POULPE_SMTP_PWD= POULPE_REDIS=redis://:p@h",
                    "--smtp_pwd, --redis",
                )),
            ),
            (
                "--redis redis://h --token a",
                Some(("--redis redis://h", "POULPE_TOKEN=a", "--token")),
            ),
        ] {
            let expected = expected.map(|(a, b, c)| (a.into(), b.into(), c.into()));
            assert_eq!(hidden(line), expected, "{line}");
        }
    }
}
