//! Export and import over a table: what it knows, and the records.

use super::{Medium, TableStore, ready, wrong_answer};
use crate::table::{Carried, CarriedJob, Life, Op, OpAnswer, Record, Stored};
use crate::{BoxFuture, Cursor, Exported, Item, OutboxKind, StoreError, StoreResult, Transfer};
use poulpe_job::Progress;

impl<M: Medium> TableStore<M> {
    fn export(&self, from: Cursor, max: usize) -> StoreResult<Exported> {
        self.shared.medium.health()?;
        // What is on its way to Kafka is known here only: moved, it would never be sent.
        if !self.shared.table().outbox(OutboxKind::Result, 1).is_empty() {
            return Err(StoreError::Unavailable(
                "results are still to be sent to Kafka; run poulpe with Kafka until /v1/stats says `unsent` 0, then move".into(),
            ));
        }
        let now = self.shared.now();
        let page = self.shared.table().carry(from, max, now);
        let places: Vec<M::Place> = page.carried.iter().map(|one| one.place.clone()).collect();
        let stored = self.shared.medium.load_all(&places)?;
        let items = page.carried.into_iter().zip(stored);
        let items: StoreResult<Vec<Item>> = items.map(|(one, stored)| item(one, stored)).collect();
        Ok(Exported {
            items: items?,
            next: page.next,
            total: page.total,
        })
    }
}

impl<M: Medium> Transfer for TableStore<M> {
    fn export(&self, from: Cursor, max: usize) -> BoxFuture<'_, StoreResult<Exported>> {
        ready(TableStore::export(self, from, max))
    }

    fn import(&self, items: Vec<Item>) -> BoxFuture<'_, StoreResult<()>> {
        Box::pin(async move {
            match self.run(Op::Import(items)).await? {
                OpAnswer::Changed(true) => Ok(()),
                OpAnswer::Changed(false) => Err(StoreError::Unavailable(
                    "the store has no room; free disk space".into(),
                )),
                _ => wrong_answer(),
            }
        })
    }
}

fn item<P>(one: Carried<P>, stored: Stored) -> StoreResult<Item> {
    let Carried {
        sequence,
        living,
        copied,
        name,
        ..
    } = one;
    match (stored, living, name) {
        (Stored::Record(record), Some(living), _) => Ok(living_job(sequence, record, living)),
        (Stored::Record(record), None, _) => {
            let Record {
                job,
                progress,
                life,
            } = record;
            let Life::Dead { result, .. } = life else {
                return other_kind();
            };
            Ok(Item::Dead {
                sequence,
                job,
                progress,
                result,
                copied,
            })
        }
        (Stored::End(end), ..) => {
            let Some(result) = end.result else {
                return other_kind();
            };
            Ok(Item::Done {
                sequence,
                id: end.id,
                chosen: end.chosen,
                digest: end.digest,
                result,
            })
        }
        (Stored::Checkpoint(value), _, Some(name)) => Ok(Item::Checkpoint { name, value }),
        (Stored::Checkpoint(_), ..) => other_kind(),
    }
}

fn living_job(sequence: u64, record: Record, living: CarriedJob) -> Item {
    let Record {
        mut job, progress, ..
    } = record;
    job.due = living.due;
    let mut errors = progress.errors;
    errors.extend(living.lost);
    Item::Job {
        sequence,
        job,
        progress: Progress {
            errors,
            ..living.progress
        },
    }
}

fn other_kind() -> StoreResult<Item> {
    Err(StoreError::failed(
        "the index points at a record of another kind",
    ))
}
