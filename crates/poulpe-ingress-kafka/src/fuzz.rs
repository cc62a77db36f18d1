//! What the fuzzer calls. No part of the API.

use crate::decode::{Place, fed};
use rskafka::chrono::DateTime;
use rskafka::record::Record;

/// Whatever a record holds, it is a task or a letter, and both are within bounds.
///
/// # Panics
/// If not.
pub fn record(bytes: &[u8]) {
    let (head, rest) = bytes.split_at(bytes.len().min(3));
    let at = |place: usize| usize::from(head.get(place).copied().unwrap_or_default());
    let (key, rest) = rest.split_at(rest.len().min(at(0)));
    let (header, value) = rest.split_at(rest.len().min(at(1)));
    let record = Record {
        key: (at(2) & 1 == 0).then(|| key.to_vec()),
        value: (at(2) & 2 == 0).then(|| value.to_vec()),
        headers: [("traceparent".to_string(), header.to_vec())].into(),
        timestamp: DateTime::UNIX_EPOCH,
    };
    let place = Place {
        topic: "t",
        partition: 0,
        offset: i64::MAX,
        resets: u32::MAX,
    };
    let fed = fed(&place, &record, &|_| Ok(())).expect("a place with a name");
    assert!(fed.letter.params.len() < 64 * 1024);
    let told = serde_json::from_str::<serde_json::Value>(&fed.letter.params);
    assert!(told.is_ok_and(|told| told.is_object()));
    assert!(
        fed.trace
            .is_none_or(|trace| trace.len() == 55 && trace.is_ascii())
    );
}
