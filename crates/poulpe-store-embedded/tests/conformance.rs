//! The promises that every store makes.

use poulpe_store::conformance::{Backend, Place, run_all};
use poulpe_store::{JobStore, Limits, ManualTime};
use poulpe_store_embedded::{EmbeddedStore, Options};
use std::sync::Arc;

struct Embedded;

struct Directory(tempfile::TempDir);

impl Backend for Embedded {
    fn place(&self) -> Box<dyn Place> {
        Box::new(Directory(tempfile::tempdir().expect("a directory")))
    }

    fn remembers(&self) -> bool {
        true
    }

    fn keeps_unsent(&self) -> bool {
        true
    }

    fn is_shared(&self) -> bool {
        false
    }
}

impl Place for Directory {
    fn open(&self, limits: Limits, time: Arc<ManualTime>) -> Arc<dyn JobStore> {
        // Small segments, so that the cases rotate and unlink.
        let options = Options {
            limits,
            segment_bytes: 64 * 1024,
            ..Options::default()
        };
        Arc::new(EmbeddedStore::open(self.0.path(), options, time).expect("it opens"))
    }
}

#[test]
fn it_keeps_every_promise_of_the_port() {
    run_all(&Embedded);
}
