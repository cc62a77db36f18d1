//! Looking: everything that can be seen is what the reference says.

use super::pair::{Pair, id, now};
use poulpe_job::{JobId, LaneSet, State};
use poulpe_store::{Inspect, Lookup, Outbox, Results};
use std::collections::BTreeMap;

impl Pair {
    /// Everything that can be seen is the same.
    pub(crate) fn look(&mut self) {
        for number in 0..8 {
            self.look_at(number);
        }
        let counts = now(self.store.counts());
        self.reference.move_due(usize::MAX);
        let counted = [
            (State::Delayed, counts.delayed),
            (State::Ready, counts.ready),
            (State::Running, counts.running),
            (State::Retrying, counts.retrying),
            (State::Dead, counts.dead),
            (State::Done, counts.done),
        ];
        for (state, count) in counted {
            assert_eq!(count, self.reference.count(state), "{state}");
        }
        let mut waiting: BTreeMap<LaneSet, u64> = BTreeMap::new();
        for job in self.reference.jobs.iter().filter(|job| job.is_ready()) {
            *waiting.entry(LaneSet::new(job.lanes.clone())).or_default() += 1;
        }
        assert_eq!(
            counts.waiting.into_iter().collect::<BTreeMap<_, _>>(),
            waiting
        );
        let mut told = self.ends.0.lock().expect("ends").clone();
        let mut ends: Vec<JobId> = self.reference.ends.iter().copied().map(id).collect();
        told.sort();
        ends.sort();
        assert_eq!(told, ends, "each end is told once");
        let items = now(self.store.take(poulpe_store::OutboxKind::DeadLetter, 1_000));
        assert_eq!(items.len(), self.reference.outbox());
        assert_eq!(counts.outbox, items.len() as u64);
    }

    fn look_at(&self, number: u8) {
        let living = self.reference.living(number);
        let ended = self
            .reference
            .kept(number)
            .or(self.reference.newest_dead(number));
        let expected = living.or(ended).map(|place| &self.reference.jobs[place]);
        let view = now(self.store.job(&id(number)));
        let state = expected.map(|job| job.state(self.reference.now));
        assert_eq!(view.map(|view| view.state), state, "job {number}");
        let lookup = now(self.store.get(vec![id(number)])).remove(0);
        match (expected, lookup) {
            (None, Lookup::Unknown) => {}
            (Some(job), Lookup::Living(..)) => assert!(job.lives()),
            (Some(job), Lookup::Ended(result)) => {
                let (at, told) = job.ended.expect("an ended job has an end");
                assert_eq!(result.finished_at.as_millis(), at);
                let is_poison = told == "lost" && result.reason.contains("vanished");
                assert!(is_poison || result.reason == told, "{told}: {result:?}");
            }
            (job, lookup) => panic!("job {number}: {job:?} is told as {lookup:?}"),
        }
    }
}
