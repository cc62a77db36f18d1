//! The suite over the memory store.

use poulpe_store::conformance::{Backend, Place, run_all};
use poulpe_store::{JobStore, Limits, ManualTime, MemoryStore};
use std::sync::Arc;

struct InMemory;

impl Backend for InMemory {
    fn place(&self) -> Box<dyn Place> {
        Box::new(Self)
    }

    fn remembers(&self) -> bool {
        false
    }

    fn keeps_unsent(&self) -> bool {
        true
    }

    fn is_shared(&self) -> bool {
        false
    }
}

impl Place for InMemory {
    fn open(&self, limits: Limits, time: Arc<ManualTime>) -> Arc<dyn JobStore> {
        Arc::new(MemoryStore::in_memory(limits, time))
    }
}

#[test]
fn the_memory_store_keeps_every_promise() {
    run_all(&InMemory);
}
