//! A segment of the log, and places in it. Never writes. A segment that nothing but the log itself holds is wholly
//! dead: no job, result or checkpoint lies in it.

use crate::disk::DiskFile;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Ids from here on are those of cold segments, which hold what cleaning has moved out of others.
const COLD: u32 = 1 << 31;

/// The id of the first cold segment.
pub(crate) const FIRST_COLD: u32 = COLD + 1;

/// One file of the log.
pub(crate) struct Segment {
    pub(crate) id: u32,
    pub(crate) file: Arc<dyn DiskFile>,
    /// How many bytes fit.
    pub(crate) capacity: u64,
    /// The bytes of records that places point at; one that several hold counts as often.
    live: AtomicU64,
}

impl Segment {
    pub(crate) fn new(id: u32, file: Arc<dyn DiskFile>, capacity: u64) -> Arc<Self> {
        Arc::new(Self {
            id,
            file,
            capacity,
            live: AtomicU64::new(0),
        })
    }

    /// Roughly how many bytes of records still count: those that are being read count twice.
    pub(crate) fn live(&self) -> u64 {
        self.live.load(Relaxed)
    }
}

/// Where a record lies. Holding it keeps the segment.
pub(crate) struct Place {
    pub(crate) segment: Arc<Segment>,
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

impl Place {
    pub(crate) fn new(segment: &Arc<Segment>, offset: u32, len: u32) -> Self {
        segment.live.fetch_add(u64::from(len), Relaxed);
        Self {
            segment: Arc::clone(segment),
            offset,
            len,
        }
    }

    /// The offset behind the record.
    pub(crate) fn end(&self) -> u64 {
        u64::from(self.offset) + u64::from(self.len)
    }
}

impl Clone for Place {
    fn clone(&self) -> Self {
        Self::new(&self.segment, self.offset, self.len)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.segment.live.fetch_sub(u64::from(self.len), Relaxed);
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        (self.segment.id, self.offset) == (other.segment.id, other.offset)
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}+{}..{}", self.segment.id, self.offset, self.len)
    }
}

/// Whether a segment holds what cleaning has moved.
pub(crate) fn is_cold(id: u32) -> bool {
    id >= COLD
}

/// The name of a segment's file.
pub(crate) fn name(id: u32) -> String {
    if is_cold(id) {
        return format!("{:08}.cold", id - COLD);
    }
    format!("{id:08}.seg")
}

/// The segment whose file has this name.
pub(crate) fn parse_name(file: &str) -> Option<u32> {
    let (number, extension) = file.split_once('.')?;
    let number: u32 = number.parse().ok()?;
    let id = match extension {
        "seg" if !is_cold(number) => number,
        "cold" => number.checked_add(COLD)?,
        _ => return None,
    };
    (name(id) == file).then_some(id)
}

/// The segments among these files, hot ones first, in order.
pub(crate) fn ids(names: &[String]) -> Vec<u32> {
    let parsed = names.iter().filter_map(|name| parse_name(name));
    let mut ids: Vec<u32> = parsed.collect();
    ids.sort_unstable();
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_are_not() {
        for id in [7, 123_456_789, COLD - 1, FIRST_COLD, u32::MAX] {
            assert_eq!(parse_name(&name(id)), Some(id));
        }
        let others = [
            "7.seg",
            "+0000007.seg",
            "00000007.seg.bak",
            "LOCK",
            ".seg",
            "7.cold",
            "2147483649.seg",
            "4294967295.cold",
        ];
        for other in others {
            assert_eq!(parse_name(other), None, "{other}");
        }
    }
}
