//! Reading the frames of a whole segment one after the other, a window at a time. Never judges: a segment that isn't in
//! use has nothing but frames, so the first thing that isn't one is damage.

use crate::disk::DiskFile;
use crate::frame::{self, Found, HEADER, Header};
use std::io;

/// How much is read at once, unless a frame is longer. The fuzzer's segments are small, and shall take several reads.
const WINDOW: usize = if cfg!(fuzzing) { 64 } else { 256 * 1024 };

/// Why there is no next frame.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The system can't read.
    Io(io::Error),
    /// Something that isn't a frame of this segment, at this offset.
    Bad(u64),
    /// A frame of a newer version.
    Newer(u8),
}

/// The frames of a segment.
pub(crate) struct Frames<'a> {
    file: &'a dyn DiskFile,
    segment: u32,
    /// The end of the last frame.
    end: u64,
    window: Vec<u8>,
    /// Where the window starts in the file.
    base: u64,
    /// Where the next frame starts in the window.
    at: usize,
}

/// One of them.
pub(crate) struct Frame<'a> {
    /// Where its records start in the segment.
    pub(crate) offset: u64,
    pub(crate) header: Header,
    pub(crate) records: &'a [u8],
}

impl<'a> Frames<'a> {
    /// Those of `segment`, which end at `end`.
    pub(crate) fn of(file: &'a dyn DiskFile, segment: u32, end: u64) -> Self {
        Self {
            file,
            segment,
            end,
            window: Vec::new(),
            base: 0,
            at: 0,
        }
    }

    /// The next frame, or `None` behind the last one.
    pub(crate) fn next(&mut self) -> Result<Option<Frame<'_>>, Trouble> {
        let here = self.base + self.at as u64;
        if here >= self.end {
            return Ok(None);
        }
        self.fill(HEADER)?;
        let size = frame::claimed_size(&self.window[self.at..]).ok_or(Trouble::Bad(here))?;
        if size > self.end - here {
            return Err(Trouble::Bad(here));
        }
        self.fill(size as usize)?;
        let header = match frame::find(&self.window, self.at) {
            Found::Frame(header) if header.segment == self.segment => header,
            Found::Newer(version) => return Err(Trouble::Newer(version)),
            _ => return Err(Trouble::Bad(here)),
        };
        let start = self.at + HEADER;
        self.at += size as usize;
        Ok(Some(Frame {
            offset: here + HEADER as u64,
            header,
            records: &self.window[start..start + header.len as usize],
        }))
    }

    /// Has so many bytes in the window from the next frame on, if there are so many.
    fn fill(&mut self, many: usize) -> Result<(), Trouble> {
        if self.window.len() - self.at >= many {
            return Ok(());
        }
        self.window.drain(..self.at);
        self.base += self.at as u64;
        self.at = 0;
        let known = self.window.len();
        let left = self.end - self.base;
        let want = left.min(many.max(WINDOW) as u64) as usize;
        if want <= known {
            return Ok(());
        }
        self.window.resize(want, 0);
        let read = self
            .file
            .read(&mut self.window[known..], self.base + known as u64);
        read.map_err(Trouble::Io)
    }
}
