//! One store on a disk that will fail, driven by dice, with all that it acknowledged written down. One thread does
//! everything, so that a seed tells the whole story.

use super::disk::{End, SimDisk};
use crate::clean::{self, Around, Outcome};
use crate::medium::LogMedium;
use crate::open;
use crate::options::Options;
use crate::queue::Errand;
use crate::tests::common::{SMALL, START, bury, complete, id, job, retry, wait};
use poulpe_job::{Due, Params, ReleaseReason, State, Verdict};
use poulpe_store::table::{Op, OpAnswer, Staged};
use poulpe_store::{
    Cancelled, Checkpoint, Checkpoints, Claim, Group, GroupAnswer, Hold, Incarnation, Inspect,
    LeaseId, Limits, ManualTime, Revived, Settlement, Started, Store, TableStore, TimeSource,
};
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use rand::{RngExt, SeedableRng};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What an acknowledged job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Living,
    Dead,
    /// Done, cancelled or purged: it must never run again.
    Ended,
}

/// What was acknowledged.
#[derive(Default)]
pub(super) struct Model {
    pub(super) jobs: BTreeMap<String, Fate>,
    pub(super) checkpoint: Option<Vec<u8>>,
    /// Asked for, and not answered before the end: both are right. `None`: it may not be there at all.
    unsure: Vec<(String, Option<Fate>, Fate)>,
    unsure_checkpoint: Option<Vec<u8>>,
    next: u64,
}

/// One life of the store.
pub(super) struct World<'a> {
    pub(super) store: TableStore<LogMedium>,
    disk: SimDisk,
    clock: Arc<ManualTime>,
    pub(super) dice: &'a RefCell<StdRng>,
    pub(super) model: &'a RefCell<Model>,
    /// Which life it is.
    life: u64,
    requests: Cell<u64>,
    is_cleaning: Cell<bool>,
    pub(super) cleaned: Cell<u64>,
    /// Of these, on a full disk.
    pub(super) lent: Cell<u64>,
}

/// The disk has failed, and with it the store.
pub(super) struct Crashed;

type Lived<T = ()> = Result<T, Crashed>;

impl<'a> World<'a> {
    /// Opens what the disk holds. `None` if the disk failed meanwhile.
    pub(super) fn open(
        disk: &SimDisk,
        life: u64,
        dice: &'a RefCell<StdRng>,
        model: &'a RefCell<Model>,
    ) -> Option<Self> {
        let clock = Arc::new(ManualTime::new(START + life as i64 * 10_000));
        let options = Options {
            segment_bytes: SMALL,
            limits: Limits {
                result_ttl: Duration::from_secs(5),
                result_max: 50,
                ..Limits::default()
            },
            ..Options::default()
        };
        let shared: Arc<dyn crate::disk::Disk> = Arc::new(disk.clone());
        let time = Arc::clone(&clock) as Arc<dyn TimeSource>;
        let opened = open::open(&shared, Path::new("sim"), options, time);
        if disk.is_dead() {
            return None;
        }
        let store = opened.unwrap_or_else(|error| panic!("it doesn't open: {error}"));
        let world = Self {
            store,
            disk: disk.clone(),
            clock,
            dice,
            model,
            life,
            requests: Cell::new(0),
            is_cleaning: Cell::new(false),
            cleaned: Cell::new(0),
            lent: Cell::new(0),
        };
        world.expire().ok()?;
        Some(world)
    }

    fn expire(&self) -> Lived {
        while self.store.shared().has_ended_leases() {
            self.apply(Op::Expire)?;
        }
        Ok(())
    }

    fn roll(&self, below: u32) -> u32 {
        self.dice.borrow_mut().random_range(0..below)
    }

    fn pick(&self, fate: Fate) -> Option<String> {
        let model = self.model.borrow();
        let of_fate = model.jobs.iter().filter(|(_, other)| **other == fate);
        let found = of_fate.choose(&mut *self.dice.borrow_mut());
        found.map(|(name, _)| name.clone())
    }

    /// Something happens.
    pub(super) fn step(&self) -> Lived {
        // What was asked for last must not be forgotten.
        self.alive(())?;
        match self.roll(100) {
            0..35 => self.enqueue(),
            35..65 => self.run(),
            65..69 => self.cancel(),
            69..73 => self.revive(),
            73..77 => self.purge(),
            77..82 => self.move_checkpoint(),
            82..88 => {
                self.clock
                    .advance(Duration::from_secs(u64::from(self.roll(10))));
                self.expire()
            }
            88..91 => self.reclaim(),
            91..93 => {
                self.disk.fill_up(true);
                Ok(())
            }
            _ => self.clean(),
        }
    }

    fn make_spare(&self) -> Lived {
        let log = &self.store.shared().medium.log;
        while log.spare.is_wanted() {
            let made = log.spare.make(&*log.disk, log.segment_bytes);
            self.alive(())?;
            made.map_err(|_| Crashed)?;
            // On a full disk settles would wait for room.
            self.disk.fill_up(false);
        }
        Ok(())
    }

    fn alive<T>(&self, value: T) -> Lived<T> {
        if self.disk.is_dead() {
            return Err(Crashed);
        }
        Ok(value)
    }

    fn apply(&self, op: Op) -> Lived<OpAnswer> {
        // One change needs one at most, and there is no housekeeper to wait for.
        self.make_spare()?;
        let staged = self.store.shared().apply(vec![op]).map_err(|_| Crashed)?;
        match staged.into_iter().next() {
            Some(Staged::Answer(answer)) => Ok(answer),
            other => panic!("{other:?}"),
        }
    }

    fn enqueue(&self) -> Lived {
        let count = 1 + self.roll(8);
        let mut names = Vec::new();
        let mut groups = Vec::new();
        for _ in 0..count {
            let name = {
                let mut model = self.model.borrow_mut();
                model.next += 1;
                format!("job-{}", model.next)
            };
            let due = if self.roll(4) == 0 {
                Due::In(Duration::from_secs(1_000_000))
            } else {
                Due::NOW
            };
            let mut job = job(&name);
            job.params = Params::Text("x".repeat(self.roll(600) as usize));
            groups.push(Group::job(job, due));
            names.push(name);
        }
        self.hope(names.iter().map(|name| (name.clone(), None, Fate::Living)));
        let OpAnswer::Enqueued(answers) = self.apply(Op::Enqueue(groups))? else {
            panic!("another answer");
        };
        self.settled();
        for (name, answer) in names.into_iter().zip(answers) {
            if matches!(&answer, GroupAnswer::Taken(taken) if matches!(taken[0], poulpe_store::Accepted::New(_)))
            {
                self.model.borrow_mut().jobs.insert(name, Fate::Living);
            }
        }
        Ok(())
    }

    /// From now on both are right: what is known of these jobs, and this.
    fn hope(&self, unsure: impl Iterator<Item = (String, Option<Fate>, Fate)>) {
        self.model.borrow_mut().unsure = unsure.collect();
    }

    fn settled(&self) {
        self.model.borrow_mut().unsure.clear();
    }

    /// Claims some jobs and ends their leases.
    fn run(&self) -> Lived {
        self.requests.set(self.requests.get() + 1);
        let claim = Claim {
            incarnation: Incarnation(self.life),
            request: self.requests.get(),
            idle: vec![0, 1],
            prefetch: self.roll(12) as usize,
            lease: Duration::from_secs(30),
        };
        let claimed = wait(Store::claim(&self.store, claim)).map_err(|_| Crashed)?;
        let mut settlements = Vec::new();
        for one in claimed.jobs {
            let lease = one.lease;
            if self.roll(4) > 0 {
                let started = wait(self.store.start(&lease)).map_err(|_| Crashed)?;
                if started == Started::Cancelled {
                    continue;
                }
            }
            let verdict = self.verdict();
            settlements.push(Settlement { lease, verdict });
        }
        self.settle(settlements)
    }

    fn verdict(&self) -> Verdict {
        match self.roll(10) {
            0..6 => {
                let mut verdict = complete(&"y".repeat(self.roll(200) as usize));
                if let Verdict::Complete(result) = &mut verdict {
                    result.finished_at = self.clock.wall().floor();
                }
                verdict
            }
            6 => retry(1, Due::NOW),
            7 => retry(1, Due::In(Duration::from_secs(1_000_000))),
            8 => bury(1),
            _ => Verdict::Release {
                due: Due::NOW,
                reason: ReleaseReason::NotStarted,
            },
        }
    }

    fn settle(&self, settlements: Vec<Settlement>) -> Lived {
        let fates: Vec<(LeaseId, Fate)> = settlements
            .iter()
            .map(|settlement| {
                let fate = match settlement.verdict {
                    Verdict::Complete(_) => Fate::Ended,
                    Verdict::Bury { .. } => Fate::Dead,
                    Verdict::Retry { .. } | Verdict::Release { .. } => Fate::Living,
                };
                (settlement.lease.clone(), fate)
            })
            .collect();
        let unsure = fates
            .iter()
            .map(|(lease, fate)| (lease.job.to_string(), Some(Fate::Living), *fate));
        self.hope(unsure);
        let OpAnswer::Settled(holds) = self.apply(Op::Settle(settlements))? else {
            panic!("another answer");
        };
        self.settled();
        for ((lease, fate), hold) in fates.into_iter().zip(holds) {
            if hold == Hold::Held {
                self.model
                    .borrow_mut()
                    .jobs
                    .insert(lease.job.to_string(), fate);
            }
        }
        Ok(())
    }

    /// Asks for a change of one job.
    fn change(&self, name: String, from: Fate, to: Fate, op: Op) -> Lived {
        self.hope(std::iter::once((name.clone(), Some(from), to)));
        let is_done = match self.apply(op)? {
            OpAnswer::Cancelled(cancelled) => cancelled == Cancelled::Done,
            OpAnswer::Revived(revived) => revived == Revived::Done,
            OpAnswer::Changed(changed) => changed,
            other => panic!("{other:?}"),
        };
        self.settled();
        if is_done {
            self.model.borrow_mut().jobs.insert(name, to);
        }
        Ok(())
    }

    fn cancel(&self) -> Lived {
        let Some(name) = self.pick(Fate::Living) else {
            return Ok(());
        };
        let op = Op::Cancel(id(&name));
        self.change(name, Fate::Living, Fate::Ended, op)
    }

    fn revive(&self) -> Lived {
        let Some(name) = self.pick(Fate::Dead) else {
            return Ok(());
        };
        let op = Op::Revive(id(&name));
        self.change(name, Fate::Dead, Fate::Living, op)
    }

    fn purge(&self) -> Lived {
        let Some(name) = self.pick(Fate::Dead) else {
            return Ok(());
        };
        let op = Op::Purge(id(&name));
        self.change(name, Fate::Dead, Fate::Ended, op)
    }

    fn move_checkpoint(&self) -> Lived {
        let next = vec![self.roll(256) as u8; 1 + self.roll(100) as usize];
        let expected = self.model.borrow().checkpoint.clone();
        self.model.borrow_mut().unsure_checkpoint = Some(next.clone());
        let checkpoint = Checkpoint {
            name: "offsets".into(),
            expected,
            next: next.clone(),
        };
        let answer = self.apply(Op::CompareAndSet(checkpoint))?;
        assert!(matches!(answer, OpAnswer::Changed(true)), "{answer:?}");
        let mut model = self.model.borrow_mut();
        model.unsure_checkpoint = None;
        model.checkpoint = Some(next);
        Ok(())
    }

    fn reclaim(&self) -> Lived {
        let log = &self.store.shared().medium.log;
        log.reclaim().map_err(|_| Crashed)
    }

    fn clean(&self) -> Lived {
        if self.is_cleaning.get() {
            return Ok(());
        }
        self.reclaim()?;
        self.is_cleaning.set(true);
        let was_full = self.disk.is_full();
        let cleaned = clean::clean(self.store.shared(), self);
        self.is_cleaning.set(false);
        if let Outcome::Done(victims) = cleaned.map_err(|_| Crashed)? {
            self.cleaned.set(self.cleaned.get() + victims.len() as u64);
            self.alive(())?;
            self.reclaim()?;
            let log = &self.store.shared().medium.log;
            self.lent.set(self.lent.get() + u64::from(was_full));
            let stays = victims.iter().find(|id| log.has_segment(**id));
            assert_eq!(stays, None, "a cleaned segment is still pointed at");
        }
        self.alive(())
    }

    /// Compares the store with what was acknowledged; what wasn't answered becomes certain.
    pub(super) fn check(&self) {
        // Looking must not be the end.
        let fuse = self.disk.burn(u64::MAX);
        self.compare();
        self.disk.burn(fuse);
    }

    fn compare(&self) {
        let mut model = self.model.borrow_mut();
        let unsure = std::mem::take(&mut model.unsure);
        for (name, before, after) in unsure {
            let found = self.fate(&name);
            let is_right = found == Some(after)
                || found == before
                || (found.is_none() && after == Fate::Ended);
            assert!(
                is_right,
                "{name} was {before:?}, to be {after:?}, and is {found:?}"
            );
            match found {
                Some(fate) => model.jobs.insert(name, fate),
                None if before.is_some() => model.jobs.insert(name, Fate::Ended),
                None => None,
            };
        }
        for (name, fate) in &model.jobs {
            let found = self.fate(name).unwrap_or(Fate::Ended);
            assert_eq!(found, *fate, "{name}");
        }
        let living = model.jobs.values().filter(|fate| **fate == Fate::Living);
        let counts = wait(self.store.counts()).expect("it counts");
        let counted = counts.ready + counts.delayed + counts.retrying + counts.running;
        assert_eq!(counted, living.count() as u64, "living jobs");
        let value = wait(self.store.load("offsets")).expect("it answers");
        let unsure = model.unsure_checkpoint.take();
        assert!(
            value == model.checkpoint || (unsure.is_some() && value == unsure),
            "the checkpoint"
        );
        model.checkpoint = value;
    }

    fn fate(&self, name: &str) -> Option<Fate> {
        let id = id(name);
        if wait(self.store.dead(&id)).expect("it answers").is_some() {
            return Some(Fate::Dead);
        }
        let view = wait(self.store.job(&id)).expect("it answers")?;
        match view.state {
            State::Dead => Some(Fate::Dead),
            State::Done => Some(Fate::Ended),
            _ => {
                assert!(view.job.is_some(), "{name} has lost its record");
                Some(Fate::Living)
            }
        }
    }
}

impl Around for World<'_> {
    fn between(&self, errand: Errand) -> bool {
        // Whatever goes wrong is noticed by the next step.
        if self.roll(2) == 0 {
            let _ = self.step();
        }
        errand();
        true
    }

    fn pause(&self, _worked: Duration) -> bool {
        for _ in 0..self.roll(6) {
            if self.step().is_err() {
                return false;
            }
        }
        true
    }
}

/// A whole story: some lives, each ended by a kill or a power cut at some operation of the disk. Gives how many segments
/// were cleaned, and how often that was done on a full disk.
pub(super) fn tell(seed: u64) -> (u64, u64) {
    let dice = RefCell::new(StdRng::seed_from_u64(seed));
    let model = RefCell::new(Model::default());
    let mut disk = SimDisk::default();
    let (mut cleaned, mut lent) = (0, 0);
    let lives = 5;
    for life in 1..=lives {
        let is_early = dice.borrow_mut().random_bool(0.25);
        // Within the opening, most likely, or well behind it.
        let fuses = if is_early { 1..150 } else { 150..1_500 };
        let fuse = dice.borrow_mut().random_range(fuses);
        disk.burn(if life == lives { u64::MAX } else { fuse });
        if let Some(world) = World::open(&disk, life, &dice, &model) {
            world.check();
            let steps = if life == lives { 50 } else { 1_000 };
            for _ in 0..steps {
                if world.step().is_err() {
                    break;
                }
            }
            cleaned += world.cleaned.get();
            lent += world.lent.get();
            if life == lives {
                world.check();
            }
        }
        let end = if dice.borrow_mut().random_bool(0.5) {
            End::Killed
        } else {
            End::PowerCut
        };
        disk = disk.after(end, &mut dice.borrow_mut());
    }
    (cleaned, lent)
}
