//! A table, where it is kept and who watches it: the one place where a change is staged, written, made visible and
//! told, in this order.

use super::Medium;
use super::members::Heard;
use crate::table::{Effects, Now, Op, Staged, Table, Write};
use crate::{StoreResult, TimeSource, Watcher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing::warn;

/// How many writes are made visible under one lock: some hundredths of a millisecond.
const COMMIT_STEP: usize = 64;

/// A table and where it is kept.
pub struct Shared<M: Medium> {
    table: Mutex<Table<M::Place>>,
    /// Where the records lie.
    pub medium: M,
    time: Arc<dyn TimeSource>,
    /// Replaced as a whole, so that nobody is told under the lock.
    watchers: Mutex<Arc<[Arc<dyn Watcher>]>>,
    pub(super) heard: Heard,
}

impl<M: Medium> Shared<M> {
    pub(super) fn new(table: Table<M::Place>, medium: M, time: Arc<dyn TimeSource>) -> Self {
        Self {
            table: Mutex::new(table),
            medium,
            time,
            watchers: Mutex::default(),
            heard: Heard::default(),
        }
    }

    /// What both clocks read.
    pub fn now(&self) -> Now {
        Now {
            wall: self.time.wall(),
            mono: self.time.monotonic(),
        }
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table<M::Place>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks into the table, or points it at records that the medium has moved.
    pub fn with_table<R>(&self, with: impl FnOnce(&mut Table<M::Place>) -> R) -> R {
        with(&mut self.table())
    }

    /// Stages, writes and commits changes as one unit, and tells the watchers. Gives the answers in order; a change
    /// that has to wait for another of the same call comes back as [`Staged::Later`]. To be called by one thread at a
    /// time.
    pub fn apply(&self, ops: Vec<Op>) -> StoreResult<Vec<Staged>> {
        // After a failed write jobs are left staged for good: nothing may be answered from such a table.
        self.medium.health()?;
        let mut writes = Vec::with_capacity(ops.len());
        let mut staged = Vec::with_capacity(ops.len());
        let room = self.medium.has_room();
        let now = self.now();
        {
            let mut table = self.table();
            for op in ops {
                staged.push(table.stage(op, now, room, &self.medium, &mut writes)?);
            }
        }
        #[cfg(mutant = "settle_before_result")]
        self.publish(writes.clone(), self.medium.foresee(&writes));
        let places = if writes.is_empty() {
            Vec::new()
        } else {
            self.medium.write(&writes)?
        };
        if cfg!(not(mutant = "settle_before_result")) {
            self.publish(writes, places);
        }
        Ok(staged)
    }

    /// Makes what is durable visible, and tells the watchers.
    fn publish(&self, writes: Vec<Write<M::Place>>, places: Vec<(M::Place, u32)>) {
        let mut placed = writes
            .into_iter()
            .zip(places)
            .map(|(write, (place, len))| (write, place, len));
        let now = self.now();
        let mut effects = Effects::default();
        // In steps: workers that start their next attempts need the table too.
        loop {
            let step: Vec<_> = placed.by_ref().take(COMMIT_STEP).collect();
            let is_last = step.len() < COMMIT_STEP;
            effects.add(self.table().commit(step, now));
            if is_last {
                break;
            }
        }
        if let Some(window) = effects.id_window {
            warn!(
                ?window,
                "more ids than can be remembered: a repeat after this long runs again"
            );
        }
        let watchers = Arc::clone(&self.watchers());
        for watcher in watchers.iter() {
            if effects.work {
                watcher.work();
            }
            if !effects.finished.is_empty() {
                watcher.finished(&effects.finished);
            }
            if !effects.cancel_requested.is_empty() {
                watcher.cancel_requested(&effects.cancel_requested);
            }
        }
    }

    pub(super) fn watch(&self, watcher: Arc<dyn Watcher>) {
        let mut watchers = self.watchers();
        *watchers = watchers.iter().cloned().chain([watcher]).collect();
    }

    fn watchers(&self) -> MutexGuard<'_, Arc<[Arc<dyn Watcher>]>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is something to do for [`Op::Expire`].
    pub fn has_ended_leases(&self) -> bool {
        let now = self.now();
        self.table().has_ended_leases(now)
    }
}
