//! What a store knew is known again when it is opened anew.

mod common;
use common::*;

use poulpe_job::Due;
use std::time::Duration;

#[test]
fn jobs_are_there_in_their_order() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    for name in ["a", "b", "c"] {
        enqueue(&store, name, Due::NOW);
    }
    enqueue(&store, "later", Due::In(Duration::from_secs(60)));
    drop(store);
    let store = open(dir.path());
    assert_eq!(counts(&store).delayed, 1);
    assert_eq!(claim_all(&store), ["a", "b", "c"]);
}
