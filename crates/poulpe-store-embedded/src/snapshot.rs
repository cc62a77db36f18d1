//! A store as it lies on disk at one moment, to be looked at. Changes nothing, takes no lock, and may be taken of a
//! store that is in use: open files can be read to their end even when they have been unlinked since.
//!
//! Segments that were unlinked before their turn in the list came, and the copies of what they held that were made
//! behind that turn, would both be missing. So the list is read again when all files are open: nothing may have gone,
//! and no cold segment have come. Hot ones may: what was open before is the log as it was a moment ago.

use crate::disk::{self, Disk, RealDisk};
use crate::error::OpenError;
use crate::format;
use crate::frame::Found;
use crate::readable::{self, Newer, Readable};
use crate::scan::{self, Next};
use crate::segment::{self, Segment};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often a list that changes is read.
const TRIES: u32 = 10;

/// How much longer to wait before each other one. A cleaning takes some milliseconds from its copy's name to the unlinking.
const WAIT: Duration = Duration::from_millis(10);

/// See the head of this file.
pub(crate) struct Snapshot {
    pub(crate) dir: PathBuf,
    pub(crate) disk: RealDisk,
    /// The names of all files.
    pub(crate) names: Vec<String>,
    /// The format, or why it can't be told.
    pub(crate) format: Result<u32, OpenError>,
    pub(crate) hot: Vec<Arc<Segment>>,
    pub(crate) cold: Vec<Arc<Segment>>,
    /// For each hot segment, what follows.
    nexts: Vec<Next>,
}

impl Snapshot {
    pub(crate) fn take(dir: &Path) -> Result<Self, OpenError> {
        let metadata = std::fs::metadata(dir).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => OpenError::NoStore { dir: dir.into() },
            _ => OpenError::io(dir, "look at it", error),
        })?;
        if !metadata.is_dir() {
            return Err(OpenError::NotADirectory { dir: dir.into() });
        }
        let io = |error| OpenError::io(dir, "read it", error);
        let disk = RealDisk::read_only(dir).map_err(io)?;
        for attempt in 1..=TRIES {
            let names = disk.list().map_err(io)?;
            if let Some(segments) = open_all(&disk, &names).map_err(io)? {
                return Self::of(dir, disk, names, segments);
            }
            std::thread::park_timeout(WAIT * attempt);
        }
        Err(OpenError::TooBusy { dir: dir.into() })
    }

    fn of(
        dir: &Path,
        disk: RealDisk,
        names: Vec<String>,
        mut hot: Vec<Arc<Segment>>,
    ) -> Result<Self, OpenError> {
        let cold = hot.split_off(hot.partition_point(|one| !segment::is_cold(one.id)));
        let has_format = names.iter().any(|name| name == format::NAME);
        let format = match has_format {
            true => format::look(&disk, dir),
            false if hot.is_empty() && cold.is_empty() => {
                return Err(OpenError::NoStore { dir: dir.into() });
            }
            false => Err(format::missing(dir)),
        };
        if let Err(error @ OpenError::Newer { .. }) = format {
            return Err(error);
        }
        let mut snapshot = Self {
            dir: dir.into(),
            disk,
            names,
            format,
            hot,
            cold,
            nexts: Vec::new(),
        };
        snapshot.nexts = snapshot.following()?;
        Ok(snapshot)
    }

    fn following(&self) -> Result<Vec<Next>, OpenError> {
        let mut firsts = Vec::with_capacity(self.hot.len());
        for segment in &self.hot {
            let first = scan::first(&*segment.file);
            let first = first.map_err(|error| self.io("read a segment", error))?;
            firsts.push(match first {
                Found::Frame(header) if header.segment == segment.id => Some(header.sequence),
                _ => None,
            });
        }
        let next = |index: usize| {
            let id = self.hot[index].id;
            let Some(other) = self.hot.get(index + 1) else {
                return Next::Nothing;
            };
            // Without a first frame in the next one, this one must be whole.
            firsts[index + 1].map_or(Next::Later(u64::MAX), |first| {
                Next::of(id, Some((other.id, first)))
            })
        };
        Ok((0..self.hot.len()).map(next).collect())
    }

    /// The bytes of the hot segment with this index, and what of them can be read.
    ///
    /// While the store is in use, the last one grows: a frame may be seen that says that an earlier one was synced,
    /// which wasn't there yet when its place was read. So what looks like damage is looked at again.
    pub(crate) fn hot(&self, index: usize) -> Result<(Vec<u8>, Readable), OpenError> {
        let (segment, next) = (&self.hot[index], self.nexts[index]);
        let mut suspected = None;
        for _ in 1..TRIES {
            let (bytes, readable) =
                self.read(segment, |bytes| readable::hot(bytes, segment.id, next))?;
            let bad = readable.holes.first().map(|hole| hole.offset);
            if bad.is_none() || bad == suspected || next != Next::Nothing {
                return Ok((bytes, readable));
            }
            suspected = bad;
        }
        self.read(segment, |bytes| readable::hot(bytes, segment.id, next))
    }

    /// The bytes of a cold segment, and what of them can be read.
    pub(crate) fn cold(&self, segment: &Segment) -> Result<(Vec<u8>, Readable), OpenError> {
        self.read(segment, |bytes| readable::cold(bytes, segment.id))
    }

    fn read(
        &self,
        segment: &Segment,
        judge: impl FnOnce(&[u8]) -> Result<Readable, Newer>,
    ) -> Result<(Vec<u8>, Readable), OpenError> {
        let bytes = bytes(segment).map_err(|error| self.io("read a segment", error))?;
        let readable = judge(&bytes).map_err(|Newer(version)| OpenError::Newer {
            dir: self.dir.clone(),
            found: u32::from(version),
            known: u32::from(crate::frame::VERSION),
        })?;
        Ok((bytes, readable))
    }

    pub(crate) fn io(&self, what: &'static str, error: io::Error) -> OpenError {
        OpenError::io(&self.dir, what, error)
    }
}

/// Opens the segments among these files; `None` if they are no longer those.
fn open_all(disk: &RealDisk, names: &[String]) -> io::Result<Option<Vec<Arc<Segment>>>> {
    let ids = segment::ids(names);
    let mut segments = Vec::with_capacity(ids.len());
    for &id in &ids {
        let file = match disk.open(&segment::name(id)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let len = file.len()?;
        segments.push(Segment::new(id, file, len));
    }
    let now = segment::ids(&disk.list()?);
    let last = ids.iter().rfind(|id| !segment::is_cold(**id));
    let is_later = |id: &u32| !segment::is_cold(*id) && last.is_none_or(|last| id > last);
    let has_come = now
        .iter()
        .any(|id| ids.binary_search(id).is_err() && !is_later(id));
    let has_gone = ids.iter().any(|id| now.binary_search(id).is_err());
    Ok((!has_come && !has_gone).then_some(segments))
}

/// All bytes of a file, which may be cut meanwhile.
fn bytes(segment: &Segment) -> io::Result<Vec<u8>> {
    let mut tries = TRIES;
    loop {
        match disk::contents(&*segment.file) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && tries > 0 => tries -= 1,
            read => return read,
        }
    }
}
