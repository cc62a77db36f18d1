//! A disk in memory, as the medium of the real store: what it wrote survives the process, and each write may fail, stall
//! or be the last thing the process does. Never reorders or tears records; that is for the tests of the embedded store.

use crate::dice::Dice;
use crate::faults::{Actions, Faults};
use crate::history::{Fault, History, What};
use crate::log::{Durable, Log, Place, stored};
use crate::wire::Wire;
use poulpe_core::store::table::{Load, Now, Op, OpAnswer, Staged, StartMark, Stored, Table, Write};
use poulpe_core::store::{
    Limits, ManualTime, Medium, Shared, StoreError, StoreResult, StoreStats, TableStore, TimeSource,
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

pub(crate) type SimStore = TableStore<SimDisk>;

/// A change waits for those before it in its batch; a batch isn't that long.
const MAX_ROUNDS: u32 = 200;

type Slot = Arc<Mutex<Option<StoreResult<OpAnswer>>>>;

struct State {
    dice: Dice,
    faults: Faults,
    /// Changes that wait for the writer.
    queue: VecDeque<(Op, Slot)>,
    is_failed: bool,
    is_killed: bool,
}

/// The disk as one life of the daemon has it open.
pub(crate) struct SimDisk {
    log: Arc<Log>,
    state: Mutex<State>,
    actions: Arc<Actions>,
    wire: Arc<Wire>,
    history: Arc<History>,
    time: Arc<ManualTime>,
}

/// What a disk is put together from.
pub(crate) struct Parts {
    pub(crate) log: Arc<Log>,
    pub(crate) dice: Dice,
    pub(crate) faults: Faults,
    pub(crate) actions: Arc<Actions>,
    pub(crate) wire: Arc<Wire>,
    pub(crate) history: Arc<History>,
    pub(crate) time: Arc<ManualTime>,
}

/// Opens the store as a new process does: everything durable in order, then the leases of the process before.
pub(crate) fn open(parts: Parts) -> StoreResult<SimStore> {
    let Parts {
        log,
        dice,
        faults,
        actions,
        wire,
        history,
        time,
    } = parts;
    let limits = Limits {
        result_ttl: Duration::from_secs(10 * 365 * 86_400),
        ..Limits::default()
    };
    let now = Now {
        wall: time.wall(),
        mono: time.monotonic(),
    };
    let mut table = Table::new(limits);
    log.fill(&mut table, now);
    let state = State {
        dice,
        faults,
        queue: VecDeque::new(),
        is_failed: false,
        is_killed: false,
    };
    let disk = SimDisk {
        log,
        state: Mutex::new(state),
        actions,
        wire,
        history,
        time: time.clone(),
    };
    while table.has_ended_leases(now) {
        let mut writes = Vec::new();
        table.stage(Op::Expire, now, true, &disk, &mut writes)?;
        let places = disk.write(&writes)?;
        let placed = writes.into_iter().zip(places);
        table.commit(
            placed.map(|(w, (place, len))| (w, place, len)).collect(),
            now,
        );
    }
    Ok(TableStore::new(table, disk, time))
}

impl SimDisk {
    /// Writes what has come in since the last write, as one batch; what has to wait for that goes into the next.
    pub(crate) fn write_batch(shared: &Arc<Shared<Self>>) {
        let disk = &shared.medium;
        let mut rounds = 0;
        while !disk.is_idle() {
            rounds += 1;
            assert!(
                rounds < MAX_ROUNDS,
                "a change waits for ever: {:?}",
                disk.state().queue
            );
            let (ops, slots): (Vec<Op>, Vec<Slot>) = disk.state().queue.drain(..).unzip();
            ops.iter().for_each(|op| disk.note(op));
            match shared.apply(ops) {
                Ok(staged) => {
                    for (staged, slot) in staged.into_iter().zip(slots) {
                        match staged {
                            Staged::Answer(answer) => fill(&slot, Ok(answer)),
                            Staged::Later(op) => disk.state().queue.push_back((op, slot)),
                        }
                    }
                }
                Err(error) => slots.iter().for_each(|slot| fill(slot, Err(error.clone()))),
            }
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.state().queue.is_empty()
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.state().is_killed
    }

    pub(crate) fn is_failed(&self) -> bool {
        self.state().is_failed
    }

    pub(crate) fn heal(&self) {
        self.state().faults = Faults::NONE;
    }

    fn note(&self, op: &Op) {
        match op {
            Op::Enqueue(groups) => {
                for entry in groups.iter().flat_map(|group| &group.entries) {
                    self.history.note(What::Accepting(entry.job().id.clone()));
                }
            }
            Op::Settle(batch) => {
                for one in batch {
                    let what = What::Settling(one.lease.clone(), one.verdict.clone());
                    self.history.note(what);
                }
            }
            Op::Cancel(id) => self.history.note(What::Cancelling(id.clone())),
            Op::Revive(id) => self.history.note(What::Reviving(id.clone())),
            Op::Purge(id) => self.history.note(What::Purging(id.clone())),
            Op::Expire | Op::Acknowledge(..) | Op::CompareAndSet(_) | Op::Import(_) => {}
        }
    }

    /// Makes something durable, unless something goes wrong before or after.
    fn keep(&self, durable: Vec<Durable>) -> StoreResult<()> {
        let broken = |fault| {
            self.history.note(What::Fault(fault));
            Err(StoreError::failed("the disk is gone"))
        };
        let (is_last, fails, by_then_durable) = {
            let mut state = self.state();
            let probability = state.faults.write_fails;
            let fails = state.dice.chance(probability);
            (self.actions.was_last(), fails, state.dice.chance(0.5))
        };
        let goes_wrong = is_last || fails;
        if !goes_wrong || by_then_durable {
            self.log.keep(durable);
        }
        if is_last {
            self.state().is_killed = true;
            return broken(if by_then_durable {
                Fault::KilledAfterWrite
            } else {
                Fault::KilledBeforeWrite
            });
        }
        if fails {
            self.state().is_failed = true;
            return broken(Fault::WriteFailed);
        }
        Ok(())
    }

    /// While the disk writes, other threads go on; sometimes it takes its time.
    fn let_others_go_on(&self) {
        let mut calls = self.wire.on_the_way();
        let (calls, stall) = {
            let mut state = self.state();
            let mut chosen = Vec::new();
            while !calls.is_empty() && state.dice.chance(0.4) {
                let index = state.dice.index(calls.len());
                chosen.push(calls.swap_remove(index));
            }
            let stalls = state.faults.write_stalls;
            let stalls = state.dice.chance(stalls);
            (chosen, stalls.then(|| state.dice.millis(20..900)))
        };
        for call in calls {
            self.wire.arrive(call);
        }
        if let Some(stall) = stall {
            self.history.note(What::Fault(Fault::WriteStalled));
            self.time.advance(stall);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fill(slot: &Slot, answer: StoreResult<OpAnswer>) {
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
}

impl Load<Place> for SimDisk {
    fn load(&self, place: &Place) -> StoreResult<Stored> {
        Ok(Stored::clone(place))
    }
}

impl Medium for SimDisk {
    type Place = Place;

    fn write(&self, writes: &[Write<Place>]) -> StoreResult<Vec<(Place, u32)>> {
        let (durable, places): (Vec<_>, Vec<_>) = writes.iter().map(stored).unzip();
        self.let_others_go_on();
        self.keep(durable)?;
        Ok(places.into_iter().map(|place| (place, 100)).collect())
    }

    #[cfg(mutant = "settle_before_result")]
    fn foresee(&self, writes: &[Write<Place>]) -> Vec<(Place, u32)> {
        writes.iter().map(|write| (stored(write).1, 100)).collect()
    }

    fn mark(&self, mark: StartMark) -> StoreResult<()> {
        self.keep(vec![Durable::Mark(mark)])
    }

    fn has_room(&self) -> bool {
        true
    }

    fn run(
        shared: &Arc<Shared<Self>>,
        op: Op,
    ) -> impl Future<Output = StoreResult<OpAnswer>> + Send {
        let slot = Slot::default();
        let entry = (op, slot.clone());
        shared.medium.state().queue.push_back(entry);
        std::future::poll_fn(move |_| {
            let answer = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
            answer.map_or(Poll::Pending, Poll::Ready)
        })
    }

    fn stats(&self) -> StoreStats {
        StoreStats::default()
    }

    fn health(&self) -> StoreResult<()> {
        let state = self.state();
        if state.is_failed || state.is_killed {
            return Err(StoreError::failed("the disk is gone"));
        }
        Ok(())
    }
}
