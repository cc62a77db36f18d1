//! Reading a segment's frames, and telling damage from a torn tail. Never changes anything. A bad frame is damage if a
//! later frame, or a later segment, proves that it was synced once; else it is the end of what was acknowledged.

use crate::disk::DiskFile;
use crate::frame::{self, ALIGN, Found, HEADER, Header};
use std::io;

/// A frame and where it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) offset: u64,
    pub(crate) header: Header,
}

impl At {
    /// Where the next frame may start.
    pub(crate) fn end(&self) -> u64 {
        self.offset + self.header.size()
    }

    /// Where its records are.
    pub(crate) fn records(&self) -> std::ops::Range<usize> {
        let start = self.offset as usize + HEADER;
        start..start + self.header.len as usize
    }
}

/// What of a segment counts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Valid {
    /// Frames to be read, in order. At least the head.
    pub(crate) frames: Vec<At>,
    /// How many of them, from the first, are proven to be synced.
    pub(crate) proven: usize,
    /// How many bytes behind them are torn.
    pub(crate) torn: u64,
}

/// Why a segment can't be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Bad {
    Damaged { offset: u64, reason: String },
    Newer(u8),
}

/// What follows a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing: it was in use when the process ended.
    Nothing,
    /// The very next segment, whose first frame has this number.
    Adjacent(u64),
    /// A later one; those between have been unlinked. This is the number of its first frame.
    Later(u64),
}

impl Next {
    /// What follows segment `id`: the next one there is, and the number of that one's first frame.
    pub(crate) fn of(id: u32, next: Option<(u32, u64)>) -> Self {
        match next {
            None => Self::Nothing,
            Some((other, first)) if other == id + 1 => Self::Adjacent(first),
            Some((_, first)) => Self::Later(first),
        }
    }
}

/// What a segment starts with, which should be its head.
pub(crate) fn first(file: &dyn DiskFile) -> io::Result<Found> {
    /// More than a head takes.
    const ENOUGH: u64 = 256;
    let mut bytes = vec![0; file.len()?.min(ENOUGH) as usize];
    file.read(&mut bytes, 0)?;
    Ok(frame::find(&bytes, 0))
}

/// Reads the frames of segment `id`.
pub(crate) fn segment(bytes: &[u8], id: u32, next: Next) -> Result<Valid, Bad> {
    let (frames, found) = contiguous(bytes, id)?;
    let end = frames.last().map_or(0, At::end);
    if frames.is_empty() {
        return damaged(0, "the first frame can't be read");
    }
    match next {
        Next::Nothing => last_segment(bytes, id, frames, end),
        Next::Adjacent(first) => {
            // What is behind was carried into the next segment, and is cut if that was interrupted.
            let kept: Vec<At> = frames
                .into_iter()
                .filter(|at| at.header.sequence < first)
                .collect();
            let reaches = kept.last().map(|at| at.header.sequence + 1);
            if reaches != Some(first) {
                return damaged(
                    end,
                    &format!("the frames before number {first} are missing"),
                );
            }
            Ok(all(kept))
        }
        Next::Later(first) => {
            let is_whole = found == Found::Eof;
            if !is_whole {
                return damaged(end, "a frame can't be read");
            }
            if frames.last().is_some_and(|at| at.header.sequence >= first) {
                return damaged(
                    end,
                    "its frames are numbered higher than those of a later segment",
                );
            }
            Ok(all(frames))
        }
    }
}

fn all(frames: Vec<At>) -> Valid {
    let proven = frames.len();
    Valid {
        frames,
        proven,
        torn: 0,
    }
}

/// The segment in use when the process ended: the only one that may end anyhow.
fn last_segment(bytes: &[u8], id: u32, frames: Vec<At>, end: u64) -> Result<Valid, Bad> {
    let rest = behind(bytes, end, id)?;
    let within = frames.iter().map(|at| at.header.synced).max().unwrap_or(0);
    let synced = within.max(rest.synced);
    if end < synced {
        let reason =
            format!("a frame can't be read, although everything up to {synced} was synced");
        return damaged(end, &reason);
    }
    let proven = frames.iter().take_while(|at| at.end() <= synced).count();
    Ok(Valid {
        frames,
        proven,
        torn: rest.used,
    })
}

/// The frames from the start on, up to the first thing that isn't the next one, and what that is.
fn contiguous(bytes: &[u8], id: u32) -> Result<(Vec<At>, Found), Bad> {
    let mut frames: Vec<At> = Vec::new();
    let mut offset = 0;
    loop {
        match frame::find(bytes, offset) {
            Found::Newer(version) => return Err(Bad::Newer(version)),
            Found::Frame(header) => {
                let before = frames.last().map(|at| at.header.sequence);
                let follows =
                    before.is_none_or(|before| before.checked_add(1) == Some(header.sequence));
                if header.segment != id || !follows {
                    return Ok((frames, Found::Bad));
                }
                let at = At {
                    offset: offset as u64,
                    header,
                };
                offset = at.end() as usize;
                frames.push(at);
            }
            other => return Ok((frames, other)),
        }
    }
}

/// What lies behind the last good frame.
struct Behind {
    /// The highest position that a frame there knew synced.
    synced: u64,
    /// How many bytes there are up to the last one that isn't zero.
    used: u64,
}

fn behind(bytes: &[u8], end: u64, id: u32) -> Result<Behind, Bad> {
    let start = (end as usize).min(bytes.len());
    let mut behind = Behind { synced: 0, used: 0 };
    let used = bytes[start..].iter().rposition(|byte| *byte != 0);
    let Some(last) = used else {
        return Ok(behind);
    };
    behind.used = last as u64 + 1;
    for offset in (start..=start + last).step_by(ALIGN) {
        match frame::find(bytes, offset) {
            Found::Frame(header) if header.segment == id => {
                behind.synced = behind.synced.max(header.synced);
            }
            Found::Newer(version) => return Err(Bad::Newer(version)),
            _ => {}
        }
    }
    Ok(behind)
}

fn damaged<T>(offset: u64, reason: &str) -> Result<T, Bad> {
    Err(Bad::Damaged {
        offset,
        reason: reason.into(),
    })
}
