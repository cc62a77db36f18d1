//! The table of jobs that the stores inside the process share: every order and bound that the port promises, and no
//! I/O. A change is first staged (checked, and its job taken out of everybody's reach), then written by the store, then
//! committed (made visible), so that nothing is seen before it is durable.
//!
//! **Invariant:** a living job is in exactly one of the timeline, a ready queue, the leases, or a write on its way.

mod audit;
mod claim;
mod commit;
mod ended;
mod enqueue;
mod entry;
mod expire;
mod lease;
mod living;
mod look;
mod op;
mod order;
mod outbox;
mod people;
mod ready;
mod relocate;
mod restore;
mod settle;
mod transfer;

use crate::Limits;
pub use audit::Counted;
pub use claim::{Claimable, Handed};
use ended::EndedJobs;
use entry::{DeadJob, Phase};
use living::{LivingJobs, Slot};
pub use look::{Found, Known};
pub use op::{
    Effects, EndRecord, InOutbox, Life, Op, OpAnswer, Record, Staged, StartMark, Stored, Write,
};
use order::Orders;
use poulpe_job::{Due, JobId, Lane, Timestamp};
use ready::ReadyQueues;
pub use relocate::Owner;
use siphasher::sip128::SipHasher13;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;
pub use transfer::{Carried, CarriedJob, CarriedPage};

use crate::{Incarnation, StoreResult, WallTime};

/// A job's id, hashed to 128 bits with keys drawn at the start of the process. Nobody outside can find two ids of one
/// hash, so a hit needs no second look at the id.
pub type IdHash = u128;

/// Map by id hashes, which need no further hashing.
type ByHash<V> = HashMap<IdHash, V, BuildHasherDefault<TakeLowBits>>;

/// Uses the low half of a hash as it is.
#[derive(Default)]
pub(crate) struct TakeLowBits(u64);

impl Hasher for TakeLowBits {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}

/// What both clocks read at the start of an operation.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// The wall clock.
    pub wall: WallTime,
    /// The monotonic clock.
    pub mono: Duration,
}

impl Now {
    /// The point in time that is meant by `due`. A wait counts from the end of this millisecond, so that it is never
    /// cut short; no wait at all is due now.
    fn resolve(self, due: Due) -> Timestamp {
        if due == Due::NOW {
            return self.wall.floor();
        }
        due.resolve(self.wall.ceil())
    }
}

/// Reads back what was written.
pub trait Load<P> {
    /// What lies at `place`.
    fn load(&self, place: &P) -> StoreResult<Stored>;

    /// What lies at each of these places, in their order. Worth a way of its own where neighbours can be read at once.
    fn load_all(&self, places: &[P]) -> StoreResult<Vec<Stored>> {
        places.iter().map(|place| self.load(place)).collect()
    }
}

/// A value that moves by compare-and-set.
struct CheckpointValue<P> {
    /// The durable value and where it lies; `None` until its first write is durable.
    current: Option<(Vec<u8>, P)>,
    /// A write is on its way.
    busy: bool,
}

/// Every job of a store; `P` says where its record lies.
pub struct Table<P> {
    /// Keyed by chance, for hashes of ids.
    hasher: SipHasher13,
    next_sequence: u64,
    living: LivingJobs<P>,
    dead: BTreeMap<u64, DeadJob<P>>,
    dead_by_id: ByHash<Vec<u64>>,
    ended: EndedJobs<P>,
    timeline: Orders,
    /// How many jobs of the timeline wait for another attempt.
    retrying: u64,
    ready: ReadyQueues,
    leases: BTreeMap<(Duration, u64), IdHash>,
    /// Lanes that a lease of a confined job keeps to itself.
    lane_leases: HashMap<Lane, u64>,
    /// Dead letters without a file.
    outbox: BTreeSet<u64>,
    /// Jobs whose result is to be sent: dead letters, and those in `sending`.
    unsent: BTreeSet<u64>,
    /// Jobs that are done but for sending their result.
    sending: BTreeMap<u64, DeadJob<P>>,
    checkpoints: HashMap<String, CheckpointValue<P>>,
    /// The latest request of each incarnation, and what it was given.
    last_claims: HashMap<Incarnation, (u64, Vec<IdHash>)>,
    /// A job was given back without a write since the last commit.
    was_released: bool,
}

impl<P: Clone> Table<P> {
    /// An empty table.
    pub fn new(limits: Limits) -> Self {
        Self {
            hasher: SipHasher13::new_with_keys(rand::random(), rand::random()),
            next_sequence: 1,
            living: LivingJobs::new(),
            dead: BTreeMap::new(),
            dead_by_id: ByHash::default(),
            ended: EndedJobs::new(limits),
            timeline: Orders::default(),
            retrying: 0,
            ready: ReadyQueues::default(),
            leases: BTreeMap::new(),
            lane_leases: HashMap::new(),
            outbox: BTreeSet::new(),
            unsent: BTreeSet::new(),
            sending: BTreeMap::new(),
            checkpoints: HashMap::new(),
            last_claims: HashMap::new(),
            was_released: false,
        }
    }

    fn hash(&self, id: &JobId) -> IdHash {
        self.hash_text(id.as_str())
    }

    fn hash_text(&self, id: &str) -> IdHash {
        self.hasher.hash(id.as_bytes()).as_u128()
    }

    /// Puts a living job into the order it now belongs to: ready if due, else the timeline.
    fn place_in_order(&mut self, hash: IdHash, now: Now) {
        if let Some(slot) = self.living.slot(&hash) {
            self.place_in_order_at(slot, now);
        }
    }

    fn place_in_order_at(&mut self, slot: Slot, now: Now) {
        let Some(job) = self.living.at_mut(slot) else {
            return;
        };
        if job.due <= now.wall.floor() {
            self.make_ready_at(slot);
            return;
        }
        job.phase = Phase::Waiting;
        self.retrying += u64::from(job.was_tried());
        self.timeline.insert(job.time_order(slot));
    }

    /// Puts a living job into its ready queue. One that was handed out before it came back unrun belongs there whatever
    /// the wall clock reads: it was due, and mustn't wait again because the clock was set back.
    fn make_ready(&mut self, hash: IdHash) {
        if let Some(slot) = self.living.slot(&hash) {
            self.make_ready_at(slot);
        }
    }

    fn make_ready_at(&mut self, slot: Slot) {
        let Some(job) = self.living.at_mut(slot) else {
            return;
        };
        job.phase = Phase::Ready;
        self.ready.push(job.queue, job.order(slot));
    }

    /// Takes a living job out of whatever order it is in.
    fn take_out_of_order(&mut self, hash: IdHash) {
        let Some(slot) = self.living.slot(&hash) else {
            return;
        };
        let Some(job) = self.living.at(slot) else {
            return;
        };
        match &job.phase {
            Phase::Waiting => {
                self.retrying -= u64::from(job.was_tried());
                self.timeline.remove(job.time_order(slot));
            }
            Phase::Ready => self.ready.remove(job.queue, job.order(slot)),
            Phase::Leased(lease) => {
                self.leases.remove(&(lease.ends, job.sequence));
                if let Some(lane) = lease.confined_lane {
                    self.lane_leases.remove(&lane);
                }
            }
            Phase::Busy(_) => {}
        }
    }
}
