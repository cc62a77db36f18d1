//! Asking for jobs and running them: `claim.lua`, `start.lua`, `renew.lua`.

use crate::ahead::Ahead;
use crate::args;
use crate::error::strange;
use crate::link::Link;
use crate::record;
use crate::reply::{Packed, Reply};
use crate::settle::holds;
use fred::types::Value;
use poulpe_job::{JobId, Progress};
use poulpe_store::{Claim, Claimed, ClaimedJob, Hold, LeaseId, Started, StoreResult};
use std::time::{Duration, Instant};

/// Nonces are a random number and three more digits.
const NONCE_BITS: u32 = 52;

/// How many leases one call renews.
const RENEW_PAGE: usize = 500;

pub(crate) async fn claim(link: &Link, ahead: &Ahead, claim: Claim) -> StoreResult<Claimed> {
    let asked = Instant::now();
    let mut args = link.args();
    let seed = rand::random::<u64>() >> (u64::BITS - NONCE_BITS);
    args.text(claim.incarnation.0.to_string())
        .text(claim.request.to_string())
        .text(args::micros(claim.lease))
        .text(seed.to_string())
        .text(claim.prefetch.to_string())
        .text(args::join(&claim.idle))
        .word(if link.options.start_ahead { "1" } else { "0" });
    let answer = link.change(&link.scripts.claim, args).await?;
    let mut reply = Reply::of(answer)?;
    let mut list = reply.list()?;
    let (mut jobs, mut starts) = (Vec::new(), Vec::new());
    while !list.is_empty() {
        // One that can't be read, perhaps because a newer poulpe wrote it, is left to whoever can; the others go on.
        match claimed_job(&mut list, &claim)? {
            Ok((job, marked)) => {
                if marked > 0 {
                    starts.push((job.lease.clone(), marked));
                }
                jobs.push(job);
            }
            Err(error) => {
                tracing::error!(%error, "a job can't be read, leaving it until its lease ends");
            }
        }
    }
    ahead.marked(starts, asked, claim.lease);
    Ok(Claimed {
        jobs,
        wanted: args::numbers(&reply.text()?),
        wants_any: reply.flag()?,
        more: reply.flag()?,
        next_due: u64::try_from(reply.number()?)
            .ok()
            .map(Duration::from_micros),
    })
}

/// The next job of the list, or why it can't be read; and the number of its attempt if the start is marked already, else 0.
fn claimed_job(list: &mut Reply, claim: &Claim) -> StoreResult<StoreResult<(ClaimedJob, u32)>> {
    let (id, head, body, errors) = (list.id()?, list.bytes()?, list.bytes()?, list.next()?);
    Ok(read_job(id, &head, &body, errors, claim))
}

fn read_job(
    id: JobId,
    head: &[u8],
    body: &[u8],
    errors: Value,
    claim: &Claim,
) -> StoreResult<(ClaimedJob, u32)> {
    let mut head = Packed(head);
    let mut job = record::job(body)?;
    let mut progress = Progress {
        claims: head.count()?,
        attempts: head.count()?,
        failures: head.count()?,
        losses: head.count()?,
        cancel_requested: head.flag()?,
        errors: Vec::new(),
    };
    job.accepted_at = head.time()?;
    job.due = head.time()?;
    let lane = head.lane()?;
    let marked = head.count()?;
    let nonce = head.rest_as_number()?;
    if let Value::Array(_) = errors {
        progress.errors = Reply::of(errors)?.all_errors()?;
    }
    let claimed = ClaimedJob {
        lease: LeaseId {
            job: id,
            claims: progress.claims,
            incarnation: claim.incarnation,
            nonce,
        },
        job: Box::new(job),
        progress,
        lane,
    };
    Ok((claimed, marked))
}

/// Marks attempts as started in one call.
pub(crate) async fn start(link: &Link, leases: Vec<LeaseId>) -> StoreResult<Vec<Started>> {
    let mut args = link.args();
    for lease in &leases {
        args.lease(lease);
    }
    let mut numbers = Reply::of(link.change(&link.scripts.start, args).await?)?;
    let started = leases.iter().map(|_| {
        Ok(match numbers.number()? {
            0 => Started::Lost,
            -1 => Started::Cancelled,
            number => Started::Go(u32::try_from(number).map_err(|_| strange("a number"))?),
        })
    });
    started.collect()
}

pub(crate) async fn renew(
    link: &Link,
    leases: &[LeaseId],
    lease: Duration,
) -> StoreResult<Vec<Hold>> {
    let mut renewed = Vec::with_capacity(leases.len());
    for page in leases.chunks(RENEW_PAGE) {
        let mut args = link.args();
        args.text(args::micros(lease));
        for lease in page {
            args.lease(lease);
        }
        let answer = link.call(&link.scripts.renew, args).await?;
        renewed.extend(holds(answer, page.len())?);
    }
    Ok(renewed)
}
