//! Where a job stands, in 16 bytes, and sorted sets of that. Knows nothing of jobs. The timeline and every ready queue are
//! such sets: with a million jobs waiting, each byte of an entry is a megabyte.

use super::living::Slot;
use poulpe_job::Timestamp;
use std::collections::BTreeMap;

const DUE_BITS: u32 = 46;
const SEQUENCE_BITS: u32 = 46;

/// How many orders a chunk has room for: a kilobyte, moved within nanoseconds.
const CHUNK: usize = 64;

/// Where a job stands: by rank, due time and acceptance, with its slot behind. From the top: 4 bits of rank, 46 of due
/// time, 46 of sequence, 32 of slot. Due times are clamped to 1,100 years around 1970, within which nobody can tell;
/// jobs beyond are in order of acceptance. Sequences may wrap, after 70 million million jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order(u128);

impl Order {
    pub(super) fn new(rank: u8, due: Timestamp, sequence: u64, slot: Slot) -> Self {
        debug_assert!(rank < 16, "ranks go from 0 to 9");
        const EARLIEST: i64 = -(1 << (DUE_BITS - 1));
        let due = due.as_millis().clamp(EARLIEST, -EARLIEST - 1) - EARLIEST;
        let sequence = sequence & ((1 << SEQUENCE_BITS) - 1);
        let mut order = u128::from(rank);
        order = (order << DUE_BITS) | u128::from(due.unsigned_abs());
        order = (order << SEQUENCE_BITS) | u128::from(sequence);
        Self((order << Slot::BITS) | u128::from(slot))
    }

    /// Where the first job that is due at this time or later stands.
    pub(super) fn first_due(due: Timestamp) -> Self {
        Self::new(0, due, 0, 0)
    }

    pub(super) fn slot(self) -> Slot {
        self.0 as Slot
    }
}

/// A sorted set in chunks. A B-tree of the standard library leaves its nodes half empty when all is added at the end, as
/// jobs mostly are; here the chunks behind stay full.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// By a lower bound of what is in them. None is empty.
    chunks: BTreeMap<Order, Vec<Order>>,
    len: usize,
}

impl Orders {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn first(&self) -> Option<Order> {
        let (_, chunk) = self.chunks.first_key_value()?;
        chunk.first().copied()
    }

    /// The first that isn't before `order`.
    pub(super) fn first_from(&self, order: Order) -> Option<Order> {
        let chunk = self.chunks.range(..=order).next_back();
        let within = chunk.and_then(|(_, chunk)| chunk.get(chunk.partition_point(|o| *o < order)));
        let behind = || self.chunks.range(order..).next()?.1.first();
        within.or_else(behind).copied()
    }

    pub(super) fn contains(&self, order: Order) -> bool {
        self.first_from(order) == Some(order)
    }

    pub(super) fn insert(&mut self, order: Order) {
        let Some(chunk) = self.chunk_mut(order) else {
            self.insert_first(order);
            return;
        };
        let Err(at) = chunk.binary_search(&order) else {
            return;
        };
        if chunk.len() < CHUNK {
            chunk.insert(at, order);
            self.len += 1;
            return;
        }
        // What comes at the end leaves a full chunk behind; else there will be more in between.
        if at == CHUNK {
            self.chunks.insert(order, vec![order]);
            self.len += 1;
            return;
        }
        let upper = chunk.split_off(CHUNK / 2);
        self.chunks.insert(upper[0], upper);
        self.insert(order);
    }

    /// The chunk that it belongs into. Looked for at the end first, where most are added.
    fn chunk_mut(&mut self, order: Order) -> Option<&mut Vec<Order>> {
        let last = self.chunks.last_key_value();
        if last.is_some_and(|(bound, _)| *bound <= order) {
            return self.chunks.last_entry().map(|last| last.into_mut());
        }
        let chunk = self.chunks.range_mut(..=order).next_back();
        chunk.map(|(_, chunk)| chunk)
    }

    /// Inserts what is before all chunks.
    fn insert_first(&mut self, order: Order) {
        self.len += 1;
        match self.chunks.pop_first() {
            Some((_, mut chunk)) if chunk.len() < CHUNK => {
                chunk.insert(0, order);
                self.chunks.insert(order, chunk);
            }
            full => {
                self.chunks.extend(full);
                self.chunks.insert(order, vec![order]);
            }
        }
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, order: Order) -> bool {
        let Some((&bound, chunk)) = self.chunks.range_mut(..=order).next_back() else {
            return false;
        };
        let Ok(at) = chunk.binary_search(&order) else {
            return false;
        };
        chunk.remove(at);
        self.len -= 1;
        if chunk.is_empty() {
            self.chunks.remove(&bound);
        } else if chunk.len() < CHUNK / 4 {
            self.join(bound);
        }
        true
    }

    /// Joins a chunk that is nearly empty to the one before, so that few orders don't hold many chunks.
    fn join(&mut self, bound: Order) {
        let mut until = self.chunks.range_mut(..=bound);
        let (Some((_, chunk)), Some((_, before))) = (until.next_back(), until.next_back()) else {
            return;
        };
        if before.len() + chunk.len() <= CHUNK / 2 {
            before.append(chunk);
            self.chunks.remove(&bound);
        }
    }
}

#[cfg(test)]
mod tests;
