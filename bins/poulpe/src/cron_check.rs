//! `poulpe cron check`: all that is wrong with cron files. Judges nothing itself.

use crate::cron_command::{CheckFlags, Told};
use crate::cron_files;
use poulpe_core::Timestamp;
use poulpe_cron::{CronFile, Defaults, Problem, Reader, Zone};
use serde_json::{Value, json};
use std::path::PathBuf;

pub(crate) fn run(flags: &CheckFlags, now: Timestamp) -> Result<Told, String> {
    let zone = Zone::host().map_err(|error| error.to_string())?;
    let mut reader = Reader::new(Defaults { zone, now });
    let mut checked = Vec::new();
    let mut unreadable = Vec::new();
    for path in &flags.paths {
        let files = cron_files::list(path).unwrap_or_else(|reason| {
            unreadable.push(format!("{}: {reason}", path.display()));
            Vec::new()
        });
        for file in files {
            match cron_files::read(&file) {
                Ok(bytes) => checked.push((file, reader.read(&bytes))),
                Err(reason) => unreadable.push(format!("{}: {reason}", file.display())),
            }
        }
    }
    let has_problems = checked.iter().any(|(_, file)| !file.problems.is_empty());
    Ok(Told {
        text: match flags.json {
            true => in_json(&checked, &unreadable),
            false => in_text(&checked, &unreadable),
        },
        problems: String::new(),
        is_good: unreadable.is_empty() && !has_problems,
    })
}

fn in_text(checked: &[(PathBuf, CronFile)], unreadable: &[String]) -> String {
    let mut text = String::new();
    for reason in unreadable {
        text += &format!("{reason}\n");
    }
    let (mut entries, mut problems) = (0, unreadable.len());
    for (path, file) in checked {
        let name = path.display().to_string();
        for problem in &file.problems {
            text += &problem.render(&name);
        }
        for note in &file.notes {
            text += &note.render(&name).replacen(": ", ": note: ", 1);
        }
        entries += file.entries.len();
        problems += file.problems.len();
    }
    let count = |number: usize, one: &str, more: &str| {
        format!("{number} {}", if number == 1 { one } else { more })
    };
    text + &format!(
        "{}, {}, {}\n",
        count(checked.len(), "file", "files"),
        count(entries, "entry", "entries"),
        count(problems, "problem", "problems")
    )
}

fn in_json(checked: &[(PathBuf, CronFile)], unreadable: &[String]) -> String {
    let files: Vec<Value> = checked
        .iter()
        .map(|(path, file)| {
            let entries: Vec<Value> = file
                .entries
                .iter()
                .map(|entry| {
                    json!({
                        "line": entry.line,
                        "id": entry.id.as_str(),
                        "fields": entry.schedule.fields(),
                        "words": entry.schedule.describe(),
                        "zone": entry.zone.name(),
                        "name": entry.name,
                        "method": entry.kind.as_str(),
                    })
                })
                .collect();
            json!({
                "file": path.display().to_string(),
                "entries": entries,
                "problems": listed(&file.problems),
                "notes": listed(&file.notes),
            })
        })
        .collect();
    format!(
        "{:#}\n",
        json!({ "files": files, "unreadable": unreadable })
    )
}

fn listed(problems: &[Problem]) -> Vec<Value> {
    problems
        .iter()
        .map(|problem| json!({ "line": problem.line, "column": problem.column, "message": problem.message }))
        .collect()
}
