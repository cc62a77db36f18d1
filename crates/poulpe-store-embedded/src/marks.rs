//! Start marks: which attempts run, for the case that the process dies. Files of their own, written in turn and never
//! synced: in the log, or in one file for all, workers would wait for each other. Read at an opening only.

use crate::disk::{self, Disk, DiskFile};
use crate::log::lock;
use crate::record::{self, Logged, ToWrite};
use poulpe_store::table::StartMark;
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// How many pairs of files there are. Jobs are spread over them by their sequence, so that workers seldom meet in one.
const PAIRS: u64 = 4;

/// The bytes of a slot, which holds one mark: its record with the longest id takes fewer.
const SLOT: usize = 256;

/// The slots of a file. All are there from the start, so that a full disk stops no attempt.
const SLOTS: u64 = 2_048;

/// Which file is written, and where.
struct Turn {
    current: usize,
    /// The next slot. Taken without waiting for each other: every slot is read by itself.
    next: AtomicU64,
    slots: u64,
}

/// The start marks of this process.
pub(crate) struct Marks {
    pairs: Vec<Pair>,
}

/// Two files that are written in turn.
struct Pair {
    files: [Arc<dyn DiskFile>; 2],
    /// Held for reading while a slot is written, so that no slow writer finds its slot used again.
    turn: RwLock<Turn>,
    /// Marks of attempts without a verdict. They move along when the files take turns; all others count no more.
    open: Mutex<HashMap<u64, StartMark>>,
}

impl Marks {
    /// Opens the files, and gives the marks of the previous process. Most are stale: a mark counts only for a job whose
    /// record knows of fewer hand-outs, which is what [`restore_start`](poulpe_store::table::Table::restore_start)
    /// looks at.
    pub(crate) fn open(disk: &dyn Disk, names: &[String]) -> io::Result<(Self, Vec<StartMark>)> {
        let mut found = Vec::new();
        let pairs = (0..PAIRS).map(|pair| Pair::open(disk, names, pair, &mut found));
        let pairs = pairs.collect::<io::Result<_>>()?;
        Ok((Self { pairs }, found))
    }

    /// Writes a mark so that it survives the process.
    pub(crate) fn write(&self, mark: StartMark) -> io::Result<()> {
        let pair = self.pair(mark.sequence);
        let bytes = slot(&mark)?;
        lock(&pair.open).insert(mark.sequence, mark);
        while !pair.put(&bytes)? {}
        Ok(())
    }

    /// Records that tell more than the marks of these jobs are durable.
    pub(crate) fn settled(&self, sequences: impl Iterator<Item = u64>) {
        for sequence in sequences {
            lock(&self.pair(sequence).open).remove(&sequence);
        }
    }

    fn pair(&self, sequence: u64) -> &Pair {
        &self.pairs[(sequence % PAIRS) as usize]
    }
}

impl Pair {
    fn open(
        disk: &dyn Disk,
        names: &[String],
        pair: u64,
        found: &mut Vec<StartMark>,
    ) -> io::Result<Self> {
        let mut opened = |turn: u64| -> io::Result<Arc<dyn DiskFile>> {
            let name = format!("marks.{pair}.{turn}");
            let is_there = names.contains(&name);
            let file = if is_there {
                disk.open(&name)?
            } else {
                disk.create(&name)?
            };
            found.extend(read(&*file)?);
            if file.len()? < SLOTS * SLOT as u64 {
                zero(&*file)?;
            }
            Ok(file)
        };
        let files = [opened(0)?, opened(1)?];
        let turn = Turn {
            current: 0,
            next: AtomicU64::new(0),
            slots: SLOTS,
        };
        Ok(Self {
            files,
            turn: RwLock::new(turn),
            open: Mutex::default(),
        })
    }

    /// Writes a slot; false if the file was full, and the other's turn has begun.
    fn put(&self, bytes: &[u8]) -> io::Result<bool> {
        let turn = self.turn.read().unwrap_or_else(PoisonError::into_inner);
        let current = turn.current;
        let at = turn.next.fetch_add(1, Ordering::Relaxed);
        if at < turn.slots {
            self.files[current].write(bytes, at * SLOT as u64)?;
            return Ok(true);
        }
        drop(turn);
        self.take_turns(current)?;
        Ok(false)
    }

    /// Goes on in the other file. Nothing in that one counts any more: what does is written there first.
    fn take_turns(&self, full: usize) -> io::Result<()> {
        let mut turn = self.turn.write().unwrap_or_else(PoisonError::into_inner);
        if turn.current != full {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let mut count = 0;
        for mark in lock(&self.open).values() {
            bytes.extend_from_slice(&slot(mark)?);
            count += 1;
        }
        let other = 1 - full;
        self.files[other].write(&bytes, 0)?;
        turn.current = other;
        turn.next = AtomicU64::new(count);
        // With very many verdicts on their way the file grows rather than being full at once again.
        turn.slots = SLOTS.max(2 * count);
        Ok(())
    }
}

/// Fills a file with zeros. Page by page: written at once they would become one large folio of the page cache, all of
/// which ext4 walks through at each small write into it.
fn zero(file: &dyn DiskFile) -> io::Result<()> {
    const PAGE: usize = 4096;
    for offset in (0..SLOTS * SLOT as u64).step_by(PAGE) {
        file.write(&[0; PAGE], offset)?;
    }
    file.sync()
}

/// The bytes of a mark's slot.
fn slot(mark: &StartMark) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(SLOT);
    record::encode(&ToWrite::Start(mark), &mut bytes).map_err(io::Error::other)?;
    if bytes.len() > SLOT {
        return Err(io::Error::other("a start mark is longer than its slot"));
    }
    bytes.resize(SLOT, 0);
    Ok(bytes)
}

/// The marks in the files among these. Changes nothing.
pub(crate) fn look(disk: &dyn Disk, names: &[String]) -> io::Result<Vec<StartMark>> {
    let mut found = Vec::new();
    for name in names.iter().filter(|name| is_marks(name)) {
        found.extend(read(&*disk.open(name)?)?);
    }
    Ok(found)
}

/// Whether a file of this name is one of marks.
pub(crate) fn is_marks(name: &str) -> bool {
    let mut known = (0..PAIRS).flat_map(|pair| [0, 1].map(|turn| format!("marks.{pair}.{turn}")));
    known.any(|other| other == name)
}

/// The marks of a file. A slot that holds none is passed over: zeros, or what a power cut left.
fn read(file: &dyn DiskFile) -> io::Result<Vec<StartMark>> {
    let bytes = disk::contents(file)?;
    let slots = bytes.chunks(SLOT);
    let marks = slots.filter_map(|slot| match record::decode(slot) {
        Ok((Logged::Start(mark), _)) => Some(mark),
        _ => None,
    });
    Ok(marks.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;
    use poulpe_job::JobId;

    fn mark(sequence: u64) -> StartMark {
        let id = JobId::new(&format!("job {sequence}")).expect("an id");
        StartMark {
            id,
            sequence,
            claims: 1,
            attempt: 1,
        }
    }

    fn open(dir: &std::path::Path) -> (Marks, Vec<StartMark>) {
        let disk = RealDisk::open(dir).expect("a directory");
        let names = disk.list().expect("names");
        Marks::open(&disk, &names).expect("it opens")
    }

    #[test]
    fn marks_are_found_by_the_next_process() {
        let dir = tempfile::tempdir().expect("a directory");
        let (marks, found) = open(dir.path());
        assert_eq!(found, []);
        for sequence in 1..=3 {
            marks.write(mark(sequence)).expect("room");
        }
        let mut found = open(dir.path()).1;
        found.sort_by_key(|mark| mark.sequence);
        assert_eq!(found, [mark(1), mark(2), mark(3)]);
    }

    #[test]
    fn the_longest_id_fits_a_slot() {
        let id = JobId::new(&"x".repeat(poulpe_job::MAX_ID_BYTES)).expect("an id");
        let (sequence, claims, attempt) = (u64::MAX, u32::MAX, u32::MAX);
        let mark = StartMark {
            id,
            sequence,
            claims,
            attempt,
        };
        assert!(slot(&mark).is_ok());
    }

    #[test]
    fn more_open_marks_than_slots_are_all_kept() {
        let dir = tempfile::tempdir().expect("a directory");
        let (marks, _) = open(dir.path());
        let count = 3 * PAIRS * SLOTS;
        for sequence in 1..=count {
            marks.write(mark(sequence)).expect("room");
        }
        let (_, found) = open(dir.path());
        let distinct: std::collections::HashSet<u64> =
            found.iter().map(|mark| mark.sequence).collect();
        assert_eq!(distinct.len() as u64, count);
    }

    #[test]
    fn an_attempt_that_runs_on_is_marked_however_often_the_files_take_turns() {
        let dir = tempfile::tempdir().expect("a directory");
        let (marks, _) = open(dir.path());
        marks.write(mark(1)).expect("room");
        for sequence in 2..50_000 {
            marks.write(mark(sequence)).expect("room");
            marks.settled(std::iter::once(sequence));
        }
        let (_, found) = open(dir.path());
        assert!(found.contains(&mark(1)) && found.contains(&mark(49_999)));
        let most = (2 * PAIRS * SLOTS) as usize;
        assert!(found.len() <= most, "the files are reused: {}", found.len());
    }
}
