//! The verbs of the hot path, and the outbox.

use super::{Medium, TableStore, ready, wrong_answer};
use crate::table::{Op, OpAnswer, Stored};
use crate::{
    BoxFuture, Claim, Claimed, ClaimedJob, Group, GroupAnswer, Hold, LeaseId, Outbox, OutboxItem,
    OutboxKind, Settlement, Started, Store, StoreError, StoreResult,
};
use poulpe_job::Progress;
use std::time::Duration;

impl<M: Medium> TableStore<M> {
    async fn claim(&self, claim: Claim) -> StoreResult<Claimed> {
        self.shared.medium.health()?;
        if self.shared.has_ended_leases() {
            self.run(Op::Expire).await?;
        }
        let claimable = self.shared.table().claim(&claim, self.shared.now());
        let places: Vec<M::Place> = claimable.handed.iter().map(|h| h.place.clone()).collect();
        let records = self.shared.medium.load_all(&places)?;
        let mut jobs = Vec::with_capacity(records.len());
        for (handed, record) in claimable.handed.into_iter().zip(records) {
            let Stored::Record(record) = record else {
                return Err(StoreError::failed(
                    "the index points at a record of another kind",
                ));
            };
            let lease = handed.lease(record.job.id.clone());
            let progress = Progress {
                errors: record.progress.errors,
                ..handed.progress
            };
            jobs.push(ClaimedJob {
                lease,
                job: record.job,
                progress,
                lane: handed.lane,
            });
        }
        Ok(Claimed {
            jobs,
            wanted: claimable.wanted,
            wants_any: claimable.wants_any,
            more: claimable.more,
            next_due: claimable.next_due,
        })
    }
}

impl<M: Medium> Store for TableStore<M> {
    fn enqueue(&self, groups: Vec<Group>) -> BoxFuture<'_, StoreResult<Vec<GroupAnswer>>> {
        Box::pin(async move {
            match self.run(Op::Enqueue(groups)).await? {
                OpAnswer::Enqueued(answers) => Ok(answers),
                _ => wrong_answer(),
            }
        })
    }

    fn claim(&self, claim: Claim) -> BoxFuture<'_, StoreResult<Claimed>> {
        Box::pin(self.claim(claim))
    }

    fn start(&self, lease: &LeaseId) -> BoxFuture<'_, StoreResult<Started>> {
        let start = || {
            self.shared.medium.health()?;
            let now = self.shared.now();
            let (answer, mark) = self.shared.table().start(lease, now);
            if let Some(mark) = mark {
                self.shared.medium.mark(mark)?;
            }
            Ok(answer)
        };
        ready(start())
    }

    fn renew(
        &self,
        leases: Vec<LeaseId>,
        lease: Duration,
    ) -> BoxFuture<'_, StoreResult<Vec<Hold>>> {
        let renew = || {
            self.shared.medium.health()?;
            let now = self.shared.now();
            let mut table = self.shared.table();
            Ok(leases
                .iter()
                .map(|id| table.renew(id, lease, now))
                .collect())
        };
        ready(renew())
    }

    fn settle(&self, settlements: Vec<Settlement>) -> BoxFuture<'_, StoreResult<Vec<Hold>>> {
        Box::pin(async move {
            match self.run(Op::Settle(settlements)).await? {
                OpAnswer::Settled(holds) => Ok(holds),
                _ => wrong_answer(),
            }
        })
    }
}

impl<M: Medium> Outbox for TableStore<M> {
    fn take(&self, kind: OutboxKind, max: usize) -> BoxFuture<'_, StoreResult<Vec<OutboxItem>>> {
        let take = || {
            self.shared.medium.health()?;
            let found = self.shared.table().outbox(kind, max);
            found
                .into_iter()
                .map(|f| {
                    Ok(OutboxItem {
                        token: f.sequence,
                        job: self.shared.view(f)?,
                    })
                })
                .collect()
        };
        ready(take())
    }

    fn acknowledge(&self, kind: OutboxKind, tokens: Vec<u64>) -> BoxFuture<'_, StoreResult<()>> {
        Box::pin(async move { self.run(Op::Acknowledge(kind, tokens)).await.map(|_| ()) })
    }
}
