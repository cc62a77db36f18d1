//! Which daemons told of themselves: here only those of this process. Kept in memory, for it ends with them.

use super::{Medium, TableStore, ready};
use crate::table::Now;
use crate::{BoxFuture, Incarnation, Member, MemberView, Members, StoreResult};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What was heard, when, and for how long it counts.
#[derive(Default)]
pub(super) struct Heard(Mutex<BTreeMap<Incarnation, (Member, Now, Duration)>>);

impl Heard {
    /// Works with those who aren't forgotten.
    fn with<R>(
        &self,
        now: Now,
        with: impl FnOnce(&mut BTreeMap<Incarnation, (Member, Now, Duration)>) -> R,
    ) -> R {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.retain(|_, (_, at, keep)| now.mono.saturating_sub(at.mono) < *keep);
        with(&mut heard)
    }
}

impl<M: Medium> Members for TableStore<M> {
    fn beat(&self, member: Member, keep: Duration) -> BoxFuture<'_, StoreResult<()>> {
        let now = self.shared.now();
        self.shared.heard.with(now, |heard| {
            heard.insert(member.incarnation, (member, now, keep));
        });
        ready(Ok(()))
    }

    fn leave(&self, incarnation: Incarnation) -> BoxFuture<'_, StoreResult<()>> {
        let now = self.shared.now();
        self.shared.heard.with(now, |heard| {
            heard.remove(&incarnation);
        });
        ready(Ok(()))
    }

    fn members(&self, max: usize) -> BoxFuture<'_, StoreResult<Vec<MemberView>>> {
        let now = self.shared.now();
        let views = self.shared.heard.with(now, |heard| {
            let first = heard.values().take(max);
            let view = |(member, at, _): &(Member, Now, Duration)| MemberView {
                member: member.clone(),
                beat_at: at.wall.floor(),
                silent: now.mono.saturating_sub(at.mono),
            };
            first.map(view).collect()
        });
        ready(Ok(views))
    }
}
