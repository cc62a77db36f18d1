//! `poulpe store`: looks at a data directory, or copies what is readable of a damaged one. Starts no daemon, and decides
//! nothing: the store does the work, this prints what it found.

use crate::migrate::{self, MigrateFlags};
use crate::output;
use clap::{Args, Subcommand};
use poulpe_core::store::{Limits, SystemTimeSource};
use poulpe_store_embedded::{Advance, CheckReport, RepairReport, check, repair};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Something is wrong with the store, or was lost.
const EXIT_PROBLEMS: u8 = 1;

/// The store can't be read, or the copy not be made.
const EXIT_UNREADABLE: u8 = 69;

/// What can be done with a data directory.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Read all of a store and report what is wrong with it. Changes nothing; a daemon may be using it.
    ///
    /// Exit codes: 0 sound, 1 problems were found, 2 wrong usage, 69 it can't be read.
    Check(CheckFlags),
    /// Copy what can be read of a damaged store into a new directory, and list what was lost. Changes nothing in the
    /// damaged one, which no daemon may be using.
    ///
    /// Exit codes: 0 nothing was lost, 1 something was lost and the rest copied, 2 wrong usage, 69 it can't be done.
    Repair(RepairFlags),
    /// Move everything from one store to another, a data directory or Redis each, and compare. Or take over what poulpe 0.2
    /// left in Redis. The source stays as it was, but no daemon starts on it any more; docs/migrating.md tells more.
    ///
    /// Exit codes: 0 done and the same, 1 a difference or something that was left, 2 wrong usage, 69 it can't be done.
    Migrate(MigrateFlags),
}

/// The flags of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckFlags {
    /// The data directory, as in --data of the daemon.
    dir: PathBuf,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The flags of `repair`.
#[derive(Debug, Args)]
pub(crate) struct RepairFlags {
    /// The damaged data directory.
    dir: PathBuf,

    /// A directory to make, or an empty one: the --data of the next start.
    #[arg(long, value_name = "NEW")]
    into: PathBuf,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Does it.
pub(crate) fn run(command: &StoreCommand) -> ExitCode {
    match command {
        StoreCommand::Check(flags) => run_check(flags),
        StoreCommand::Repair(flags) => run_repair(flags),
        StoreCommand::Migrate(flags) => migrate::run(flags),
    }
}

fn run_check(flags: &CheckFlags) -> ExitCode {
    let time = SystemTimeSource::new();
    let mut percent = Percent::new();
    let checked = check(&flags.dir, Limits::default(), &time, &mut |step| {
        percent.show(step);
    });
    percent.clear();
    let report = match checked {
        Ok(report) => report,
        Err(error) => return failed("check", &error),
    };
    let printed = match flags.json {
        true => output::json(&report),
        false => checked_text(&flags.dir, &report),
    };
    print(&printed, report.is_sound())
}

fn run_repair(flags: &RepairFlags) -> ExitCode {
    let time = SystemTimeSource::new();
    let mut percent = Percent::new();
    let repaired = repair(&flags.dir, &flags.into, &time, &mut |step| {
        percent.show(step);
    });
    percent.clear();
    let report = match repaired {
        Ok(report) => report,
        Err(error) => return failed("repair", &error),
    };
    let printed = match flags.json {
        true => output::json(&report),
        false => repaired_text(&flags.into, &report),
    };
    print(&printed, report.lost.is_empty() && report.made.is_sound())
}

fn failed(what: &str, error: &dyn std::error::Error) -> ExitCode {
    let mut text = format!("poulpe failed to {what} the store: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    eprintln!("{text}");
    EXIT_UNREADABLE.into()
}

fn print(text: &str, is_good: bool) -> ExitCode {
    output::print(text);
    if is_good {
        return ExitCode::SUCCESS;
    }
    EXIT_PROBLEMS.into()
}

fn checked_text(dir: &Path, report: &CheckReport) -> String {
    let mut text = format!("store      {}\n", dir.display());
    let user = match (report.in_use, report.pid) {
        (false, _) => "not in use".into(),
        (true, None) => "in use".into(),
        (true, Some(pid)) => format!("in use by process {pid}"),
    };
    text += &format!("format     {}, {user}\n", report.format);
    let segments = report.segments;
    text += &format!(
        "segments   {} hot, {} cold: {} bytes, {} of them live\n",
        segments.hot, segments.cold, segments.bytes, segments.live_bytes
    );
    let records = report.records;
    text += &format!(
        "frames     {}: {} jobs written, {} ends, {} checkpoints, {} heads\n",
        report.frames, records.puts, records.ends, records.checkpoints, records.heads
    );
    let jobs = report.jobs;
    text += &format!(
        "jobs       {} delayed, {} ready, {} running, {} retrying, {} dead, {} done\n",
        jobs.delayed, jobs.ready, jobs.running, jobs.retrying, jobs.dead, jobs.done
    );
    text += &format!(
        "results    {} of {} bytes\ncheckpoints {}\n",
        report.results, report.result_bytes, report.checkpoints
    );
    if report.torn_bytes > 0 {
        text += &format!(
            "tail       {} bytes at the end of the log were never acknowledged; normal after a crash and while in use\n",
            report.torn_bytes
        );
    }
    if report.is_sound() {
        return text + "\nsound\n";
    }
    text += &format!("\n{} problems\n", report.problems.len());
    for problem in &report.problems {
        let file = problem.file.as_deref().unwrap_or("the whole");
        let offset = problem.offset.map(|offset| format!(", offset {offset}"));
        let offset = offset.unwrap_or_default();
        text += &format!("  {file}{offset}: {}\n", problem.what);
    }
    text + &format!(
        "\nCopy what is readable with: poulpe store repair {} --into NEW\n",
        dir.display()
    )
}

fn repaired_text(into: &Path, report: &RepairReport) -> String {
    let mut text = format!("made       {}\n", into.display());
    text += &format!(
        "copied     {} living jobs, {} dead letters, {} ends of jobs, {} checkpoints\n",
        report.living, report.dead, report.ends, report.checkpoints
    );
    if report.rescued_records > 0 {
        text += &format!(
            "rescued    {} whole records out of damaged frames\n",
            report.rescued_records
        );
    }
    if report.superseded > 0 {
        text += &format!(
            "left out   {} jobs whose end was lost, but whose id a later job has: they had ended\n",
            report.superseded
        );
    }
    if report.lost.is_empty() {
        return text + "\nnothing was lost\n";
    }
    text += &format!("\nlost in {} places\n", report.lost.len());
    for lost in &report.lost {
        text += &format!(
            "  {}, offset {}, {} bytes: {}; {} records rescued\n",
            lost.file, lost.offset, lost.bytes, lost.what, lost.rescued_records
        );
    }
    text += "\nJobs that were accepted only there are gone. Jobs whose end or retry was written there are as they were before, \
             and will run again";
    text += &format!(": at most {} living ones.\n", report.may_run_again);
    for problem in &report.made.problems {
        text += &format!("  the copy is not sound: {}\n", problem.what);
    }
    text
}

/// How far it is, on standard error if somebody is looking.
struct Percent {
    is_seen: bool,
    shown: Option<u64>,
}

impl Percent {
    fn new() -> Self {
        Self {
            is_seen: std::io::stderr().is_terminal(),
            shown: None,
        }
    }

    fn show(&mut self, step: Advance) {
        let percent = step.read_bytes * 100 / step.total_bytes.max(1);
        if !self.is_seen || self.shown == Some(percent) {
            return;
        }
        self.shown = Some(percent);
        eprint!("\rreading: {percent} % ");
    }

    fn clear(&self) {
        if self.shown.is_some() {
            eprint!("\r                 \r");
        }
    }
}
