//! Tests that need a disk which fails, or loses what wasn't synced.

mod crash;
mod fail_stop;
mod faulty_disk;
mod full_disk;

#[path = "../../tests/common/mod.rs"]
mod common;
