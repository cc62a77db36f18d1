//! The daemons that share a store: `beat.lua` and `members.lua`. Nothing else reads what they keep.

use crate::args;
use crate::link::Link;
use crate::record;
use crate::reply::Reply;
use poulpe_store::{Incarnation, Member, MemberView, StoreResult};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

pub(crate) async fn beat(link: &Link, member: Member, keep: Duration) -> StoreResult<()> {
    let told = record::of_member(&member)?;
    tell(link, member.incarnation, keep, told).await
}

pub(crate) async fn leave(link: &Link, incarnation: Incarnation) -> StoreResult<()> {
    tell(link, incarnation, Duration::ZERO, Vec::new()).await
}

async fn tell(
    link: &Link,
    incarnation: Incarnation,
    keep: Duration,
    told: Vec<u8>,
) -> StoreResult<()> {
    let mut args = link.args();
    args.text(incarnation.0.to_string())
        .text(args::millis(keep).to_string())
        .bytes(told);
    let answer = link.call(&link.scripts.beat, args).await?;
    if crate::reply::number(&answer)? == 1 {
        return Ok(());
    }
    // It came up while Redis was away, or it would have refused to start.
    link.moved.store(true, Relaxed);
    let error = crate::link::moved();
    link.health.troubled(&error);
    Err(error)
}

pub(crate) async fn members(link: &Link, max: usize) -> StoreResult<Vec<MemberView>> {
    let mut args = link.args();
    args.text(max.to_string());
    let answer = link.call(&link.scripts.members, args).await?;
    let mut reply = Reply::of(answer)?;
    let now = reply.number()?;
    let mut views = Vec::new();
    while !reply.is_empty() {
        let _incarnation = reply.text()?;
        let beat_at = reply.time()?;
        let silent = u64::try_from(now - beat_at.as_millis()).unwrap_or(0);
        // One that a newer poulpe wrote in another form is none that this one can show.
        let Ok(member) = record::member(&reply.bytes()?) else {
            continue;
        };
        views.push(MemberView {
            member,
            beat_at,
            silent: Duration::from_millis(silent),
        });
    }
    views.sort_unstable_by_key(|view| view.member.incarnation);
    Ok(views)
}
