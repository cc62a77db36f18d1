//! The jobs that haven't ended, by id hash and by slot. Knows no order and no rule. Never copies a job to make room for
//! others, and gives memory back when many are gone.

use super::IdHash;
use super::entry::Living;
use hashbrown::HashTable;
use std::collections::BTreeSet;

/// Where a living job is kept, from its insertion to its removal.
pub(super) type Slot = u32;

/// How many jobs a chunk has room for: some 100 kB, so that a store holds little more than it needs.
const CHUNK: usize = 1_024;

/// An index with room for so few jobs isn't worth shrinking.
const SMALL_INDEX: usize = 4 * CHUNK;

struct Kept<P> {
    /// As bytes: aligned like a number of 128 bits, each job would take eight more.
    hash: [u8; 16],
    job: Living<P>,
}

struct Chunk<P> {
    /// Up to `CHUNK`, in a block of that size.
    jobs: Vec<Option<Kept<P>>>,
    /// Places of jobs that are gone.
    free: Vec<u16>,
}

/// Every living job.
pub(super) struct LivingJobs<P> {
    /// The slots, by the low half of the hash.
    index: HashTable<Slot>,
    chunks: Vec<Chunk<P>>,
    /// Chunks with room. The first is filled first, so that those behind become empty.
    open: BTreeSet<u32>,
    /// The first empty chunk keeps its block, so that jobs that come and go don't cost one each time.
    spare: Option<u32>,
}

impl<P> LivingJobs<P> {
    pub(super) fn new() -> Self {
        Self {
            index: HashTable::new(),
            chunks: Vec::new(),
            open: BTreeSet::new(),
            spare: None,
        }
    }

    /// The slot of the job with this id.
    pub(super) fn slot(&self, hash: &IdHash) -> Option<Slot> {
        let is_it = is_it(&self.chunks, hash);
        self.index.find(*hash as u64, is_it).copied()
    }

    pub(super) fn get(&self, hash: &IdHash) -> Option<&Living<P>> {
        self.at(self.slot(hash)?)
    }

    pub(super) fn get_mut(&mut self, hash: &IdHash) -> Option<&mut Living<P>> {
        self.at_mut(self.slot(hash)?)
    }

    pub(super) fn contains_key(&self, hash: &IdHash) -> bool {
        self.slot(hash).is_some()
    }

    pub(super) fn at(&self, slot: Slot) -> Option<&Living<P>> {
        kept(&self.chunks, slot).map(|kept| &kept.job)
    }

    pub(super) fn at_mut(&mut self, slot: Slot) -> Option<&mut Living<P>> {
        let (chunk, place) = split(slot);
        let kept = self.chunks.get_mut(chunk)?.jobs.get_mut(place)?.as_mut()?;
        Some(&mut kept.job)
    }

    /// The id hash of the job in this slot.
    pub(super) fn hash_at(&self, slot: Slot) -> Option<IdHash> {
        kept(&self.chunks, slot).map(|kept| IdHash::from_ne_bytes(kept.hash))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Living<P>> {
        let kept = self.chunks.iter().flat_map(|chunk| &chunk.jobs).flatten();
        kept.map(|kept| &kept.job)
    }

    /// Adds a job, or replaces the one with its id in its slot.
    pub(super) fn insert(&mut self, hash: IdHash, job: Living<P>) -> Slot {
        if let Some(slot) = self.slot(&hash) {
            if let Some(known) = self.at_mut(slot) {
                *known = job;
            }
            return slot;
        }
        if self.index.len() == self.index.capacity() {
            self.rebuild_index(2 * self.index.len() + 1);
        }
        let slot = self.put(Kept {
            hash: hash.to_ne_bytes(),
            job,
        });
        let chunks = &self.chunks;
        self.index
            .insert_unique(hash as u64, slot, |slot| low_half(chunks, *slot));
        slot
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// The first slot behind all that are used.
    pub(super) fn end(&self) -> Slot {
        (self.chunks.len() * CHUNK) as Slot
    }

    /// All of them, with id hash and slot.
    pub(super) fn slots(&self) -> impl Iterator<Item = (IdHash, Slot, &Living<P>)> {
        let chunks = self.chunks.iter().enumerate();
        chunks.flat_map(|(number, chunk)| {
            let slots = (number * CHUNK) as Slot..;
            let kept = slots.zip(&chunk.jobs);
            kept.filter_map(|(slot, kept)| {
                let kept = kept.as_ref()?;
                Some((IdHash::from_ne_bytes(kept.hash), slot, &kept.job))
            })
        })
    }

    pub(super) fn remove(&mut self, hash: &IdHash) -> Option<Living<P>> {
        let found = self
            .index
            .find_entry(*hash as u64, is_it(&self.chunks, hash));
        let (slot, _) = found.ok()?.remove();
        let kept = self.take(slot)?;
        let is_wasteful = self.index.capacity() > SMALL_INDEX.max(8 * self.index.len());
        if is_wasteful {
            self.rebuild_index(2 * self.index.len());
        }
        Some(kept.job)
    }

    /// Changes the size of the index. In the order of slots: the table's own way looks for each job's hash in the order
    /// of the index, which takes several times as long when they are many.
    fn rebuild_index(&mut self, room: usize) {
        let mut index = HashTable::with_capacity(room);
        let chunks = &self.chunks;
        for (number, chunk) in chunks.iter().enumerate() {
            let first = number * CHUNK;
            for (slot, kept) in (first as Slot..).zip(&chunk.jobs) {
                if let Some(kept) = kept {
                    index.insert_unique(kept.low_half(), slot, |slot| low_half(chunks, *slot));
                }
            }
        }
        self.index = index;
    }

    /// Puts a job into a free place.
    fn put(&mut self, kept: Kept<P>) -> Slot {
        let index = self.open.first().copied().unwrap_or_else(|| {
            let index = self.chunks.len() as u32;
            self.chunks.push(Chunk::new());
            self.open.insert(index);
            index
        });
        if self.spare == Some(index) {
            self.spare = None;
        }
        let chunk = &mut self.chunks[index as usize];
        let place = chunk.put(kept);
        if chunk.is_full() {
            self.open.remove(&index);
        }
        index * CHUNK as u32 + u32::from(place)
    }

    /// Takes the job out of a slot.
    fn take(&mut self, slot: Slot) -> Option<Kept<P>> {
        let (index, place) = split(slot);
        let chunk = self.chunks.get_mut(index)?;
        let kept = chunk.jobs.get_mut(place)?.take()?;
        chunk.free.push(place as u16);
        let is_empty = chunk.free.len() == chunk.jobs.len();
        self.open.insert(index as u32);
        if is_empty {
            self.empty(index as u32);
        }
        Some(kept)
    }

    /// Gives back the blocks of all empty chunks but the first.
    fn empty(&mut self, index: u32) {
        let chunk = &mut self.chunks[index as usize];
        chunk.jobs.clear();
        chunk.free.clear();
        let spare = self.spare.unwrap_or(index);
        let other = spare.max(index);
        self.spare = Some(spare.min(index));
        if self.spare != Some(other) {
            self.chunks[other as usize] = Chunk::new();
        }
    }
}

impl<P> Kept<P> {
    fn low_half(&self) -> u64 {
        IdHash::from_ne_bytes(self.hash) as u64
    }
}

impl<P> Chunk<P> {
    fn new() -> Self {
        Self {
            jobs: Vec::new(),
            free: Vec::new(),
        }
    }

    fn put(&mut self, kept: Kept<P>) -> u16 {
        if let Some(place) = self.free.pop() {
            self.jobs[place as usize] = Some(kept);
            return place;
        }
        if self.jobs.is_empty() {
            self.jobs.reserve_exact(CHUNK);
        }
        self.jobs.push(Some(kept));
        self.jobs.len() as u16 - 1
    }

    fn is_full(&self) -> bool {
        self.jobs.len() == CHUNK && self.free.is_empty()
    }
}

/// The chunk of a slot, and the place in it.
fn split(slot: Slot) -> (usize, usize) {
    (slot as usize / CHUNK, slot as usize % CHUNK)
}

fn kept<P>(chunks: &[Chunk<P>], slot: Slot) -> Option<&Kept<P>> {
    let (chunk, place) = split(slot);
    chunks.get(chunk)?.jobs.get(place)?.as_ref()
}

fn is_it<P>(chunks: &[Chunk<P>], hash: &IdHash) -> impl Fn(&Slot) -> bool {
    let bytes = hash.to_ne_bytes();
    move |slot| kept(chunks, *slot).is_some_and(|kept| kept.hash == bytes)
}

fn low_half<P>(chunks: &[Chunk<P>], slot: Slot) -> u64 {
    kept(chunks, slot).map_or(0, Kept::low_half)
}

#[cfg(test)]
mod tests;
