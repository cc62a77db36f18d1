//! What is durable, in the order of writing, and what a table is filled with from it. Outlives every process. Never
//! fails; whether something gets here is the disk's business.

use poulpe_core::store::table::{Now, StartMark, Stored, Table, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) type Place = Arc<Stored>;

/// Something durable.
#[derive(Debug, Clone)]
pub(crate) enum Durable {
    Put(u64, Place),
    End(u64, Place),
    Checkpoint(String, Place),
    Mark(StartMark),
}

/// What is on the disk, whoever has it open.
#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<Vec<Durable>>);

impl Log {
    pub(crate) fn fill(&self, table: &mut Table<Place>, now: Now) {
        for durable in self.lock().iter() {
            match durable {
                Durable::Put(sequence, place) => {
                    if let Stored::Record(record) = &**place {
                        table.restore_put(*sequence, record, place.clone(), 100, now);
                    }
                }
                Durable::End(sequence, place) => {
                    if let Stored::End(end) = &**place {
                        table.restore_end(*sequence, end, place.clone(), 100, now);
                    }
                }
                Durable::Checkpoint(name, place) => {
                    if let Stored::Checkpoint(value) = &**place {
                        table.restore_checkpoint(name.clone(), value.clone(), place.clone());
                    }
                }
                Durable::Mark(mark) => table.restore_start(mark),
            }
        }
    }

    pub(crate) fn keep(&self, durable: Vec<Durable>) {
        self.lock().extend(durable);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Durable>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is kept of a write, and the place to find it by.
pub(crate) fn stored(write: &Write<Place>) -> (Durable, Place) {
    match write {
        Write::Put {
            sequence, record, ..
        } => {
            let place = Arc::new(Stored::Record((**record).clone()));
            (Durable::Put(*sequence, place.clone()), place)
        }
        Write::End { sequence, end, .. } => {
            let place = Arc::new(Stored::End((**end).clone()));
            (Durable::End(*sequence, place.clone()), place)
        }
        Write::Checkpoint { name, value, .. } => {
            let place = Arc::new(Stored::Checkpoint(value.clone()));
            (Durable::Checkpoint(name.clone(), place.clone()), place)
        }
    }
}
