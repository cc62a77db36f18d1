//! Feeds the reading of cron files, and the search for the fire times of what was read.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| poulpe_cron::fuzz(bytes));
