//! Asking for jobs and running them: `claim.lua`, `start.lua`, `renew.lua`.

use crate::args;
use crate::error::strange;
use crate::link::Link;
use crate::record;
use crate::reply::Reply;
use crate::settle::holds;
use poulpe_store::{Claim, Claimed, ClaimedJob, Hold, LeaseId, Started, StoreResult};
use std::time::Duration;

/// Nonces count up from a random number that leaves room below what a number of Lua holds exactly.
const NONCE_BITS: u32 = 52;

/// How many leases one call renews.
const RENEW_PAGE: usize = 500;

pub(crate) async fn claim(link: &Link, claim: Claim) -> StoreResult<Claimed> {
    let mut args = link.args();
    let seed = rand::random::<u64>() >> (u64::BITS - NONCE_BITS);
    args.text(claim.incarnation.0.to_string())
        .text(claim.request.to_string())
        .text(args::micros(claim.lease))
        .text(seed.to_string())
        .text(claim.prefetch.to_string())
        .text(args::join(&claim.idle));
    let answer = link.change(&link.scripts.claim, args).await?;
    let mut reply = Reply::of(answer)?;
    let mut list = reply.list()?;
    let mut jobs = Vec::new();
    while !list.is_empty() {
        // One that can't be read, perhaps because a newer poulpe wrote it, is left to whoever can; the others go on.
        match claimed_job(list.list()?, &claim) {
            Ok(job) => jobs.push(job),
            Err(error) => {
                tracing::error!(%error, "a job can't be read, leaving it until its lease ends");
            }
        }
    }
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

fn claimed_job(mut reply: Reply, claim: &Claim) -> StoreResult<ClaimedJob> {
    let id = reply.id()?;
    let mut job = record::job(&reply.bytes()?)?;
    let mut progress = reply.counters()?;
    job.accepted_at = reply.time()?;
    job.due = reply.time()?;
    let lane = reply.lane()?;
    let nonce = reply.text()?.parse();
    let nonce = nonce.map_err(|_| strange("a nonce that is no number"))?;
    progress.errors = reply.errors()?;
    Ok(ClaimedJob {
        lease: LeaseId {
            job: id,
            claims: progress.claims,
            incarnation: claim.incarnation,
            nonce,
        },
        job: Box::new(job),
        progress,
        lane,
    })
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
    leases: Vec<LeaseId>,
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
