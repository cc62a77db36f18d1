//! Accepting jobs: `enqueue.lua`.

use crate::args::{self, Args};
use crate::error::strange;
use crate::link::Link;
use crate::record;
use crate::reply::{self, Reply};
use poulpe_job::Job;
use poulpe_store::{Accepted, Entry, Group, GroupAnswer, StoreResult};

/// How many bytes weigh as much as one more job.
const BYTES_A_JOB: usize = 2_048;

/// What a group costs Redis, in jobs.
pub(crate) fn cost(group: &Group) -> usize {
    let jobs = group.entries.iter().map(Entry::job);
    1 + jobs.map(|job| 1 + size(job) / BYTES_A_JOB).sum::<usize>()
}

fn size(job: &Job) -> usize {
    let params = match &job.params {
        poulpe_job::Params::Text(text) => text.len(),
        poulpe_job::Params::List(words) => words.iter().map(String::len).sum(),
    };
    job.name.len() + params
}

/// Accepts groups in one call.
pub(crate) async fn enqueue(link: &Link, groups: Vec<Group>) -> StoreResult<Vec<GroupAnswer>> {
    let mut args = link.args();
    for group in &groups {
        add_group(&mut args, group)?;
    }
    let answer = link.change(&link.scripts.enqueue, args).await?;
    let mut reply = Reply::of(answer)?;
    let answers = groups.iter().map(|_| group_answer(reply.list()?));
    let answers = answers.collect::<StoreResult<Vec<_>>>()?;
    let dead = dead_after_conflicts(groups, &answers);
    if !dead.is_empty() {
        // A write of its own: if the daemon dies in between, the conflict leaves no dead letter.
        let mut args = link.args();
        for entry in dead {
            let checkpoint = None;
            let entries = vec![entry];
            add_group(
                &mut args,
                &Group {
                    entries,
                    checkpoint,
                },
            )?;
        }
        link.change(&link.scripts.enqueue, args).await?;
    }
    Ok(answers)
}

/// What is kept of conflicting jobs, if they say so.
fn dead_after_conflicts(groups: Vec<Group>, answers: &[GroupAnswer]) -> Vec<Entry> {
    let mut dead = Vec::new();
    for (group, answer) in groups.into_iter().zip(answers) {
        let GroupAnswer::Taken(accepted) = answer else {
            continue;
        };
        for (entry, accepted) in group.entries.into_iter().zip(accepted) {
            if let (Entry::JobOr { otherwise, .. }, Accepted::Conflict) = (entry, accepted) {
                dead.push(*otherwise);
            }
        }
    }
    dead
}

fn add_group(args: &mut Args, group: &Group) -> StoreResult<()> {
    args.text(group.entries.len().to_string());
    match &group.checkpoint {
        // Nobody names a checkpoint by an empty text; one that did would be another one's.
        Some(checkpoint) => {
            args.text(format!("c{}", checkpoint.name))
                .maybe(checkpoint.expected.as_ref())
                .bytes(checkpoint.next.clone());
        }
        None => {
            args.word("");
        }
    }
    for entry in &group.entries {
        add_entry(args, entry)?;
    }
    Ok(())
}

fn add_entry(args: &mut Args, entry: &Entry) -> StoreResult<()> {
    let job = entry.job();
    let (kind, due) = match entry {
        Entry::Job { due, .. } | Entry::JobOr { due, .. } => (b'j', *due),
        Entry::Dead { .. } => (b'd', poulpe_job::Due::NOW),
    };
    args.text(job.id.as_str())
        .bytes(head(job, kind, due))
        .bytes(record::of_job(job)?);
    if let Entry::Dead { result, error, .. } = entry {
        args.bytes(record::of_result(result)?)
            .text(result.finished_at.as_millis().to_string())
            .bytes(record::of_error(error)?);
    }
    Ok(())
}

/// What the script reads of a job, packed: each argument of its own would cost more than all of it together.
fn head(job: &Job, kind: u8, due: poulpe_job::Due) -> Vec<u8> {
    let (sign, due) = match due {
        poulpe_job::Due::In(wait) => (b'+', args::millis(wait) as f64),
        poulpe_job::Due::At(at) => (b'=', at.as_millis() as f64),
    };
    let lanes = args::lanes(&job.lanes);
    let mut head = vec![kind, u8::from(job.id_chosen), job.priority.rank()];
    head.extend((args::millis(job.retry_interval) as f64).to_be_bytes());
    head.push(sign);
    head.extend(due.to_be_bytes());
    head.push(job.digest.0.len() as u8);
    head.extend(job.digest.0);
    // Lanes are at most 1,024 numbers below that.
    head.extend((lanes.len() as u16).to_be_bytes());
    head.extend(lanes.into_bytes());
    head
}

fn group_answer(mut words: Reply) -> StoreResult<GroupAnswer> {
    let mut accepted = Vec::new();
    while !words.is_empty() {
        let word = words.text()?;
        let state = |at: usize| reply::state(word.get(at..).unwrap_or_default());
        accepted.push(match word.as_bytes().first() {
            Some(b'M') => return Ok(GroupAnswer::CheckpointMoved),
            Some(b'N') => Accepted::New(state(1)?),
            Some(b'D') => Accepted::Duplicate(state(1)?),
            Some(b'C') => Accepted::Conflict,
            _ => return Err(strange(&word)),
        });
    }
    Ok(GroupAnswer::Taken(accepted))
}
