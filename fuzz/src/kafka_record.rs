//! Records of Kafka: whatever one holds becomes a task or a dead letter, within bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| poulpe_ingress_kafka::fuzz::record(bytes));
