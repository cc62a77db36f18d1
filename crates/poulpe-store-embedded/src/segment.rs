//! A segment of the log, and places in it. Never writes. A segment that nothing but the log itself holds is wholly
//! dead: no job, result or checkpoint lies in it.

use crate::disk::DiskFile;
use std::sync::Arc;

/// One file of the log.
pub(crate) struct Segment {
    pub(crate) id: u32,
    pub(crate) file: Arc<dyn DiskFile>,
    /// How many bytes fit.
    pub(crate) capacity: u64,
}

/// Where a record lies. Holding it keeps the segment.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) segment: Arc<Segment>,
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

impl Place {
    /// The offset behind the record.
    pub(crate) fn end(&self) -> u64 {
        u64::from(self.offset) + u64::from(self.len)
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}+{}..{}", self.segment.id, self.offset, self.len)
    }
}

/// The name of a segment's file.
pub(crate) fn name(id: u32) -> String {
    format!("{id:08}.seg")
}

/// The segment whose file has this name.
pub(crate) fn parse_name(file: &str) -> Option<u32> {
    let id: u32 = file.strip_suffix(".seg")?.parse().ok()?;
    (name(id) == file).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_are_not() {
        assert_eq!(parse_name(&name(7)), Some(7));
        assert_eq!(parse_name(&name(123_456_789)), Some(123_456_789));
        for other in ["7.seg", "+0000007.seg", "00000007.seg.bak", "LOCK", ".seg"] {
            assert_eq!(parse_name(other), None, "{other}");
        }
    }
}
