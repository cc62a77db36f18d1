//! What must hold of any bytes that are read as a segment. Called by `fuzz/` alone, which makes them up; never touches
//! a file. The first byte of an input says how the rest is understood, as most of what can go wrong lies behind
//! checksums that no fuzzer guesses.

use crate::disk::DiskFile;
use crate::frame::{self, ALIGN, Draft, Found};
use crate::frames::{Frames, Trouble};
use crate::record::{self, BadRecord, Logged, Peeked, ToWrite};
use crate::scan::{self, At, Bad, Next, Valid};
use serde::de::DeserializeOwned;
use std::io;
use std::ops::Range;

/// The segment that all frames belong to.
const SEGMENT: u32 = 1;

/// Panics if the input shows that reading is wrong.
#[doc(hidden)]
pub fn fuzz(input: &[u8]) {
    let Some((mode, rest)) = input.split_first() else {
        return;
    };
    match mode % 4 {
        0 => check_segment(rest),
        1 => {
            let mut bytes = rest.to_vec();
            mend_segment(&mut bytes);
            check_segment(&bytes);
        }
        2 => check_record_of(rest),
        _ => check_written(rest),
    }
}

/// Whatever the bytes are: what is read from them lies in them, and every way to read gives the same.
fn check_segment(bytes: &[u8]) {
    check_frames(bytes, bytes.len() as u64);
    let Ok(valid) = scan::segment(bytes, SEGMENT, Next::Nothing) else {
        // It may still be asked for as one that isn't the last.
        for first in [0, 1, u64::MAX] {
            for next in [Next::Adjacent(first), Next::Later(first)] {
                if let Ok(valid) = scan::segment(bytes, SEGMENT, next) {
                    check_valid(bytes, &valid);
                }
            }
        }
        return;
    };
    check_valid(bytes, &valid);
    let proven = &valid.frames[..valid.proven];
    let Some(last) = proven.last() else {
        return;
    };
    let Some(first) = last.header.sequence.checked_add(1) else {
        return;
    };
    // The rest is carried into a next segment and cut: before and after the cut, only what was proven counts.
    let cut = &bytes[..bytes.len().min(last.end() as usize)];
    for (bytes, next) in [
        (bytes, Next::Adjacent(first)),
        (cut, Next::Adjacent(first)),
        (cut, Next::Later(first)),
    ] {
        let kept = scan::segment(bytes, SEGMENT, next).expect("what is proven can be read");
        assert_eq!(kept.frames, proven, "{next:?}");
    }
    if last.end() <= bytes.len() as u64 {
        let read = check_frames(bytes, last.end());
        assert_eq!(read, proven.len(), "frames read one by one");
    }
}

/// Frames one behind the other, within the bytes.
fn check_valid(bytes: &[u8], valid: &Valid) {
    assert!(!valid.frames.is_empty() && valid.proven <= valid.frames.len());
    let mut end = 0;
    let mut before = None;
    for at in &valid.frames {
        assert_eq!(at.offset, end, "a gap, or an overlap");
        assert_eq!(at.header.segment, SEGMENT);
        let found = frame::find(bytes, at.offset as usize);
        assert_eq!(found, Found::Frame(at.header));
        if let Some(before) = before {
            assert_eq!(Some(at.header.sequence), u64::checked_add(before, 1));
        }
        check_records(&bytes[at.records()]);
        before = Some(at.header.sequence);
        end = at.end();
        assert!(end.is_multiple_of(ALIGN as u64));
    }
    assert!(end.min(bytes.len() as u64) + valid.torn <= bytes.len() as u64);
}

/// Reads frames as cleaning does, up to `end`; each must be what is found at its offset. Gives how many there are.
fn check_frames(bytes: &[u8], end: u64) -> usize {
    let file = Bytes(bytes);
    let mut frames = Frames::of(&file, SEGMENT, end);
    let mut here = 0;
    let mut count = 0;
    loop {
        match frames.next() {
            Ok(None) => {
                assert!(here >= end);
                return count;
            }
            Ok(Some(read)) => {
                assert_eq!(read.offset, here + frame::HEADER as u64);
                let header = read.header;
                assert_eq!(frame::find(bytes, here as usize), Found::Frame(header));
                let at = At {
                    offset: here,
                    header,
                };
                assert!(read.records == &bytes[at.records()]);
                here = at.end();
                count += 1;
            }
            Err(Trouble::Newer(version)) => {
                assert_eq!(frame::find(bytes, here as usize), Found::Newer(version));
                return count;
            }
            Err(Trouble::Bad(offset)) => {
                assert_eq!(offset, here);
                if let Found::Frame(header) = frame::find(bytes, here as usize) {
                    let is_cut = here + header.size() > end;
                    assert!(is_cut || header.segment != SEGMENT, "a good frame is bad");
                }
                return count;
            }
            Err(Trouble::Io(error)) => panic!("read outside of the file: {error}"),
        }
    }
}

/// The records of a frame, as far as they can be read. Gives them, and whether they are all.
fn check_records(bytes: &[u8]) -> (Vec<Logged>, bool) {
    let mut all = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let Ok((logged, len)) = check_record(&bytes[at..]) else {
            return (all, false);
        };
        all.push(logged);
        at += len as usize;
    }
    assert_eq!(at, bytes.len(), "the last record reaches beyond its frame");
    (all, true)
}

/// One record: peeking at it agrees with reading it, and what was read can be written and is read again.
fn check_record(bytes: &[u8]) -> Result<(Logged, u32), BadRecord> {
    let peeked = record::peek(bytes);
    let (logged, len) = record::decode(bytes)?;
    assert!(len as usize >= record::HEADER && len as usize <= bytes.len());
    let about = match &logged {
        Logged::Put(sequence, record) => Peeked::Job(*sequence, record.job.id.as_str()),
        Logged::End(sequence, end) => Peeked::Job(*sequence, end.id.as_str()),
        Logged::Checkpoint(name, _) => Peeked::Checkpoint(name),
        Logged::Head(_) | Logged::Start(_) => Peeked::Other,
    };
    assert_eq!(peeked, Ok((about, len)));
    let mut again = Vec::new();
    let written = record::encode(&to_write(&logged), &mut again).expect("it was read");
    assert_eq!(written as usize, again.len());
    assert!(written <= len, "what is written is the shortest form");
    let read = record::decode(&again).expect("it was written");
    assert_eq!((&read.0, read.1), (&logged, written));
    Ok((logged, len))
}

/// A kind and a body that may be anything, behind a header that is right.
fn check_record_of(input: &[u8]) {
    let Some((kind, body)) = input.split_first() else {
        return;
    };
    let mut bytes = vec![0; record::HEADER];
    bytes.extend_from_slice(body);
    bytes[4..8].copy_from_slice(&(body.len() as u32).to_le_bytes());
    // The version is taken from the kind, so that newer ones come up too.
    bytes[8] = kind >> 4;
    bytes[9] = kind & 0xf;
    mend_record(&mut bytes);
    let _ = check_record(&bytes);
}

/// Records in frames are read as they were written; and whatever one burst of errors does to them, none is read that
/// wasn't written, and none that is known synced is missed.
fn check_written(input: &[u8]) {
    let Some((damage, rest)) = input.split_first_chunk::<7>() else {
        return;
    };
    let [at_low, at_high, by, mask @ ..] = *damage;
    let written = frames_of(rest, by >> 4);
    let mut bytes = written.bytes;
    if written.ends.is_empty() {
        return;
    }
    let valid = scan::segment(&bytes, SEGMENT, Next::Nothing).expect("it was written");
    assert_eq!((valid.frames.len(), valid.torn), (written.ends.len(), 0));
    check_segment(&bytes);
    for (at, records) in valid.frames.iter().zip(&written.records) {
        assert_eq!(at.header.records as usize, records.len());
        let (read, is_all) = check_records(&bytes[at.records()]);
        assert!(is_all && read == *records, "decode(encode(x)) is x");
    }
    let at = usize::from(u16::from_le_bytes([at_low, at_high])) % bytes.len();
    let harmed = harm(&mut bytes, &valid.frames, at, mask);
    check_harmed(&bytes, &valid.frames, harmed);
}

/// Flips bits of up to four bytes from `at` on; gives the frame that they belong to, if one has changed. A checksum of
/// 32 bits sees each such burst. It needn't see one that changes both a checksum and what is behind it.
fn harm(bytes: &mut [u8], frames: &[At], at: usize, mask: [u8; 4]) -> Option<usize> {
    let index = frames
        .iter()
        .rposition(|frame| frame.offset as usize <= at)?;
    let start = frames[index].offset as usize;
    let checksum: Range<usize> = start + 4..start + 8;
    let mut end = frames[index].records().end.min(at + mask.len());
    if checksum.contains(&at) {
        end = end.min(checksum.end);
    }
    let mut is_changed = false;
    for (offset, flips) in (at..end).zip(mask) {
        bytes[offset] ^= flips;
        is_changed |= flips != 0;
    }
    is_changed.then_some(index)
}

fn check_harmed(bytes: &[u8], written: &[At], harmed: Option<usize>) {
    let readable = harmed.unwrap_or(written.len());
    let unharmed = || {
        let indexed = written.iter().enumerate();
        indexed.filter(|(index, _)| Some(*index) != harmed)
    };
    let synced = unharmed().map(|(_, at)| at.header.synced).max();
    let is_damage = written
        .get(readable)
        .is_some_and(|at| readable == 0 || synced.is_some_and(|synced| at.offset < synced));
    // A frame inside a record's bytes may pass for one of the log's own: no client can send one.
    let starts = (0..bytes.len()).step_by(ALIGN);
    let claims = starts.filter(|start| frame::claimed_size(&bytes[*start..]).is_some());
    let has_fakes = claims.count() > written.len();
    match scan::segment(bytes, SEGMENT, Next::Nothing) {
        Ok(valid) => {
            check_valid(bytes, &valid);
            assert!(!is_damage, "synced frames are missed");
            assert_eq!(valid.frames, written[..readable]);
        }
        Err(Bad::Damaged { .. }) => assert!(is_damage || has_fakes, "a torn tail is damage"),
        Err(Bad::Newer(version)) => assert!(has_fakes, "version {version} wasn't written"),
    }
}

/// Frames of a segment, and what was written into them.
#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    ends: Vec<u64>,
    records: Vec<Vec<Logged>>,
}

/// Understands an input as records, each a kind and a body; a kind that isn't one ends a frame. Each frame knows the
/// one `lag` + 1 before it synced.
fn frames_of(mut input: &[u8], lag: u8) -> Written {
    let mut written = Written::default();
    while !input.is_empty() {
        let mut draft = Draft::default();
        draft.clear();
        let mut records = Vec::new();
        while let Some(logged) = next_record(&mut input) {
            draft.add(&to_write(&logged)).expect("it is small");
            records.push(logged);
        }
        let number = written.ends.len();
        let known = number.checked_sub(usize::from(lag) + 1);
        let synced = known.map_or(0, |known| written.ends[known]);
        let checksum = draft.checksum();
        let sealed = draft.seal(checksum, SEGMENT, number as u64 + 1, synced);
        written.bytes.extend_from_slice(sealed);
        let end = frame::padded(written.bytes.len());
        written.bytes.resize(end as usize, 0);
        written.ends.push(end);
        written.records.push(records);
    }
    written
}

fn next_record(input: &mut &[u8]) -> Option<Logged> {
    let (kind, body) = input.split_first()?;
    *input = body;
    match kind {
        1 => take(input).map(Logged::Head),
        2 => take(input).map(|(sequence, record)| Logged::Put(sequence, record)),
        3 => take(input).map(|(sequence, end)| Logged::End(sequence, end)),
        4 => take(input).map(Logged::Start),
        5 => take(input).map(|(name, value)| Logged::Checkpoint(name, value)),
        _ => None,
    }
}

fn take<T: DeserializeOwned>(input: &mut &[u8]) -> Option<T> {
    let (value, rest) = postcard::take_from_bytes(input).ok()?;
    *input = rest;
    Some(value)
}

fn to_write(logged: &Logged) -> ToWrite<'_> {
    match logged {
        Logged::Head(head) => ToWrite::Head(*head),
        Logged::Put(sequence, record) => ToWrite::Put(*sequence, record),
        Logged::End(sequence, end) => ToWrite::End(*sequence, end),
        Logged::Start(mark) => ToWrite::Start(mark),
        Logged::Checkpoint(name, value) => ToWrite::Checkpoint(name, value),
    }
}

/// Makes the checksums right of all that looks like a frame, and of all in it that looks like a record.
fn mend_segment(bytes: &mut [u8]) {
    let mut offset = 0;
    while let Some(rest) = bytes.get_mut(offset..).filter(|rest| !rest.is_empty()) {
        let fits = frame::claimed_size(rest).filter(|_| {
            let len = u32::from_le_bytes([rest[8], rest[9], rest[10], rest[11]]);
            len as usize <= rest.len() - frame::HEADER
        });
        let Some(size) = fits else {
            offset += ALIGN;
            continue;
        };
        let len = u32::from_le_bytes([rest[8], rest[9], rest[10], rest[11]]) as usize;
        let records = &mut rest[frame::HEADER..][..len];
        let mut at = 0;
        while let Some(whole) = records.get_mut(at..).and_then(mend_record) {
            at += whole;
        }
        let checksum = crc32c::crc32c(records);
        let checksum = crc32c::crc32c_append(checksum, &rest[8..frame::HEADER]);
        rest[4..8].copy_from_slice(&checksum.to_le_bytes());
        offset += size as usize;
    }
}

/// Makes the checksum right of the record at the start of `bytes`, if all of it is there; gives its length.
fn mend_record(bytes: &mut [u8]) -> Option<usize> {
    let header = bytes.first_chunk::<{ record::HEADER }>()?;
    let [_, _, _, _, l0, l1, l2, l3, ..] = *header;
    let whole = record::HEADER + u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    let checksum = crc32c::crc32c(bytes.get(4..whole)?);
    bytes[..4].copy_from_slice(&checksum.to_le_bytes());
    Some(whole)
}

/// A file that is read.
struct Bytes<'a>(&'a [u8]);

impl DiskFile for Bytes<'_> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let start = offset as usize;
        let bytes = self.0.get(start..start + buffer.len());
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
