//! What of a segment can be read, damaged or not. Judges by the rules of an opening; where that would stop at the first
//! thing it can't read, this goes on behind it. Never touches a file.

use crate::frame::{self, ALIGN, Found};
use crate::scan::{self, At, Bad, Next};

/// Bytes that can't be read although they were synced once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Hole {
    pub(crate) offset: u64,
    /// Zero where the file ends too early: nobody knows how many there were.
    pub(crate) len: u64,
    pub(crate) what: String,
}

/// See the head of this file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Readable {
    pub(crate) frames: Vec<At>,
    pub(crate) holes: Vec<Hole>,
    /// Bytes at the end that were never acknowledged.
    pub(crate) torn: u64,
}

/// A frame was written by a newer poulpe, in this version.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Newer(pub(crate) u8);

/// What can be read of a hot segment.
pub(crate) fn hot(bytes: &[u8], id: u32, next: Next) -> Result<Readable, Newer> {
    let (offset, reason) = match scan::segment(bytes, id, next) {
        Ok(valid) => {
            return Ok(Readable {
                frames: valid.frames,
                holes: Vec::new(),
                torn: valid.torn,
            });
        }
        Err(Bad::Newer(version)) => return Err(Newer(version)),
        Err(Bad::Damaged { offset, reason }) => (offset, reason),
    };
    let mut found = walk(bytes, id)?;
    let end = found.frames.last().map_or(0, At::end);
    let is_trailing = |hole: &Hole| hole.offset >= end;
    let is_expected = match next {
        // Where nothing says that it was synced, it never was.
        Next::Nothing => found.frames.iter().all(|at| at.header.synced <= end),
        // What the next segment has again.
        Next::Adjacent(first) => found
            .frames
            .last()
            .is_some_and(|at| at.header.sequence.saturating_add(1) >= first),
        Next::Later(_) => false,
    };
    if is_expected && !found.frames.is_empty() {
        found.holes.retain(|hole| !is_trailing(hole));
    }
    match found.holes.iter_mut().find(|hole| hole.offset == offset) {
        Some(hole) => hole.what = reason,
        None => found.holes.push(Hole {
            offset,
            len: 0,
            what: reason,
        }),
    }
    found.holes.sort_by_key(|hole| hole.offset);
    Ok(found)
}

/// What can be read of a cold segment, which has nothing but frames.
pub(crate) fn cold(bytes: &[u8], id: u32) -> Result<Readable, Newer> {
    let mut found = walk(bytes, id)?;
    let end = found.frames.last().map_or(0, At::end);
    let is_cut = end > bytes.len() as u64;
    if is_cut {
        found.holes.push(Hole {
            offset: bytes.len() as u64,
            len: 0,
            what: "the padding behind the last frame is missing".into(),
        });
    }
    Ok(found)
}

/// All frames, and what is between and behind them.
fn walk(bytes: &[u8], id: u32) -> Result<Readable, Newer> {
    let mut found = Readable {
        frames: Vec::new(),
        holes: Vec::new(),
        torn: 0,
    };
    let mut end = 0;
    let mut offset = 0;
    while offset < bytes.len() {
        match frame::find(bytes, offset) {
            Found::Newer(version) => return Err(Newer(version)),
            Found::Frame(header) if header.segment == id => {
                if offset > end {
                    found.holes.push(hole(end, offset));
                }
                let at = At {
                    offset: offset as u64,
                    header,
                };
                end = at.end() as usize;
                offset = end;
                found.frames.push(at);
            }
            _ => offset += ALIGN,
        }
    }
    if bytes.len() > end {
        found.holes.push(hole(end, bytes.len()));
    }
    Ok(found)
}

fn hole(from: usize, to: usize) -> Hole {
    Hole {
        offset: from as u64,
        len: (to - from) as u64,
        what: "a frame can't be read".into(),
    }
}
