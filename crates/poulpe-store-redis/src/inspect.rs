//! Looking at jobs: `look.lua`, `counts.lua`, and checkpoints. Changes no job.

use crate::args::{self, Args};
use crate::link::Link;
use crate::reply::{Reply, Seen, seen};
use fred::types::Value;
use poulpe_job::{JobId, LaneSet};
use poulpe_store::{Counts, JobView, Lookup, OutboxItem, StoreResult};
use std::collections::BTreeMap;

/// How many jobs one call looks at.
const LOOK_PAGE: usize = 250;

/// How much one call tidies up.
const TIDY_PAGE: &str = "500";

pub(crate) async fn get(link: &Link, ids: &[JobId]) -> StoreResult<Vec<Lookup>> {
    let mut lookups = Vec::with_capacity(ids.len());
    for seen in by_ids(link, "i", ids).await? {
        lookups.push(match seen {
            Seen::Unknown => Lookup::Unknown,
            Seen::Expired => Lookup::Expired,
            Seen::View(view) => match view.result {
                Some(result) => Lookup::Ended(result),
                None => Lookup::Living(view.state, view.progress.errors.into_iter().next_back()),
            },
        });
    }
    Ok(lookups)
}

pub(crate) async fn job(link: &Link, id: &JobId) -> StoreResult<Option<JobView>> {
    one(by_ids(link, "i", std::slice::from_ref(id)).await?)
}

pub(crate) async fn dead(link: &Link, id: &JobId) -> StoreResult<Option<JobView>> {
    one(by_ids(link, "d", std::slice::from_ref(id)).await?)
}

fn one(seen: Vec<Seen>) -> StoreResult<Option<JobView>> {
    Ok(views(seen).pop())
}

fn views(seen: Vec<Seen>) -> Vec<JobView> {
    let views = seen.into_iter().filter_map(|seen| match seen {
        Seen::View(view) => Some(*view),
        Seen::Expired | Seen::Unknown => None,
    });
    views.collect()
}

async fn by_ids(link: &Link, how: &'static str, ids: &[JobId]) -> StoreResult<Vec<Seen>> {
    let mut all = Vec::with_capacity(ids.len());
    for page in ids.chunks(LOOK_PAGE) {
        let mut args = link.args();
        args.word(how);
        for id in page {
            args.text(id.as_str());
        }
        all.extend(look(link, args).await?);
    }
    Ok(all)
}

async fn look(link: &Link, args: Args) -> StoreResult<Vec<Seen>> {
    let mut list = Reply::of(link.call(&link.scripts.look, args).await?)?;
    let mut all = Vec::new();
    while !list.is_empty() {
        all.push(seen(list.next()?)?);
    }
    Ok(all)
}

/// The jobs with these sequences, as far as they are still there.
pub(crate) async fn by_sequences(link: &Link, sequences: &[String]) -> StoreResult<Vec<JobView>> {
    let mut all = Vec::with_capacity(sequences.len());
    for page in sequences.chunks(LOOK_PAGE) {
        let mut args = link.args();
        args.word("s");
        for sequence in page {
            args.text(sequence.as_str());
        }
        all.extend(views(look(link, args).await?));
    }
    Ok(all)
}

/// The first dead letters behind a sequence.
pub(crate) async fn dead_behind(link: &Link, after: u64, many: usize) -> StoreResult<Vec<JobView>> {
    let mut all: Vec<JobView> = Vec::new();
    while all.len() < many {
        let page = LOOK_PAGE.min(many - all.len());
        let behind = all.last().map_or(after, |last| last.sequence);
        let mut args = link.args();
        args.word("l")
            .text(page.to_string())
            .text(behind.to_string());
        let found = views(look(link, args).await?);
        let is_last = found.len() < page;
        all.extend(found);
        if is_last {
            break;
        }
    }
    Ok(all)
}

pub(crate) async fn outbox(link: &Link, max: usize) -> StoreResult<Vec<OutboxItem>> {
    let mut args = link.args();
    args.word("o").text(max.min(LOOK_PAGE).to_string());
    let items = views(look(link, args).await?).into_iter();
    let item = |job: JobView| OutboxItem {
        token: job.sequence,
        job,
    };
    Ok(items.map(item).collect())
}

/// Moves all that is due to ready and drops what is over the limits.
pub(crate) async fn tidy(link: &Link) -> StoreResult<()> {
    loop {
        let mut args = link.args();
        args.word(TIDY_PAGE);
        let more = link.call(&link.scripts.tidy, args).await?;
        if crate::reply::number(&more)? == 0 {
            return Ok(());
        }
    }
}

pub(crate) async fn counts(link: &Link) -> StoreResult<Counts> {
    tidy(link).await?;
    let mut reply = Reply::of(link.call(&link.scripts.counts, link.args()).await?)?;
    let mut counts = Counts {
        delayed: reply.total()?,
        running: reply.total()?,
        retrying: reply.total()?,
        dead: reply.total()?,
        done: reply.total()?,
        outbox: reply.total()?,
        ..Counts::default()
    };
    let next_due = reply.number()?;
    counts.next_due = (next_due >= 0).then(|| poulpe_job::Timestamp::from_millis(next_due));
    let mut waiting: BTreeMap<LaneSet, u64> = BTreeMap::new();
    while !reply.is_empty() {
        let lanes = args::lane_set(&reply.text()?);
        *waiting.entry(lanes).or_default() += reply.total()?;
    }
    counts.ready = waiting.values().sum();
    counts.waiting = waiting.into_iter().collect();
    Ok(counts)
}

pub(crate) async fn load(link: &Link, name: &str) -> StoreResult<Option<Vec<u8>>> {
    let key = link.keys.checkpoint();
    let stored = link.command("HGET", vec![key, format!("c{name}")]).await?;
    match stored {
        Value::Null => Ok(None),
        Value::Bytes(bytes) => Ok(bytes.get(1..).map(<[u8]>::to_vec)),
        Value::String(text) => Ok(text.as_bytes().get(1..).map(<[u8]>::to_vec)),
        other => Err(crate::error::strange(&format!("{:?}", other.kind()))),
    }
}
