//! The tasks that poulpe 0.2 left in Redis, taken over. What was taken is put aside there only when the new store has it;
//! what isn't understood is listed and stays. Deletes nothing.

use super::MigrateFlags;
use super::end::is_url;
use super::old_task::{Retries, entry};
use super::progress::Progress;
use anyhow::{Context, bail};
use poulpe_core::store::{
    Accepted, Entry, Group, GroupAnswer, Limits, Lookup, SystemTimeSource, TimeSource,
};
use poulpe_core::{JobStore, State};
use poulpe_store_embedded::EmbeddedStore;
use poulpe_store_redis::{OldTask, RedisStore};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How many tasks go at once.
const PAGE: usize = 100;

/// How many of what is left are listed; the count is exact.
const LISTED: usize = 1_000;

/// What was taken over.
#[derive(Debug, Default, Serialize)]
pub(super) struct Taken {
    from: String,
    to: String,
    /// That will run.
    jobs: u64,
    /// Dead letters from now on.
    dead: u64,
    /// That were there already, from an earlier run.
    known: u64,
    /// Of which poulpe 0.2 had removed the record: they had ended.
    ended: u64,
    /// That stay where they are.
    left: u64,
    problems: Vec<Problem>,
}

/// Why something stays where it is.
#[derive(Debug, Serialize)]
struct Problem {
    key: String,
    reason: String,
}

impl Taken {
    /// Whether nothing was left.
    pub(super) fn is_whole(&self) -> bool {
        self.left == 0
    }

    fn leave(&mut self, key: &str, reason: impl Into<String>) {
        self.left += 1;
        if self.problems.len() < LISTED {
            self.problems.push(Problem {
                key: key.into(),
                reason: reason.into(),
            });
        }
    }

    pub(super) fn print(&self, json: bool) -> String {
        if json {
            return crate::output::json(self);
        }
        let mut text = format!(
            "from         {} (poulpe 0.2)\nto           {}\njobs         {} taken over\ndead letters {} taken over\n",
            self.from, self.to, self.jobs, self.dead
        );
        text += &format!("known        {} were there already\n", self.known);
        text += &format!("ended        {} had no record any more\n", self.ended);
        if self.is_whole() {
            return text + "\ndone; their records are kept as taken||KEY until you delete them\n";
        }
        text += &format!("\nNOT done: {} stay where they are\n", self.left);
        for problem in &self.problems {
            text += &format!("  {:?}: {}\n", problem.key, problem.reason);
        }
        text
    }
}

/// Takes over what is there.
pub(super) async fn take_over(flags: &MigrateFlags) -> anyhow::Result<Taken> {
    if !is_url(&flags.from) {
        bail!("--from_version 0.2 takes tasks from a Redis: give its address as --from");
    }
    let time = SystemTimeSource::new();
    let mut options = poulpe_store_redis::Options::new(&*flags.from);
    options.ca.clone_from(&flags.redis_ca);
    options.transfer = true;
    let mut taken = Taken {
        from: options.place(),
        ..Taken::default()
    };
    let old = RedisStore::open(options).context("--from")?;
    let to = open_target(flags).context("--to")?;
    taken.to = to.stats().place;
    let found = old.old_tasks().await.context("looking for tasks")?;
    for member in &found.strange {
        taken.leave(member, "this member of task||delayed names no time");
    }
    let total = found.tasks.len() as u64;
    let mut progress = Progress::new("took over", &time);
    let mut seen = 0;
    for page in found.tasks.chunks(PAGE) {
        take_page(&old, &*to, page, flags, &time, &mut taken).await?;
        seen += page.len() as u64;
        progress.show(seen, total);
    }
    progress.end(seen);
    Ok(taken)
}

fn open_target(flags: &MigrateFlags) -> anyhow::Result<Arc<dyn JobStore>> {
    let limits = Limits {
        result_ttl: Duration::from_secs(flags.result_ttl),
        ..Limits::default()
    };
    if is_url(&flags.to) {
        let mut options = poulpe_store_redis::Options::new(&*flags.to);
        options.prefix.clone_from(&flags.to_prefix);
        options.ca.clone_from(&flags.redis_ca);
        options.limits = limits;
        return Ok(Arc::new(RedisStore::open(options)?));
    }
    let options = poulpe_store_embedded::Options {
        limits,
        ..Default::default()
    };
    let time = Arc::new(SystemTimeSource::new());
    let store = EmbeddedStore::open(Path::new(&flags.to), options, time)?;
    Ok(Arc::new(store))
}

async fn take_page(
    old: &RedisStore,
    to: &dyn JobStore,
    page: &[OldTask],
    flags: &MigrateFlags,
    time: &SystemTimeSource,
    taken: &mut Taken,
) -> anyhow::Result<()> {
    let retries = Retries {
        max: flags.max_retry,
        interval: Duration::from_secs(flags.retry_interval),
    };
    let keys = page.iter().map(|task| task.key.clone()).collect();
    let records = old.old_records(keys).await.context("reading tasks")?;
    let (mut tasks, mut entries) = (Vec::new(), Vec::new());
    for (task, record) in page.iter().zip(records) {
        let Some(record) = record else {
            taken.ended += 1;
            continue;
        };
        match entry(
            &task.key,
            &record,
            task.place,
            &retries,
            time.wall().floor(),
        ) {
            Ok(entry) => {
                tasks.push(task.clone());
                entries.push(entry);
            }
            Err(reason) => taken.leave(&task.key, reason),
        }
    }
    let is_dead: Vec<bool> = entries
        .iter()
        .map(|entry| matches!(entry, Entry::Dead { .. }))
        .collect();
    let ids = entries.iter().map(|entry| entry.job().id.clone()).collect();
    let groups = entries.into_iter().map(|entry| Group {
        entries: vec![entry],
        checkpoint: None,
    });
    let answers = to
        .enqueue(groups.collect())
        .await
        .context("taking them over")?;
    let known = to
        .get(ids)
        .await
        .context("looking whether they are there")?;
    let mut done = Vec::new();
    for (((task, answer), known), is_dead) in tasks.into_iter().zip(answers).zip(known).zip(is_dead)
    {
        let answer = match answer {
            GroupAnswer::Taken(accepted) => accepted.first().copied(),
            GroupAnswer::CheckpointMoved => None,
        };
        match answer {
            Some(Accepted::New(_) | Accepted::Duplicate(_)) if known == Lookup::Unknown => {
                taken.leave(
                    &task.key,
                    "the new store says it has it, and doesn't find it",
                );
                continue;
            }
            Some(Accepted::New(State::Dead)) => taken.dead += 1,
            Some(Accepted::New(_)) if is_dead => taken.dead += 1,
            Some(Accepted::New(_)) => taken.jobs += 1,
            Some(Accepted::Duplicate(_)) => taken.known += 1,
            Some(Accepted::Conflict) => {
                taken.leave(&task.key, "another task in the new store has its id");
                continue;
            }
            Some(Accepted::Full) | None => bail!("{} has no room", taken.to),
        }
        done.push(task);
    }
    if done.is_empty() {
        return Ok(());
    }
    let aside = old.put_old_aside(done).await;
    aside.context("putting aside what was taken over")
}
