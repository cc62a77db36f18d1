//! One record: its bytes and back. Never knows where it lies. Every record has its own checksum, so that it can be read
//! alone.

use postcard::ser_flavors::Flavor;
use poulpe_store::table::{EndRecord, Record, StartMark, Stored};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Bytes before the body: checksum, length of the body, version, kind, two zeros.
pub(crate) const HEADER: usize = 12;

/// The version of records that this code writes, and the newest it reads.
const VERSION: u8 = 1;

const HEAD: u8 = 1;
const PUT: u8 = 2;
const END: u8 = 3;
const START: u8 = 4;
const CHECKPOINT: u8 = 5;

/// The first record of every segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The sequence that the next job gets: it must not start again when the segments of earlier jobs are gone.
    pub(crate) next_job: u64,
}

/// A record to write.
pub(crate) enum ToWrite<'a> {
    Head(Head),
    Put(u64, &'a Record),
    End(u64, &'a EndRecord),
    Start(&'a StartMark),
    Checkpoint(&'a str, &'a [u8]),
}

/// A record that was read.
#[derive(Debug, PartialEq)]
pub(crate) enum Logged {
    Head(Head),
    Put(u64, Record),
    End(u64, EndRecord),
    Start(StartMark),
    Checkpoint(String, Vec<u8>),
}

/// Why bytes aren't a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadRecord {
    #[error("a record is cut off")]
    Short,
    #[error("a record's checksum is wrong")]
    Checksum,
    #[error("a record is of version {0}, made by a newer poulpe")]
    Newer(u8),
    #[error("a record is of an unknown kind {0}")]
    Kind(u8),
    #[error("a record can't be read: {0}")]
    Body(postcard::Error),
}

/// Appends a record; gives its whole length.
pub(crate) fn encode(record: &ToWrite<'_>, out: &mut Vec<u8>) -> Result<u32, postcard::Error> {
    match record {
        ToWrite::Head(head) => append(HEAD, head, out),
        ToWrite::Put(sequence, record) => append(PUT, &(sequence, record), out),
        ToWrite::End(sequence, end) => append(END, &(sequence, end), out),
        ToWrite::Start(mark) => append(START, mark, out),
        ToWrite::Checkpoint(name, value) => append(CHECKPOINT, &(name, value), out),
    }
}

fn append<T: Serialize>(kind: u8, body: &T, out: &mut Vec<u8>) -> Result<u32, postcard::Error> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER]);
    postcard::serialize_with_flavor(body, Appending(out))?;
    let too_long = postcard::Error::SerializeBufferFull;
    let whole = u32::try_from(out.len() - start).map_err(|_| too_long)?;
    out[start + 4..start + 8].copy_from_slice(&(whole - HEADER as u32).to_le_bytes());
    out[start + 8] = VERSION;
    out[start + 9] = kind;
    let checksum = crc32c::crc32c(&out[start + 4..]);
    out[start..start + 4].copy_from_slice(&checksum.to_le_bytes());
    Ok(whole)
}

/// Lets postcard write straight behind what is there.
struct Appending<'a>(&'a mut Vec<u8>);

impl Flavor for Appending<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Reads the record at the start of `bytes`; gives its whole length too.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Logged, u32), BadRecord> {
    let (version, kind, whole) = head(bytes)?;
    if crc32c::crc32c(&bytes[4..whole]) != checksum(bytes) {
        return Err(BadRecord::Checksum);
    }
    if version > VERSION {
        return Err(BadRecord::Newer(version));
    }
    let body = &bytes[HEADER..whole];
    let logged = match kind {
        HEAD => Logged::Head(read(body)?),
        PUT => {
            let (sequence, record) = read(body)?;
            Logged::Put(sequence, record)
        }
        END => {
            let (sequence, end) = read(body)?;
            Logged::End(sequence, end)
        }
        START => Logged::Start(read(body)?),
        CHECKPOINT => {
            let (name, value) = read(body)?;
            Logged::Checkpoint(name, value)
        }
        other => return Err(BadRecord::Kind(other)),
    };
    Ok((logged, whole as u32))
}

/// Version, kind and whole length of the record at the start of `bytes`, as its header says.
fn head(bytes: &[u8]) -> Result<(u8, u8, usize), BadRecord> {
    let header = bytes.first_chunk::<HEADER>().ok_or(BadRecord::Short)?;
    let [_, _, _, _, l0, l1, l2, l3, version, kind, ..] = *header;
    let whole = HEADER
        .checked_add(u32::from_le_bytes([l0, l1, l2, l3]) as usize)
        .filter(|whole| *whole <= bytes.len())
        .ok_or(BadRecord::Short)?;
    Ok((version, kind, whole))
}

/// Goes through the records of a frame. `take` gets the offset of each and the bytes from there on, and gives its length.
/// An error comes with the offset of the bad record.
pub(crate) fn each<'a>(
    records: &'a [u8],
    mut take: impl FnMut(usize, &'a [u8]) -> Result<u32, BadRecord>,
) -> Result<(), (usize, BadRecord)> {
    let mut at = 0;
    while at < records.len() {
        at += take(at, &records[at..]).map_err(|error| (at, error))? as usize;
    }
    Ok(())
}

/// How long a record that can't be read says it is. `None` if its header makes no sense.
pub(crate) fn claimed_len(bytes: &[u8]) -> Option<usize> {
    let [_, _, _, _, l0, l1, l2, l3, version, kind, 0, 0] = *bytes.first_chunk::<HEADER>()? else {
        return None;
    };
    let is_known = version <= VERSION && (HEAD..=CHECKPOINT).contains(&kind);
    let len = HEADER.checked_add(u32::from_le_bytes([l0, l1, l2, l3]) as usize)?;
    (is_known && len <= bytes.len()).then_some(len)
}

/// The checksum in the header of the record at the start of `bytes`.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    bytes
        .first_chunk()
        .map_or(0, |sum| u32::from_le_bytes(*sum))
}

/// What a record is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Peeked<'a> {
    /// The job with this sequence and id.
    Job(u64, &'a str),
    /// The checkpoint of this name.
    Checkpoint(&'a str),
    /// Neither.
    Other,
}

/// Tells what the record at the start of `bytes` is about, and its whole length, without reading all of it. Its checksum
/// isn't looked at: the frame's has been.
pub(crate) fn peek(bytes: &[u8]) -> Result<(Peeked<'_>, u32), BadRecord> {
    let (version, kind, whole) = head(bytes)?;
    if version > VERSION {
        return Err(BadRecord::Newer(version));
    }
    let body = &bytes[HEADER..whole];
    let peeked = match kind {
        // The id is the first field of a job, and of its end.
        PUT | END => {
            let (sequence, id) = first(body)?;
            Peeked::Job(sequence, id)
        }
        CHECKPOINT => Peeked::Checkpoint(first(body)?),
        _ => Peeked::Other,
    };
    Ok((peeked, whole as u32))
}

/// What a body starts with.
fn first<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, BadRecord> {
    postcard::take_from_bytes(body)
        .map(|(value, _)| value)
        .map_err(BadRecord::Body)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, BadRecord> {
    postcard::from_bytes(body).map_err(BadRecord::Body)
}

impl Logged {
    /// What a store may find at a place; `None` for records that nothing points at.
    pub(crate) fn stored(self) -> Option<Stored> {
        match self {
            Logged::Put(_, record) => Some(Stored::Record(record)),
            Logged::End(_, end) => Some(Stored::End(end)),
            Logged::Checkpoint(_, value) => Some(Stored::Checkpoint(value)),
            Logged::Head(_) | Logged::Start(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(record: &ToWrite<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        encode(record, &mut out).expect("it encodes");
        out
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = bytes_of(&ToWrite::Checkpoint("offsets", &[1, 2, 255]));
        let read = Logged::Checkpoint("offsets".into(), vec![1, 2, 255]);
        assert_eq!(decode(&bytes), Ok((read, bytes.len() as u32)));
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let bytes = bytes_of(&ToWrite::Checkpoint("offsets", &[1, 2, 255]));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn every_cut_is_seen() {
        let bytes = bytes_of(&ToWrite::Head(Head { next_job: 300 }));
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]), Err(BadRecord::Short), "{end}");
        }
    }

    #[test]
    fn a_newer_record_is_named_so() {
        let mut bytes = bytes_of(&ToWrite::Head(Head { next_job: 300 }));
        bytes[8] = VERSION + 1;
        let checksum = crc32c::crc32c(&bytes[4..]).to_le_bytes();
        bytes[..4].copy_from_slice(&checksum);
        assert_eq!(decode(&bytes), Err(BadRecord::Newer(VERSION + 1)));
    }
}
