//! How far a partition was read and by whom: the value of its checkpoint. Moves by compare-and-set of all of it, so that
//! whoever lost the partition can't move it any more.

use crate::trouble::Trouble;
use poulpe_core::Feed;
use poulpe_core::store::Checkpoint;
use serde::{Deserialize, Serialize};

/// The value of a partition's checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// The next record to read.
    pub(crate) offset: i64,
    /// The life of a daemon that reads it; empty if none does.
    pub(crate) owner: String,
    /// Counts changes of the owner.
    pub(crate) epoch: u64,
    /// How often reading began anew because the log ended too early. Part of the ids from then on: the same offsets come
    /// again.
    pub(crate) resets: u32,
    /// The log ended too early, and nobody has decided yet.
    pub(crate) stuck: bool,
}

/// A cursor and the bytes it was read from.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) cursor: Cursor,
    bytes: Option<Vec<u8>>,
    name: String,
}

/// The name of a partition's checkpoint.
pub(crate) fn name(topic: &str, partition: i32) -> String {
    format!("kafka/{topic}/{partition}")
}

impl Kept {
    /// Reads the cursor of a partition; none if it was never read.
    pub(crate) async fn load(feed: &dyn Feed, name: String) -> Result<Option<Self>, Trouble> {
        let Some(bytes) = feed.load(&name).await? else {
            return Ok(None);
        };
        let cursor =
            serde_json::from_slice(&bytes).map_err(|_| Trouble::Checkpoint(name.clone()))?;
        Ok(Some(Self {
            cursor,
            bytes: Some(bytes),
            name,
        }))
    }

    /// That of a partition which was never read.
    pub(crate) fn first(name: String, cursor: Cursor) -> Self {
        Self {
            cursor,
            bytes: None,
            name,
        }
    }

    /// The move to another value, and what is kept after it.
    pub(crate) fn moved(&self, cursor: Cursor) -> (Checkpoint, Self) {
        let next = serde_json::to_vec(&cursor).unwrap_or_default();
        let checkpoint = Checkpoint {
            name: self.name.clone(),
            expected: self.bytes.clone(),
            next: next.clone(),
        };
        let kept = Self {
            cursor,
            bytes: Some(next),
            name: self.name.clone(),
        };
        (checkpoint, kept)
    }

    /// Moves it alone; false if somebody else did meanwhile.
    pub(crate) async fn set(&mut self, feed: &dyn Feed, cursor: Cursor) -> Result<bool, Trouble> {
        let (checkpoint, kept) = self.moved(cursor);
        let is_ours = feed.compare_and_set(checkpoint).await?;
        if is_ours {
            *self = kept;
        }
        Ok(is_ours)
    }
}
