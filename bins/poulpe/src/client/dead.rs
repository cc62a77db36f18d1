//! `poulpe dead`: lists and shows dead letters of a running daemon, revives or purges them, singly or by a filter.

use super::job::{pages, print_job, print_jobs};
use super::table::text;
use super::{ClientFlags, Link, Stop, id_in_path, reason};
use clap::{Args, Subcommand};
use poulpe_core::wire;
use serde_json::Value;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// What can be done with dead letters.
#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// List dead letters in order of acceptance.
    Ls(LsFlags),
    /// Show all that is known of a dead letter.
    Show(ShowFlags),
    /// Put dead letters back, due at once, with fresh retries.
    Revive(ActFlags),
    /// Remove dead letters and their files for good.
    Purge(ActFlags),
}

/// Which dead letters are meant.
#[derive(Debug, Args)]
pub(crate) struct Filter {
    /// Only those of this method, such as GET.
    #[arg(long)]
    method: Option<String>,

    /// Only those whose URL, command or mail name holds this text.
    #[arg(long)]
    name: Option<String>,

    /// Only those whose last error holds this text.
    #[arg(long)]
    error: Option<String>,

    /// Only those accepted longer ago than this, such as 30min, 12h or 7d.
    #[arg(long, value_name = "AGE", value_parser = age)]
    older: Option<Duration>,
}

/// The flags of `ls`.
#[derive(Debug, Args)]
pub(crate) struct LsFlags {
    #[command(flatten)]
    filter: Filter,

    /// At most so many.
    #[arg(long, short = 'n', default_value_t = 100)]
    limit: usize,

    #[command(flatten)]
    client: ClientFlags,
}

/// The flags of `show`.
#[derive(Debug, Args)]
pub(crate) struct ShowFlags {
    /// The job's id.
    id: String,

    #[command(flatten)]
    client: ClientFlags,
}

/// The flags of `revive` and `purge`.
#[derive(Debug, Args)]
pub(crate) struct ActFlags {
    /// Ids of dead letters; without any, a filter or --all says which.
    #[arg(value_name = "ID")]
    ids: Vec<String>,

    #[command(flatten)]
    filter: Filter,

    /// All dead letters.
    #[arg(long, conflicts_with = "ids")]
    all: bool,

    /// Don't ask before it is done.
    #[arg(long, short)]
    yes: bool,

    #[command(flatten)]
    client: ClientFlags,
}

/// Does it.
pub(crate) fn run(command: &DeadCommand) -> Result<(), Stop> {
    match command {
        DeadCommand::Ls(flags) => {
            let mut found = flags.filter.find(&Link::new(&flags.client))?;
            found.truncate(flags.limit);
            print_jobs(&found, flags.client.json);
            Ok(())
        }
        DeadCommand::Show(flags) => {
            let link = Link::new(&flags.client);
            let job = link.value(&format!("/v1/dead/{}", id_in_path(&flags.id)))?;
            print_job(&job, flags.client.json);
            Ok(())
        }
        DeadCommand::Revive(flags) => act(flags, "revive", "POST", "/revive"),
        DeadCommand::Purge(flags) => act(flags, "purge", "DELETE", ""),
    }
}

impl Filter {
    fn is_empty(&self) -> bool {
        self.method.is_none() && self.name.is_none() && self.error.is_none() && self.older.is_none()
    }

    /// All dead letters that it lets through.
    fn find(&self, link: &Link) -> Result<Vec<Value>, Stop> {
        let now = super::job::now().as_millis();
        let mut found = pages(link, "/v1/dead?", usize::MAX)?;
        found.retain(|job| {
            let holds = |wanted: &Option<String>, field: &str| {
                wanted
                    .as_ref()
                    .is_none_or(|wanted| text(&job[field]).contains(wanted))
            };
            let is_method = |wanted: &String| text(&job["method"]).eq_ignore_ascii_case(wanted);
            let is_old = |age: &Duration| {
                let accepted = wire::parse_rfc3339(&text(&job["accepted_at"]));
                accepted.is_ok_and(|at| now - at.as_millis() > age.as_millis() as i64)
            };
            self.method.as_ref().is_none_or(is_method)
                && holds(&self.name, "name")
                && holds(&self.error, "last_error")
                && self.older.as_ref().is_none_or(is_old)
        });
        Ok(found)
    }
}

fn act(flags: &ActFlags, what: &str, method: &str, suffix: &str) -> Result<(), Stop> {
    let link = Link::new(&flags.client);
    let ids = if flags.ids.is_empty() {
        if flags.filter.is_empty() && !flags.all {
            let reason = format!(
                "give ids, a filter such as --older 7d, or --all: which are to be {what}d?"
            );
            return Err(Stop::Refused(reason));
        }
        let found = flags.filter.find(&link)?;
        found.iter().map(|job| text(&job["id"])).collect()
    } else if flags.filter.is_empty() {
        flags.ids.clone()
    } else {
        return Err(Stop::refused("give either ids or a filter"));
    };
    if ids.is_empty() {
        eprintln!("no dead letter is meant");
        return Ok(());
    }
    let is_single = flags.ids.len() == 1;
    if !flags.yes && !is_single && !is_sure(what, ids.len())? {
        return Err(Stop::refused("nothing was done"));
    }
    let mut refused = 0;
    for id in &ids {
        let path = format!("/v1/dead/{}{suffix}", id_in_path(id));
        let (status, answer) = link.ask(method, &path, None, Duration::ZERO)?;
        if flags.client.json {
            super::table::print(&format!("{answer}\n"));
        }
        if status != 200 {
            refused += 1;
            eprintln!("{id}: {}", reason(status, &answer));
        }
    }
    eprintln!("{what}d {} of {}", ids.len() - refused, ids.len());
    match refused {
        0 => Ok(()),
        _ => Err(Stop::Refused(String::new())),
    }
}

/// Whether the person means it. Where nobody can be asked, --yes must say so.
fn is_sure(what: &str, count: usize) -> Result<bool, Stop> {
    if !std::io::stdin().is_terminal() {
        return Err(Stop::refused(format_args!(
            "{what} {count} dead letters? say --yes if so"
        )));
    }
    eprint!("{what} {count} dead letters? [y/N] ");
    let mut answer = String::new();
    let asked = std::io::stderr()
        .flush()
        .and_then(|()| std::io::stdin().read_line(&mut answer));
    asked.map_err(Stop::refused)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn age(text: &str) -> Result<Duration, String> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let seconds: u64 = match unit {
        "s" | "" => 1,
        "min" | "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err("write a number and s, min, h or d, such as 7d".into()),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "write a number and s, min, h or d, such as 7d")?;
    let seconds = number.checked_mul(seconds).ok_or("that is too long")?;
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::age;
    use std::time::Duration;

    #[test]
    fn ages_have_units() {
        assert_eq!(age("7d"), Ok(Duration::from_secs(604_800)));
        assert_eq!(age("30min"), Ok(Duration::from_secs(1_800)));
        assert_eq!(age("12"), Ok(Duration::from_secs(12)));
        for bad in [
            "",
            "d",
            "-1d",
            "1w",
            "99999999999999999999d",
            "18446744073709551615d",
        ] {
            assert!(age(bad).is_err(), "{bad}");
        }
    }
}
