//! The pages of a move: from one store, counted, into the other. Keeps one page in memory at a time.

use super::end::End;
use super::progress::Progress;
use anyhow::Context;
use poulpe_core::store::{Cursor, SystemTimeSource, Tally};

/// How many items a page has: a task may be a megabyte long.
const PAGE: usize = 100;

/// Brings everything from one store to the other, and counts it on the way.
pub(super) async fn carry(
    from: &End,
    to: &End,
    tally: &mut Tally,
    time: &SystemTimeSource,
) -> anyhow::Result<()> {
    let mut progress = Progress::new("moved", time);
    let mut next = Some(Cursor::default());
    while let Some(at) = next {
        let page = from.store().export(at, PAGE).await;
        let page = page.with_context(|| format!("reading {}", from.place()))?;
        for item in &page.items {
            tally.add(item);
        }
        if !page.items.is_empty() {
            let taken = to.store().import(page.items).await;
            taken.with_context(|| format!("writing {}", to.place()))?;
        }
        progress.show(tally.count(), page.total);
        next = page.next;
    }
    progress.end(tally.count());
    Ok(())
}

/// Counts everything in a store.
pub(super) async fn count(
    end: &End,
    tally: &mut Tally,
    time: &SystemTimeSource,
) -> anyhow::Result<()> {
    let mut progress = Progress::new("compared", time);
    let mut next = Some(Cursor::default());
    while let Some(at) = next {
        let page = end.store().export(at, PAGE).await;
        let page = page.with_context(|| format!("reading {}", end.place()))?;
        for item in &page.items {
            tally.add(item);
        }
        progress.show(tally.count(), page.total);
        next = page.next;
    }
    progress.end(tally.count());
    Ok(())
}
