//! Tells of cron files: for the log what has changed in them, for `--check` and the greeting what they hold. Decides nothing.

use poulpe_core::{FileContents, ScheduleFile};
use poulpe_cron::Problem;
use std::collections::HashMap;

/// How many problems of a file are logged, each of several lines; `poulpe cron check` tells them all.
const LOGGED_PROBLEMS: usize = 20;

/// How much there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) files: usize,
    pub(crate) missing: usize,
    pub(crate) schedules: usize,
    pub(crate) problems: usize,
}

impl Summary {
    pub(crate) fn of(files: &[ScheduleFile]) -> Self {
        let mut summary = Self {
            files: files.len(),
            ..Self::default()
        };
        for file in files {
            match &file.contents {
                FileContents::Read { entries, problems } => {
                    summary.schedules += entries.len();
                    summary.problems += problems.len();
                }
                FileContents::Missing(_) => summary.missing += 1,
            }
        }
        summary
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = |number: usize, one: &str, more: &str| match number {
            1 => format!("1 {one}"),
            _ => format!("{number} {more}"),
        };
        let schedules = count(self.schedules, "schedule", "schedules");
        write!(f, "{schedules} in {}", count(self.files, "file", "files"))?;
        if self.missing > 0 {
            write!(f, ", {} of them can't be read", self.missing)?;
        }
        if self.problems > 0 {
            write!(f, ", {}", count(self.problems, "problem", "problems"))?;
        }
        Ok(())
    }
}

/// All that is wrong, in lines for a terminal.
pub(crate) fn problems(files: &[ScheduleFile]) -> String {
    let mut text = String::new();
    for file in files {
        match &file.contents {
            FileContents::Read { problems, .. } => {
                text.extend(problems.iter().map(|problem| problem.render(&file.name)));
            }
            FileContents::Missing(reason) => text += &format!("{}: {reason}\n", file.name),
        }
    }
    text
}

/// Logs files that have changed.
#[derive(Debug, Default)]
pub(super) struct Log {
    before: HashMap<String, Told>,
}

/// What was told of a file.
#[derive(Debug)]
struct Told {
    digest: u64,
    is_missing: bool,
    /// They may change while the file doesn't: another one takes its ID.
    problems: Vec<Problem>,
}

impl Log {
    /// Tells of those whose digest, or whose problems, are others than before.
    pub(super) fn tell(&mut self, files: &[ScheduleFile], digests: &[u64]) {
        let mut before = std::mem::take(&mut self.before);
        for (file, digest) in files.iter().zip(digests) {
            let told = before.remove(&file.name);
            let told = tell(file, *digest, told);
            self.before.insert(file.name.clone(), told);
        }
        for (file, told) in before {
            if !told.is_missing {
                tracing::warn!(file, "cron file gone; nothing of it fires");
            }
        }
    }
}

fn tell(file: &ScheduleFile, digest: u64, before: Option<Told>) -> Told {
    let name = file.name.as_str();
    let was_missing = before.as_ref().is_some_and(|told| told.is_missing);
    let (entries, problems) = match &file.contents {
        FileContents::Read { entries, problems } => (entries.len(), problems.clone()),
        FileContents::Missing(_) => (0, Vec::new()),
    };
    let told = Told {
        digest,
        is_missing: matches!(file.contents, FileContents::Missing(_)),
        problems,
    };
    if before.is_some_and(|before| before.digest == digest && before.problems == told.problems) {
        return told;
    }
    if let FileContents::Missing(reason) = &file.contents {
        tracing::warn!(
            file = name,
            reason,
            "cron file can't be read; nothing of it fires"
        );
        return told;
    }
    let problems = told.problems.len();
    match was_missing {
        true => tracing::info!(file = name, entries, problems, "cron file is back"),
        false => tracing::info!(file = name, entries, problems, "cron file read"),
    }
    tell_problems(name, &told.problems);
    told
}

fn tell_problems(file: &str, problems: &[Problem]) {
    for problem in problems.iter().take(LOGGED_PROBLEMS) {
        tracing::warn!("{}", problem.render(file).trim_end());
    }
    let more = problems.len().saturating_sub(LOGGED_PROBLEMS);
    if more > 0 {
        tracing::warn!(file, more, "further problems; see `poulpe cron check`");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poulpe_core::Timestamp;
    use poulpe_cron::{CronFile, Defaults, Zone};

    fn read(name: &str, text: &str) -> ScheduleFile {
        let defaults = Defaults {
            zone: Zone::utc(),
            now: Timestamp::from_millis(0),
        };
        let file = CronFile::parse(text.as_bytes(), &defaults);
        ScheduleFile {
            name: name.into(),
            contents: FileContents::Read {
                entries: file.entries,
                problems: file.problems,
            },
        }
    }

    fn missing() -> ScheduleFile {
        ScheduleFile {
            name: "c".into(),
            contents: FileContents::Missing("there is no such file".into()),
        }
    }

    #[test]
    fn a_summary_counts_what_works_and_what_does_not() {
        let files = [
            read("a", "@hourly x GET\n@daily x GET\n"),
            read("b", "@never x GET\n"),
            missing(),
        ];
        assert_eq!(
            Summary::of(&files).to_string(),
            "2 schedules in 3 files, 1 of them can't be read, 1 problem"
        );
        assert_eq!(
            Summary::of(&[read("a", "@hourly x GET\n")]).to_string(),
            "1 schedule in 1 file"
        );
    }

    #[test]
    fn problems_have_file_line_column_and_caret() {
        let text = problems(&[read("a", "\n0 60 * * * * * x GET\n"), missing()]);
        assert_eq!(
            text,
            "a:2:3: 60 is no minute: minutes are 0 to 59\n    0 60 * * * * * x GET\n      ^^\nc: there is no such file\n"
        );
    }
}
