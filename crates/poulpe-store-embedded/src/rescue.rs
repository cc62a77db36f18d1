//! Whole records in frames that aren't. Never looks where no record is supposed to start: a client's text could look
//! like one. A record's own checksum tells that it is whole; which frame it belongs to is taken from a header that may be
//! wrong, within what its neighbours allow.

use crate::frame::{self, ALIGN, HEADER, Header};
use crate::record;
use std::ops::Range;

/// A record that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rescued {
    /// The number of its frame, as far as that can be told.
    pub(crate) number: u64,
    pub(crate) offset: usize,
}

/// The numbers of the frames around a hole, exclusively. Frames of a cold segment come in no order, all is allowed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Between {
    pub(crate) before: u64,
    pub(crate) after: u64,
}

/// Looks for records in a hole of segment `id`.
pub(crate) fn rescue(bytes: &[u8], hole: Range<usize>, id: u32, between: Between) -> Vec<Rescued> {
    let is_frame = |offset: &usize| frame::claimed(&bytes[*offset..]).is_some();
    // Where the hole starts there was a frame, whatever its first bytes say.
    let rest = (hole.start + ALIGN..hole.end).step_by(ALIGN);
    let mut starts: Vec<usize> = rest.filter(is_frame).collect();
    starts.insert(0, hole.start);
    starts.push(hole.end);
    let mut found = Vec::new();
    let mut before = between.before;
    for pair in starts.windows(2) {
        let (start, end) = (pair[0], pair[1]);
        let header = frame::claimed(&bytes[start..end]).filter(|header| header.segment == id);
        let is_possible =
            |header: &Header| before < header.sequence && header.sequence < between.after;
        let number = header.filter(is_possible).map(|header| header.sequence);
        // Later than what is before it, and earlier than whatever else there may be.
        let number = number.unwrap_or(before.saturating_add(u64::from(before > 0)));
        let chain = chain(bytes, start + HEADER..end);
        found.extend(chain.map(|offset| Rescued { number, offset }));
        if between.before > 0 {
            before = number;
        }
    }
    found
}

/// The offsets of whole records, one behind the other.
fn chain(bytes: &[u8], range: Range<usize>) -> impl Iterator<Item = usize> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        while at < range.end {
            let here = at;
            let rest = &bytes[here..range.end];
            if let Ok((_, len)) = record::decode(rest) {
                at += len as usize;
                return Some(here);
            }
            // Its length may be right all the same.
            at += record::claimed_len(rest)?;
        }
        None
    })
}
