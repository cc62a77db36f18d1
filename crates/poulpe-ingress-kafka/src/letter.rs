//! What a dead letter tells of a record: everything a person needs to find it and to see what is wrong, within bounds.

use crate::decode::Place;
use poulpe_core::{JobId, Kind, Letter};
use serde::Serialize;
use std::collections::BTreeMap;

/// The kind of dead letters of records: no executor has it, so that none is run by mistake.
pub(crate) const KIND: &str = "KAFKA";

/// How much is shown of a value; of a key and of each header less.
const SHOWN: usize = 4_096;
const SHOWN_KEY: usize = 1_024;
const SHOWN_HEADERS: usize = 20;

#[derive(Serialize)]
struct Told<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_offset: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Shown>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<&'a str, Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_bytes: Option<usize>,
}

/// Bytes as text, or else in hexadecimal.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown {
    Text(String),
    Hex { hex: String },
}

impl Shown {
    fn of(bytes: &[u8], max: usize) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                let end = text.floor_char_boundary(max);
                Shown::Text(text[..end].into())
            }
            Err(_) => {
                let shown = &bytes[..bytes.len().min(max / 2)];
                let hex = shown.iter().map(|byte| format!("{byte:02x}")).collect();
                Shown::Hex { hex }
            }
        }
    }
}

/// Of one record.
pub(crate) fn of_record(
    place: &Place<'_>,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &BTreeMap<String, Vec<u8>>,
) -> Option<Letter> {
    let headers = headers.iter().take(SHOWN_HEADERS);
    let headers = headers.map(|(name, value)| (name.as_str(), Shown::of(value, SHOWN_KEY)));
    letter(
        place,
        &Told {
            topic: place.topic,
            partition: place.partition,
            offset: place.offset,
            last_offset: None,
            key: key.map(|key| Shown::of(key, SHOWN_KEY)),
            headers: headers.collect(),
            value: value.map(|value| Shown::of(value, SHOWN)),
            value_bytes: value.map(<[u8]>::len),
        },
    )
}

/// Of records that can't be told apart.
pub(crate) fn of_batch(place: &Place<'_>, last_offset: i64) -> Option<Letter> {
    letter(
        place,
        &Told {
            topic: place.topic,
            partition: place.partition,
            offset: place.offset,
            last_offset: Some(last_offset),
            key: None,
            headers: BTreeMap::new(),
            value: None,
            value_bytes: None,
        },
    )
}

fn letter(place: &Place<'_>, told: &Told<'_>) -> Option<Letter> {
    Some(Letter {
        id: JobId::new(&place.id()).ok()?,
        kind: Kind::new(KIND),
        name: format!("{}/{}/{}", place.topic, place.partition, place.offset),
        params: serde_json::to_string(told).ok()?,
    })
}
