//! A disk in memory that loses power. What was synced stays; of what wasn't, any sectors in any order, any lengths, and
//! any of the directory's changes in any order.

use crate::disk::{Disk, DiskFile};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The kernel goes on, and with it what it holds in memory.
    Killed,
    /// All that wasn't synced is at the mercy of the disk.
    PowerCut,
}

enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

#[derive(Default)]
struct Content {
    synced: Vec<u8>,
    now: Vec<u8>,
    unsynced: Vec<Change>,
}

enum Entry {
    Link(String, u64),
    Rename(String, String, u64),
    Unlink(String, u64),
}

#[derive(Default)]
struct State {
    files: HashMap<u64, Content>,
    next_file: u64,
    synced_names: BTreeMap<String, u64>,
    names: BTreeMap<String, u64>,
    unsynced: Vec<Entry>,
    /// How many more operations succeed.
    fuse: u64,
    /// No file can become longer.
    is_full: bool,
}

/// See the head of this file.
#[derive(Clone, Default)]
pub(super) struct SimDisk {
    state: Arc<Mutex<State>>,
}

struct SimFile {
    state: Arc<Mutex<State>>,
    file: u64,
}

impl SimDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    /// From so many operations on, none succeeds. Gives how many there were left before.
    pub(super) fn burn(&self, fuse: u64) -> u64 {
        std::mem::replace(&mut self.state().fuse, fuse)
    }

    /// Fills the disk to the brim, or makes room again.
    pub(super) fn fill_up(&self, is_full: bool) {
        self.state().is_full = is_full;
    }

    pub(super) fn is_full(&self) -> bool {
        self.state().is_full
    }

    pub(super) fn is_dead(&self) -> bool {
        self.state().fuse == 0
    }

    /// What the next process finds.
    pub(super) fn after(&self, end: End, dice: &mut StdRng) -> Self {
        let mut state = std::mem::take(&mut *self.state());
        if end == End::PowerCut {
            state.lose_power(dice);
        }
        state.is_full = false;
        let (now, synced) = (&state.names, &state.synced_names);
        let named: HashSet<u64> = now.values().chain(synced.values()).copied().collect();
        let unsynced = !state.unsynced.is_empty();
        state
            .files
            .retain(|file, _| unsynced || named.contains(file));
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }
}

impl State {
    fn operate(&mut self) -> io::Result<()> {
        if self.fuse == 0 {
            return Err(io::Error::other("the power is out"));
        }
        self.fuse -= 1;
        Ok(())
    }

    fn content(&mut self, file: u64) -> &mut Content {
        self.files.get_mut(&file).expect("a file")
    }

    fn lose_power(&mut self, dice: &mut StdRng) {
        // All, none, or some.
        let kept = [0.0, 0.5, 0.9, 1.0][dice.random_range(0..4)];
        let mut entries = std::mem::take(&mut self.unsynced);
        entries.shuffle(dice);
        let mut names = std::mem::take(&mut self.synced_names);
        for entry in entries {
            if dice.random_bool(kept) {
                entry.apply(&mut names);
            }
        }
        self.synced_names.clone_from(&names);
        self.names = names;
        let mut files: Vec<u64> = self.files.keys().copied().collect();
        files.sort_unstable();
        for file in files {
            self.content(file).lose_power(kept, dice);
        }
    }
}

impl Entry {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Link(name, file) => {
                names.insert(name.clone(), *file);
            }
            Self::Rename(from, to, file) => {
                if names.get(from) == Some(file) {
                    names.remove(from);
                }
                names.insert(to.clone(), *file);
            }
            Self::Unlink(name, file) => {
                if names.get(name) == Some(file) {
                    names.remove(name);
                }
            }
        }
    }
}

impl Content {
    fn lose_power(&mut self, kept: f64, dice: &mut StdRng) {
        let mut bytes = std::mem::take(&mut self.synced);
        for change in std::mem::take(&mut self.unsynced) {
            match change {
                Change::Length(len) => {
                    if dice.random_bool(kept) {
                        bytes.resize(len, 0);
                    }
                }
                Change::Write(offset, written) => {
                    tear(&mut bytes, offset, &written, kept, dice);
                }
            }
        }
        self.synced.clone_from(&bytes);
        self.now = bytes;
    }
}

/// Writes some of the sectors.
fn tear(bytes: &mut Vec<u8>, offset: usize, written: &[u8], kept: f64, dice: &mut impl Rng) {
    let mut start = 0;
    while start < written.len() {
        let sector_end = (offset + start) / SECTOR * SECTOR + SECTOR;
        let end = (sector_end - offset).min(written.len());
        if dice.random_bool(kept) {
            put(bytes, offset + start, &written[start..end]);
        }
        start = end;
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, written: &[u8]) {
    let end = offset + written.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(written);
}

impl Disk for SimDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.operate()?;
        Ok(state.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.operate()?;
        let file = state.next_file;
        state.next_file += 1;
        state.files.insert(file, Content::default());
        state.names.insert(name.into(), file);
        state.unsynced.push(Entry::Link(name.into(), file));
        Ok(Arc::new(SimFile {
            state: Arc::clone(&self.state),
            file,
        }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.operate()?;
        let found = state.names.get(name).copied();
        let file = found.ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(SimFile {
            state: Arc::clone(&self.state),
            file,
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.operate()?;
        let file = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.into(), file);
        let entry = Entry::Rename(from.into(), to.into(), file);
        state.unsynced.push(entry);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.operate()?;
        let file = state.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        state.unsynced.push(Entry::Unlink(name.into(), file));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state();
        state.operate()?;
        state.unsynced.clear();
        state.synced_names = state.names.clone();
        Ok(())
    }
}

impl SimFile {
    fn operate<T>(&self, operate: impl FnOnce(&mut Content) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state.lock().expect("no panic");
        state.operate()?;
        operate(state.content(self.file))
    }
}

impl DiskFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        self.operate(|content| Ok(content.now.len() as u64))
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.operate(|content| {
            let start = offset as usize;
            let bytes = content.now.get(start..start + buffer.len());
            buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let offset = offset as usize;
        let is_full = self.state.lock().expect("no panic").is_full;
        self.operate(|content| {
            if is_full && offset + bytes.len() > content.now.len() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            content.unsynced.push(Change::Write(offset, bytes.to_vec()));
            put(&mut content.now, offset, bytes);
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.operate(|content| {
            content.unsynced.push(Change::Length(len as usize));
            content.now.resize(len as usize, 0);
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.operate(|content| {
            for change in std::mem::take(&mut content.unsynced) {
                match change {
                    Change::Write(offset, bytes) => put(&mut content.synced, offset, &bytes),
                    Change::Length(len) => content.synced.resize(len, 0),
                }
            }
            Ok(())
        })
    }
}
