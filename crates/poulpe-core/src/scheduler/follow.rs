//! Followers: whoever waits for many jobs at once. Knows no results: what has ended is read from the store, many at a
//! time. The waiters tell each follower's inbox what ended.

use super::Parts;
use crate::Follow;
use poulpe_job::JobId;
use poulpe_store::{BoxFuture, Lookup, StoreError};
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How many ids a store is asked for at a time.
const LOOK_MAX: usize = 256;
/// How often every followed job is looked at, told or not: news from a shared store may be lost, and it forgets after an
/// hour who was asked for.
const LOOK_AGAIN: Duration = Duration::from_secs(600);
/// When to ask a store again that could not answer.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// What one follower follows and was told.
#[derive(Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Default)]
struct State {
    followed: HashSet<JobId>,
    /// To be looked at, oldest first. May hold an id twice, or one that isn't followed any more.
    ended: VecDeque<JobId>,
    look_again: Duration,
    closed: bool,
    /// Everything was looked at since the close.
    looked_last: bool,
}

impl Inbox {
    /// A job has ended, or may have.
    pub(crate) fn tell(&self, id: JobId) {
        self.state().ended.push_back(id);
        self.news.notify_one();
    }

    /// Nobody will be told any more.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.news.notify_one();
    }

    /// Those of `ids` that weren't followed yet.
    fn follow(&self, ids: &[JobId]) -> Vec<JobId> {
        let mut state = self.state();
        let is_new = |id: &&JobId| state.followed.insert((*id).clone());
        ids.iter().filter(is_new).cloned().collect()
    }

    fn unfollow<'a>(&self, ids: impl Iterator<Item = &'a JobId>) {
        let mut state = self.state();
        for id in ids {
            state.followed.remove(id);
        }
    }

    /// The oldest that are to be looked at, and whether nobody will be told any more. They stay until they are `seen`.
    fn next(&self, max: usize) -> (Vec<JobId>, bool) {
        let mut state = self.state();
        let State {
            followed, ended, ..
        } = &mut *state;
        while ended.front().is_some_and(|id| !followed.contains(id)) {
            ended.pop_front();
        }
        if ended.is_empty() && state.closed && !state.looked_last {
            state.looked_last = true;
            state.look_at_all();
        }
        let next = state.ended.iter().take(max).cloned().collect();
        (next, state.closed)
    }

    /// These, which came from `next`, were looked at: those that ended and are still followed.
    fn seen(&self, ids: Vec<JobId>, lookups: Vec<Lookup>) -> Vec<(JobId, Lookup)> {
        let mut state = self.state();
        state.ended.drain(..ids.len());
        let mut told = Vec::with_capacity(ids.len());
        for (id, lookup) in ids.into_iter().zip(lookups) {
            let lives = matches!(lookup, Lookup::Living(..));
            if !lives && state.followed.remove(&id) {
                told.push((id, lookup));
            }
        }
        told
    }

    /// When to look at everything again; has it looked at if it is time.
    fn look_again(&self, now: Duration) -> Duration {
        let mut state = self.state();
        if state.look_again <= now {
            state.look_again = now + LOOK_AGAIN;
            state.look_at_all();
        }
        state.look_again
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn look_at_all(&mut self) {
        self.ended.clear();
        self.ended.extend(self.followed.iter().cloned());
    }
}

/// A follower of this scheduler.
pub(crate) struct Follower {
    parts: Arc<Parts>,
    inbox: Arc<Inbox>,
}

impl Follower {
    pub(crate) fn new(parts: Arc<Parts>) -> Self {
        Self {
            parts,
            inbox: Arc::default(),
        }
    }

    async fn add(&self, ids: Vec<JobId>) -> Result<Vec<Lookup>, StoreError> {
        // Registers first, so that an end between this and a look into the store isn't missed.
        let new = self.inbox.follow(&ids);
        self.parts.hub.waiters.follow(&new, &self.inbox);
        let mut lookups = Vec::with_capacity(ids.len());
        for some in ids.chunks(LOOK_MAX) {
            match self.parts.store.get(some.to_vec()).await {
                Ok(found) => lookups.extend(found),
                Err(error) => {
                    for id in new {
                        self.inbox.tell(id);
                    }
                    return Err(error);
                }
            }
        }
        let known = ids.iter().zip(&lookups);
        let ended = known.filter(|(_, lookup)| !matches!(lookup, Lookup::Living(..)));
        let ended: Vec<JobId> = ended.map(|(id, _)| id.clone()).collect();
        self.inbox.unfollow(ended.iter());
        self.parts.hub.waiters.unfollow(ended.iter(), &self.inbox);
        Ok(lookups)
    }

    async fn ended(&self, max: usize) -> Vec<(JobId, Lookup)> {
        let clock = &self.parts.clock;
        loop {
            let look_again = self.inbox.look_again(clock.monotonic());
            let (ids, closed) = self.inbox.next(max.min(LOOK_MAX));
            if ids.is_empty() {
                if closed {
                    return Vec::new();
                }
                tokio::select! {
                    () = self.inbox.news.notified() => {}
                    () = clock.sleep_until(look_again) => {}
                }
                continue;
            }
            let lookups = match self.parts.store.get(ids.clone()).await {
                Ok(lookups) => lookups,
                Err(error) if closed => {
                    tracing::warn!(%error, "can't look for results any more");
                    return Vec::new();
                }
                Err(error) => {
                    tracing::debug!(%error, "can't look for results, trying again");
                    clock.sleep_until(clock.monotonic() + AFTER_ERROR).await;
                    continue;
                }
            };
            let told = self.inbox.seen(ids, lookups);
            if !told.is_empty() {
                let ids = told.iter().map(|(id, _)| id);
                self.parts.hub.waiters.unfollow(ids, &self.inbox);
                return told;
            }
        }
    }
}

impl Follow for Follower {
    fn add(&self, ids: Vec<JobId>) -> BoxFuture<'_, Result<Vec<Lookup>, StoreError>> {
        Box::pin(self.add(ids))
    }

    fn ended(&self, max: usize) -> BoxFuture<'_, Vec<(JobId, Lookup)>> {
        Box::pin(self.ended(max))
    }

    fn count(&self) -> usize {
        self.inbox.state().followed.len()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let followed = std::mem::take(&mut self.inbox.state().followed);
        self.parts
            .hub
            .waiters
            .unfollow(followed.iter(), &self.inbox);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poulpe_job::State as JobState;

    fn id(text: &str) -> JobId {
        JobId::new(text).expect("an id")
    }

    #[test]
    fn a_job_is_followed_once_and_told_once() {
        let inbox = Inbox::default();
        assert_eq!(inbox.follow(&[id("a"), id("a"), id("b")]).len(), 2);
        for _ in 0..2 {
            inbox.tell(id("a"));
        }
        let (ids, _) = inbox.next(1);
        assert_eq!(
            inbox.seen(ids, vec![Lookup::Expired]),
            [(id("a"), Lookup::Expired)]
        );
        assert_eq!(inbox.next(9), (vec![], false));
    }

    #[test]
    fn what_lives_after_all_is_followed_on() {
        let inbox = Inbox::default();
        inbox.follow(&[id("a")]);
        inbox.tell(id("a"));
        let (ids, _) = inbox.next(9);
        let lives = Lookup::Living(JobState::Ready, None);
        assert_eq!(inbox.seen(ids, vec![lives]), []);
        inbox.tell(id("a"));
        assert_eq!(inbox.next(9).0, [id("a")]);
    }

    #[test]
    fn what_was_not_seen_is_told_again() {
        let inbox = Inbox::default();
        inbox.follow(&[id("a")]);
        inbox.tell(id("a"));
        assert_eq!(inbox.next(9), inbox.next(9));
    }

    #[test]
    fn at_the_close_everything_is_looked_at_once_more() {
        let inbox = Inbox::default();
        inbox.follow(&[id("a")]);
        inbox.close();
        let (ids, closed) = inbox.next(9);
        assert!(closed && ids == [id("a")]);
        let lives = Lookup::Living(JobState::Ready, None);
        inbox.seen(ids, vec![lives]);
        assert_eq!(inbox.next(9), (vec![], true));
    }
}
