//! The notes that both ends of a move carry, so that a run that was interrupted can go on, no other can interfere, and no
//! daemon starts on half a store or on one that was left. Copies nothing.
//!
//! Both get the same id, the target first. At the end the source is noted as left, then the target's note goes: whatever
//! moment a crash hits, the next run knows what is to be done.

use super::end::End;
use anyhow::bail;
use poulpe_core::store::{Cursor, Mark, Role};

/// Notes the move at both ends, or goes on with one that was interrupted. The answer is its id.
pub(super) async fn begin(from: &End, to: &End) -> anyhow::Result<String> {
    let (left, filled) = (from.mark().await?, to.mark().await?);
    if let Some(mark) = left.as_ref().filter(|mark| mark.role == Role::Target) {
        bail!("--from, {}, is not whole: {mark}", from.place());
    }
    if let Some(mark) = filled.as_ref().filter(|mark| mark.role == Role::Source) {
        bail!("--to, {}, can't be filled: {mark}", to.place());
    }
    let is_left = left.as_ref().is_some_and(|mark| mark.done);
    let id = match (&left, &filled) {
        (Some(left), Some(filled)) if left.id == filled.id => left.id.clone(),
        (Some(left), _) if left.done => {
            bail!("nothing is to be done: {} was left; {left}", from.place())
        }
        (Some(left), _) if left.other != to.place() => bail!(
            "a move of {} to {} was begun and not ended; run it to its end, or remove that note: see docs/migrating.md",
            from.place(),
            left.other
        ),
        _ => {
            if !is_empty(to).await? {
                bail!(
                    "{} is not empty; a store is moved to an empty one, nothing is ever mixed or written over",
                    to.place()
                );
            }
            left.map_or_else(new_id, |left| left.id)
        }
    };
    to.set_mark(Some(&mark(Role::Target, false, &id, from)))
        .await?;
    let noted = from
        .set_mark(Some(&mark(Role::Source, is_left, &id, to)))
        .await;
    if let Err(error) = noted {
        // A daemon uses it. Nothing was moved yet, or what was will be completed by the next run.
        if filled.is_none() {
            to.set_mark(None).await?;
        }
        return Err(error);
    }
    Ok(id)
}

/// Everything is there: the source is left, the target may be used.
pub(super) async fn finish(from: &End, to: &End, id: &str) -> anyhow::Result<()> {
    from.set_mark(Some(&mark(Role::Source, true, id, to)))
        .await?;
    to.set_mark(None).await
}

fn mark(role: Role, done: bool, id: &str, other: &End) -> Mark {
    Mark {
        role,
        id: id.into(),
        done,
        other: other.place(),
    }
}

async fn is_empty(end: &End) -> anyhow::Result<bool> {
    let mut next = Some(Cursor::default());
    while let Some(from) = next {
        let page = end.store().export(from, 1).await?;
        if !page.items.is_empty() {
            return Ok(false);
        }
        next = page.next;
    }
    Ok(true)
}

fn new_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}
