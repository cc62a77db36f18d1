//! Everything that is kept, taken elsewhere and in from there: `export.lua`, `import.lua`; and the note of a move:
//! `mark.lua`.

use crate::args::{self, Args};
use crate::error::strange;
use crate::link::Link;
use crate::list::padded;
use crate::record;
use crate::reply::Reply;
use fred::types::Value;
use poulpe_job::{AttemptError, Digest, Job, JobResult, Progress, Timestamp};
use poulpe_store::{Cursor, Exported, Item, Mark, StoreError, StoreResult};

/// How many items one call takes in or gives at most: a script must not hold up others for long.
const PAGE: usize = 200;

/// The next of everything.
pub(crate) async fn export(link: &Link, from: Cursor, max: usize) -> StoreResult<Exported> {
    let mut args = link.args();
    args.text(from.part.to_string())
        .text(from.place.to_string())
        .text(max.min(PAGE).to_string());
    let mut reply = Reply::of(link.call(&link.scripts.export, args).await?)?;
    let (part, place) = (reply.number()?, reply.number()?);
    let next = u64::try_from(part).ok().map(|part| Cursor {
        part,
        place: u64::try_from(place).unwrap_or(0),
    });
    let total = reply.total()?;
    let ttl = link.options.limits.result_ttl;
    let mut items = Vec::new();
    while !reply.is_empty() {
        let mut row = reply.list()?;
        items.extend(match row.text()?.as_str() {
            "C" => Some(checkpoint(row)?),
            _ => job(row, ttl)?,
        });
    }
    Ok(Exported { items, next, total })
}

fn checkpoint(mut row: Reply) -> StoreResult<Item> {
    let name = row.text()?;
    // The `c` before it keeps an empty name apart from none.
    let name = name.strip_prefix('c').ok_or_else(|| strange("a name"))?;
    Ok(Item::Checkpoint {
        name: name.into(),
        value: row.bytes()?,
    })
}

fn job(mut row: Reply, ttl: std::time::Duration) -> StoreResult<Option<Item>> {
    let sequence = row.text()?.parse();
    let sequence = sequence.map_err(|_| strange("a sequence that is no number"))?;
    let phase = row.text()?;
    let (id, chosen, digest) = (row.id()?, row.flag()?, digest(row.bytes()?)?);
    let body = row.bytes()?;
    let (accepted_at, due) = (row.time()?, row.time()?);
    let mut progress = row.counters()?;
    let started = row.count()?;
    let lease_end = Timestamp::from_millis(row.number()? / 1_000);
    let kept = row.text()?;
    let expires = row.time()?;
    let result = row.bytes()?;
    let copied = !row.flag()?;
    progress.errors = row.errors()?;
    if phase == "e" && kept == "g" {
        let finished_at = expires.before(ttl);
        return Ok(chosen.then_some(Item::Guard {
            sequence,
            id,
            digest,
            finished_at,
        }));
    }
    if phase == "e" {
        let result = record::result(&result)?;
        return Ok(Some(Item::Done {
            sequence,
            id,
            chosen,
            digest,
            result,
        }));
    }
    if phase == "l" && progress.cancel_requested {
        // Its lease has ended: so it ends as cancelled.
        let result = JobResult::cancelled(progress.attempts, None, lease_end);
        return Ok(Some(Item::Done {
            sequence,
            id,
            chosen,
            digest,
            result,
        }));
    }
    let mut job = Box::new(record::job(&body)?);
    job.accepted_at = accepted_at;
    job.due = due;
    if phase == "d" {
        let result = record::result(&result)?;
        return Ok(Some(Item::Dead {
            sequence,
            job,
            progress,
            result,
            copied,
        }));
    }
    if phase == "l" && started > 0 {
        progress.losses += 1;
        progress.errors.push(AttemptError::lost(started, lease_end));
    }
    Ok(Some(Item::Job {
        sequence,
        job,
        progress,
    }))
}

fn digest(bytes: Vec<u8>) -> StoreResult<Digest> {
    let bytes = bytes.try_into();
    let bytes = bytes.map_err(|_| strange("a digest of another length"))?;
    Ok(Digest(bytes))
}

/// Takes in what another store kept.
pub(crate) async fn import(link: &Link, items: &[Item]) -> StoreResult<()> {
    for page in items.chunks(PAGE) {
        let mut args = link.args();
        for item in page {
            add(&mut args, item)?;
        }
        link.change(&link.scripts.import, args).await?;
    }
    Ok(())
}

fn add(args: &mut Args, item: &Item) -> StoreResult<()> {
    match item {
        Item::Checkpoint { name, value } => {
            args.word("c").text(format!("c{name}")).bytes(value.clone());
        }
        Item::Job {
            sequence,
            job,
            progress,
        } => {
            args.word("j");
            add_job(args, *sequence, job, progress)?;
        }
        Item::Dead {
            sequence,
            job,
            progress,
            result,
            copied,
        } => {
            args.word("d");
            add_job(args, *sequence, job, progress)?;
            args.word(if *copied { "1" } else { "0" })
                .bytes(record::of_result(result)?)
                .text(result.finished_at.as_millis().to_string());
        }
        Item::Done {
            sequence,
            id,
            chosen,
            digest,
            result,
        } => {
            args.word("e")
                .text(padded(*sequence))
                .text(id.as_str())
                .text(u8::from(*chosen).to_string())
                .bytes(digest.0)
                .bytes(record::of_result(result)?)
                .text(result.finished_at.as_millis().to_string());
        }
        Item::Guard {
            sequence,
            id,
            digest,
            finished_at,
        } => {
            args.word("g")
                .text(padded(*sequence))
                .text(id.as_str())
                .word("1")
                .bytes(digest.0)
                .text(finished_at.as_millis().to_string());
        }
    }
    Ok(())
}

fn add_job(args: &mut Args, sequence: u64, job: &Job, progress: &Progress) -> StoreResult<()> {
    args.text(padded(sequence))
        .text(job.id.as_str())
        .text(u8::from(job.id_chosen).to_string())
        .bytes(job.digest.0)
        .text(job.priority.rank().to_string())
        .text(args::lanes(&job.lanes))
        .text(args::millis(job.retry_interval).to_string())
        .text(job.accepted_at.as_millis().to_string())
        .text(job.due.as_millis().to_string());
    let Progress {
        claims,
        attempts,
        failures,
        losses,
        errors,
        ..
    } = progress;
    for counter in [claims, attempts, failures, losses] {
        args.text(counter.to_string());
    }
    args.bytes(record::of_job(job)?)
        .text(errors.len().to_string());
    for error in errors {
        args.bytes(record::of_error(error)?);
    }
    Ok(())
}

/// What is noted of a move.
pub(crate) async fn mark(link: &Link) -> StoreResult<Option<Mark>> {
    let noted = link.command("GET", vec![link.keys.moved()]).await?;
    if noted == Value::Null {
        return Ok(None);
    }
    let mark = Mark::parse(&crate::reply::text(&noted)?);
    mark.map(Some)
        .ok_or_else(|| strange("a note of a move that this poulpe doesn't understand"))
}

/// Notes a move, or forgets it, unless a daemon uses the jobs.
pub(crate) async fn set_mark(link: &Link, mark: Option<&Mark>) -> StoreResult<()> {
    let mut args = link.args();
    args.text(mark.map(Mark::to_text).unwrap_or_default());
    let answer = link.call(&link.scripts.mark, args).await?;
    if crate::reply::number(&answer)? == 1 {
        return Ok(());
    }
    Err(StoreError::Unavailable(
        "a daemon uses it; stop it first (after a crash of one, wait 30 seconds)".into(),
    ))
}
