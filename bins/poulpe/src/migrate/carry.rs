//! The pages of a move: from one store, counted, into the other. Keeps one page in memory at a time.

use super::end::End;
use super::progress::Progress;
use anyhow::Context;
use poulpe_core::store::{Cursor, Item, SystemTimeSource, Tally};

/// How many items a page has: a task may be a megabyte long.
const PAGE: usize = 100;

/// Brings everything from one store to the other, and counts it on the way.
pub(super) async fn carry(
    from: &End,
    to: &End,
    tally: &mut Tally,
    time: &SystemTimeSource,
) -> anyhow::Result<()> {
    let mut pages = Pages::of(from, "moved", time);
    while let Some(items) = pages.next(tally).await? {
        if !items.is_empty() {
            let taken = to.store().import(items).await;
            taken.with_context(|| format!("writing {}", to.place()))?;
        }
    }
    Ok(())
}

/// Counts everything in a store.
pub(super) async fn count(
    end: &End,
    tally: &mut Tally,
    time: &SystemTimeSource,
) -> anyhow::Result<()> {
    let mut pages = Pages::of(end, "compared", time);
    while pages.next(tally).await?.is_some() {}
    Ok(())
}

/// All that a store keeps, page by page.
struct Pages<'a> {
    end: &'a End,
    next: Option<Cursor>,
    total: u64,
    progress: Progress<'a>,
}

impl<'a> Pages<'a> {
    fn of(end: &'a End, what: &'static str, time: &'a SystemTimeSource) -> Self {
        Self {
            end,
            next: Some(Cursor::default()),
            total: 0,
            progress: Progress::new(what, time),
        }
    }

    /// The next page, which may be empty, counted; `None` at the end.
    async fn next(&mut self, tally: &mut Tally) -> anyhow::Result<Option<Vec<Item>>> {
        // Of the page before: it has been dealt with.
        self.progress.show(tally.count(), self.total);
        let Some(from) = self.next else {
            self.progress.end(tally.count());
            return Ok(None);
        };
        let page = self.end.store().export(from, PAGE).await;
        let page = page.with_context(|| format!("reading {}", self.end.place()))?;
        for item in &page.items {
            tally.add(item);
        }
        self.total = page.total;
        self.next = page.next;
        Ok(Some(page.items))
    }
}
