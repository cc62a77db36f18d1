//! What people do to jobs, and the small changes: `cancel.lua`, `revive.lua`, `purge.lua`, `acknowledge.lua`,
//! `compare_and_set.lua`. What the library sends twice is known by a random token.

use crate::error::strange;
use crate::link::Link;
use crate::list::padded;
use crate::reply;
use poulpe_job::JobId;
use poulpe_store::{Cancelled, Checkpoint, Revived, StoreResult};

/// How many tokens one call acknowledges.
const ACKNOWLEDGE_PAGE: usize = 500;

pub(crate) async fn cancel(link: &Link, id: &JobId) -> StoreResult<Cancelled> {
    let answer = link.change(&link.scripts.cancel, once(link, id)).await?;
    let word = reply::text(&answer)?;
    match word.split_at_checked(1) {
        Some(("D", "")) => Ok(Cancelled::Done),
        Some(("Q", "")) => Ok(Cancelled::Requested),
        Some(("U", "")) => Ok(Cancelled::Unknown),
        Some(("E", state)) => Ok(Cancelled::Ended(reply::state(state)?)),
        _ => Err(strange(&word)),
    }
}

pub(crate) async fn revive(link: &Link, id: &JobId) -> StoreResult<Revived> {
    let answer = link.change(&link.scripts.revive, once(link, id)).await?;
    match reply::text(&answer)?.as_str() {
        "D" => Ok(Revived::Done),
        "T" => Ok(Revived::Taken),
        "U" => Ok(Revived::Unknown),
        other => Err(strange(other)),
    }
}

pub(crate) async fn purge(link: &Link, id: &JobId) -> StoreResult<bool> {
    let answer = link.change(&link.scripts.purge, once(link, id)).await?;
    Ok(reply::number(&answer)? == 1)
}

pub(crate) async fn acknowledge(link: &Link, tokens: Vec<u64>) -> StoreResult<()> {
    for page in tokens.chunks(ACKNOWLEDGE_PAGE) {
        let mut args = link.args();
        for token in page {
            args.text(padded(*token));
        }
        link.change(&link.scripts.acknowledge, args).await?;
    }
    Ok(())
}

pub(crate) async fn compare_and_set(link: &Link, checkpoint: Checkpoint) -> StoreResult<bool> {
    let mut args = link.args();
    args.text(format!("c{}", checkpoint.name))
        .maybe(checkpoint.expected.as_ref())
        .bytes(checkpoint.next);
    let answer = link.change(&link.scripts.compare_and_set, args).await?;
    Ok(reply::number(&answer)? == 1)
}

/// An id, and a token that tells this call from any other.
fn once(link: &Link, id: &JobId) -> crate::args::Args {
    let mut args = link.args();
    args.text(id.as_str())
        .text(format!("t{:032x}", rand::random::<u128>()));
    args
}
