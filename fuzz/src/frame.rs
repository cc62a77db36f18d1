//! Feeds the embedded store's reading of segments, frames and records.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| poulpe_store_embedded::fuzz(bytes));
