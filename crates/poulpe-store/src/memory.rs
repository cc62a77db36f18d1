//! The store that forgets with the process: for tests, and for embedders who want no disk.

use crate::store::{Medium, Shared, TableStore};
use crate::table::{
    EndRecord, Life, Load, Op, OpAnswer, Record, Staged, StartMark, Stored, Table, Write,
};
use crate::{Limits, StoreError, StoreResult, StoreStats, TimeSource};
use poulpe_job::{JobResult, Params};
use std::sync::{Arc, Mutex, PoisonError};

/// A store in memory.
pub type MemoryStore = TableStore<Memory>;

impl MemoryStore {
    /// An empty store.
    pub fn in_memory(limits: Limits, time: Arc<dyn TimeSource>) -> Self {
        TableStore::new(
            Table::new(limits),
            Memory {
                one_at_a_time: Mutex::new(()),
            },
            time,
        )
    }
}

/// Keeps records where they are.
pub struct Memory {
    one_at_a_time: Mutex<()>,
}

impl Load<Arc<Stored>> for Memory {
    fn load(&self, place: &Arc<Stored>) -> StoreResult<Stored> {
        Ok(Stored::clone(place))
    }
}

impl Medium for Memory {
    type Place = Arc<Stored>;

    fn write(&self, writes: &[Write<Self::Place>]) -> StoreResult<Vec<(Self::Place, u32)>> {
        Ok(writes.iter().map(keep).collect())
    }

    #[cfg(mutant = "settle_before_result")]
    fn foresee(&self, writes: &[Write<Self::Place>]) -> Vec<(Self::Place, u32)> {
        writes.iter().map(keep).collect()
    }

    fn mark(&self, _mark: StartMark) -> StoreResult<()> {
        Ok(())
    }

    fn has_room(&self) -> bool {
        true
    }

    fn run(
        shared: &Arc<Shared<Self>>,
        op: Op,
    ) -> impl Future<Output = StoreResult<OpAnswer>> + Send {
        let _turn = shared
            .medium
            .one_at_a_time
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let answer = shared
            .apply(vec![op])
            .and_then(|staged| match staged.into_iter().next() {
                Some(Staged::Answer(answer)) => Ok(answer),
                _ => Err(StoreError::failed(
                    "a change waits for another that isn't there",
                )),
            });
        std::future::ready(answer)
    }

    fn stats(&self) -> StoreStats {
        StoreStats {
            name: "memory",
            place: "memory".into(),
            durable: false,
            full: false,
            warnings: Vec::new(),
            figures: Vec::new(),
            histograms: Vec::new(),
        }
    }

    fn health(&self) -> StoreResult<()> {
        Ok(())
    }
}

/// The record as it is kept, and how many bytes it counts as.
fn keep(write: &Write<Arc<Stored>>) -> (Arc<Stored>, u32) {
    match write {
        Write::Put { record, .. } => (
            Arc::new(Stored::Record(Record::clone(record))),
            weight_of_record(record),
        ),
        Write::End { end, .. } => (
            Arc::new(Stored::End(EndRecord::clone(end))),
            weight_of_end(end),
        ),
        Write::Checkpoint { value, .. } => (
            Arc::new(Stored::Checkpoint(value.clone())),
            weight(value.len()),
        ),
    }
}

/// What a record takes, as far as clients decide on it.
fn weight_of_record(record: &Record) -> u32 {
    let params = match &record.job.params {
        Params::Text(text) => text.len(),
        Params::List(words) => words.iter().map(String::len).sum(),
    };
    let result = match &record.life {
        Life::Dead { result, .. } | Life::Unsent { result } => weight_of_result(result),
        Life::Living => 0,
    };
    weight(size_of::<Record>() + record.job.name.len() + params + result)
}

fn weight_of_end(end: &EndRecord) -> u32 {
    weight(size_of::<EndRecord>() + end.result.as_ref().map_or(0, weight_of_result))
}

fn weight_of_result(result: &JobResult) -> usize {
    result.output.len() + result.reason.len()
}

fn weight(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
