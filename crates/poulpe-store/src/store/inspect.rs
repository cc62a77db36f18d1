//! The verbs for people, for whoever waits, and checkpoints.

use super::{Medium, TableStore, ready, wrong_answer};
use crate::table::{Known, Op, OpAnswer};
use crate::{
    BoxFuture, Cancelled, Checkpoint, Checkpoints, Counts, Inspect, JobView, Lookup, Page,
    PageRequest, Results, Revived, StoreResult, StoreStats, Watcher,
};
use poulpe_job::JobId;
use std::sync::Arc;

impl<M: Medium> Inspect for TableStore<M> {
    fn job(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Option<JobView>>> {
        let job = || {
            self.shared.medium.health()?;
            match self.shared.look(id) {
                Known::Found(found) => self.shared.view(found).map(Some),
                Known::Arriving(_) | Known::Evicted | Known::Unknown => Ok(None),
            }
        };
        ready(job())
    }

    fn dead(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Option<JobView>>> {
        let dead = || {
            self.shared.medium.health()?;
            let found = self.shared.table().look_dead(id);
            found.map(|found| self.shared.view(found)).transpose()
        };
        ready(dead())
    }

    fn list(&self, request: PageRequest) -> BoxFuture<'_, StoreResult<Page>> {
        let list = || {
            self.shared.medium.health()?;
            let (found, more) = self.shared.table().list(request, self.shared.now());
            let next = found.last().filter(|_| more).map(|last| last.sequence);
            let jobs: StoreResult<Vec<_>> =
                found.into_iter().map(|one| self.shared.view(one)).collect();
            Ok(Page { jobs: jobs?, next })
        };
        ready(list())
    }

    fn counts(&self) -> BoxFuture<'_, StoreResult<Counts>> {
        let now = self.shared.now();
        ready(
            self.shared
                .medium
                .health()
                .map(|()| self.shared.table().counts(now)),
        )
    }

    fn cancel(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Cancelled>> {
        let op = Op::Cancel(id.clone());
        Box::pin(async move {
            match self.run(op).await? {
                OpAnswer::Cancelled(answer) => Ok(answer),
                _ => wrong_answer(),
            }
        })
    }

    fn revive(&self, id: &JobId) -> BoxFuture<'_, StoreResult<Revived>> {
        let op = Op::Revive(id.clone());
        Box::pin(async move {
            match self.run(op).await? {
                OpAnswer::Revived(answer) => Ok(answer),
                _ => wrong_answer(),
            }
        })
    }

    fn purge(&self, id: &JobId) -> BoxFuture<'_, StoreResult<bool>> {
        let op = Op::Purge(id.clone());
        Box::pin(async move {
            match self.run(op).await? {
                OpAnswer::Changed(answer) => Ok(answer),
                _ => wrong_answer(),
            }
        })
    }

    fn stats(&self) -> StoreStats {
        let mut stats = self.shared.medium.stats();
        stats.figures.extend(self.shared.table().figures());
        stats
    }

    fn health(&self) -> StoreResult<()> {
        self.shared.medium.health()
    }
}

impl<M: Medium> Results for TableStore<M> {
    fn get(&self, ids: Vec<JobId>) -> BoxFuture<'_, StoreResult<Vec<Lookup>>> {
        let get = || {
            self.shared.medium.health()?;
            let mut answers = Vec::with_capacity(ids.len());
            for id in &ids {
                answers.push(match self.shared.look(id) {
                    Known::Unknown => Lookup::Unknown,
                    Known::Evicted => Lookup::Expired,
                    Known::Arriving(state) => Lookup::Living(state, None),
                    Known::Found(found) => {
                        let view = self.shared.view(found)?;
                        match view.result {
                            Some(result) => Lookup::Ended(result),
                            None => Lookup::Living(
                                view.state,
                                view.progress.errors.into_iter().next_back(),
                            ),
                        }
                    }
                });
            }
            Ok(answers)
        };
        ready(get())
    }

    fn watch(&self, watcher: Arc<dyn Watcher>) {
        self.shared.watch(watcher);
    }
}

impl<M: Medium> Checkpoints for TableStore<M> {
    fn load(&self, name: &str) -> BoxFuture<'_, StoreResult<Option<Vec<u8>>>> {
        ready(
            self.shared
                .medium
                .health()
                .map(|()| self.shared.table().checkpoint(name)),
        )
    }

    fn compare_and_set(&self, checkpoint: Checkpoint) -> BoxFuture<'_, StoreResult<bool>> {
        Box::pin(async move {
            match self.run(Op::CompareAndSet(checkpoint)).await? {
                OpAnswer::Changed(answer) => Ok(answer),
                _ => wrong_answer(),
            }
        })
    }
}
