//! One frame: records that become durable together, behind a header that says where they belong. Never touches a file.
//! The checksum makes a frame atomic: it is there as a whole or not at all.

use crate::record::{self, ToWrite};

/// Bytes before the records.
pub(crate) const HEADER: usize = 40;

/// Frames start at multiples of this, so that they are found again behind a damaged one.
pub(crate) const ALIGN: usize = 8;

/// The version of frames that this code writes, and the newest it reads.
pub(crate) const VERSION: u8 = 1;

/// No text in UTF-8 contains these bytes, so nothing that a client sends can look like a frame.
const MAGIC: [u8; 4] = [0xf8, b'p', b'l', 0xff];

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The segment that it belongs to.
    pub(crate) segment: u32,
    /// Its number; counts up over all segments.
    pub(crate) sequence: u64,
    /// Everything before this offset of the segment was known synced when it was written.
    pub(crate) synced: u64,
    /// How many records follow.
    pub(crate) records: u32,
    /// How many bytes they take.
    pub(crate) len: u32,
}

impl Header {
    /// The whole length up to where the next frame may start.
    pub(crate) fn size(&self) -> u64 {
        padded(HEADER + self.len as usize)
    }
}

/// What lies at an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// A whole frame.
    Frame(Header),
    /// A whole frame of a version that this code can't read.
    Newer(u8),
    /// The end of the file.
    Eof,
    /// Zeros where a header would be.
    Zeros,
    /// Something else.
    Bad,
}

/// What the header at the start of `bytes` says. Nothing has been checked: any of it may be wrong.
pub(crate) fn claimed(bytes: &[u8]) -> Option<Header> {
    let header = bytes.first_chunk::<HEADER>()?;
    let is_frame = header[..4] == MAGIC;
    is_frame.then(|| read_header(header))
}

/// How long the frame at the start of `bytes` says it is, up to where the next may start.
pub(crate) fn claimed_size(bytes: &[u8]) -> Option<u64> {
    claimed(bytes).map(|header| header.size())
}

/// Looks at what lies at `offset` of a segment's bytes.
pub(crate) fn find(bytes: &[u8], offset: usize) -> Found {
    let rest = bytes.get(offset..).unwrap_or_default();
    if rest.is_empty() {
        return Found::Eof;
    }
    let Some(header) = rest.first_chunk::<HEADER>() else {
        return zeros_or_bad(rest);
    };
    if header[..4] != MAGIC {
        return zeros_or_bad(header);
    }
    let len = u32_at(header, 8);
    let Some(records) = rest[HEADER..].get(..len as usize) else {
        return Found::Bad;
    };
    let checksum = crc32c::crc32c_append(crc32c::crc32c(records), &header[8..]);
    let is_whole = checksum == u32_at(header, 4) || cfg!(mutant = "torn_frame");
    if !is_whole {
        return Found::Bad;
    }
    if header[12] > VERSION {
        return Found::Newer(header[12]);
    }
    Found::Frame(read_header(header))
}

fn read_header(header: &[u8; HEADER]) -> Header {
    Header {
        segment: u32_at(header, 16),
        sequence: u64_at(header, 24),
        synced: u64_at(header, 32),
        records: u32_at(header, 20),
        len: u32_at(header, 8),
    }
}

fn zeros_or_bad(bytes: &[u8]) -> Found {
    if bytes.iter().all(|byte| *byte == 0) {
        Found::Zeros
    } else {
        Found::Bad
    }
}

/// The length up to the next place where a frame may start.
pub(crate) fn padded(len: usize) -> u64 {
    len.next_multiple_of(ALIGN) as u64
}

/// A frame that is being put together. Made once and used again: its buffer stays.
#[derive(Default)]
pub(crate) struct Draft {
    bytes: Vec<u8>,
    records: u32,
}

impl Draft {
    /// Forgets all records. A buffer that one huge batch has blown up is given back.
    pub(crate) fn clear(&mut self) {
        const KEPT: usize = 4 * 1024 * 1024;
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.bytes.extend_from_slice(&[0; HEADER]);
        self.records = 0;
    }

    /// Adds a record; gives its offset in the frame and its length.
    pub(crate) fn add(&mut self, record: &ToWrite<'_>) -> Result<(u32, u32), postcard::Error> {
        let offset =
            u32::try_from(self.bytes.len()).map_err(|_| postcard::Error::SerializeBufferFull)?;
        let len = record::encode(record, &mut self.bytes)?;
        self.records += 1;
        Ok((offset, len))
    }

    /// Adds records that were written before.
    pub(crate) fn add_encoded(&mut self, records: &[u8], count: u32) {
        self.bytes.extend_from_slice(records);
        self.records += count;
    }

    /// The length so far.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are no records.
    pub(crate) fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// The whole length up to where the next frame may start.
    pub(crate) fn size(&self) -> u64 {
        padded(self.bytes.len())
    }

    /// The checksum of the records, which can be had before it is known where the frame goes.
    pub(crate) fn checksum(&self) -> u32 {
        crc32c::crc32c(&self.bytes[HEADER..])
    }

    /// Fills in the header; gives the bytes to write. `checksum` is the one of the records.
    pub(crate) fn seal(
        &mut self,
        checksum: u32,
        segment: u32,
        sequence: u64,
        synced: u64,
    ) -> &[u8] {
        let len = (self.bytes.len() - HEADER) as u32;
        let header = &mut self.bytes[..HEADER];
        header[..4].copy_from_slice(&MAGIC);
        header[8..12].copy_from_slice(&len.to_le_bytes());
        header[12] = VERSION;
        header[16..20].copy_from_slice(&segment.to_le_bytes());
        header[20..24].copy_from_slice(&self.records.to_le_bytes());
        header[24..32].copy_from_slice(&sequence.to_le_bytes());
        header[32..40].copy_from_slice(&synced.to_le_bytes());
        let checksum = crc32c::crc32c_append(checksum, &header[8..]);
        header[4..8].copy_from_slice(&checksum.to_le_bytes());
        &self.bytes
    }
}

fn u32_at(header: &[u8; HEADER], at: usize) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&header[at..at + 4]);
    u32::from_le_bytes(bytes)
}

fn u64_at(header: &[u8; HEADER], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&header[at..at + 8]);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Vec<u8> {
        let mut draft = Draft::default();
        draft.clear();
        draft
            .add(&ToWrite::Checkpoint("a", b"value"))
            .expect("it encodes");
        let checksum = draft.checksum();
        draft.seal(checksum, 3, 77, 4096).to_vec()
    }

    #[test]
    fn a_sealed_frame_is_found() {
        let bytes = frame();
        let header = Header {
            segment: 3,
            sequence: 77,
            synced: 4096,
            records: 1,
            len: (bytes.len() - HEADER) as u32,
        };
        assert_eq!(find(&bytes, 0), Found::Frame(header));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() {
        let bytes = frame();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(find(&flipped, 0), Found::Bad, "bit {bit}");
        }
        for end in 1..bytes.len() {
            assert_eq!(find(&bytes[..end], 0), Found::Bad, "cut to {end}");
        }
    }

    #[test]
    fn zeros_and_the_end_are_told_apart() {
        assert_eq!(find(&[0; 100], 0), Found::Zeros);
        assert_eq!(find(&[0; 100], 96), Found::Zeros);
        assert_eq!(find(&[0; 100], 100), Found::Eof);
    }
}
