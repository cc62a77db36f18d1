//! One store, its clock and the verbs of the port for single jobs, as the cases use them. Fails the case on any error
//! of the store. Knows no promises; those are the cases'.

use super::block_on::block_on;
use super::{Backend, Place};
use crate::{
    Accepted, Cancelled, Checkpoint, Claim, Claimed, ClaimedJob, Counts, Entry, Group, GroupAnswer,
    Hold, Incarnation, JobStore, JobView, LeaseId, Limits, Lookup, ManualTime, Member, MemberView,
    OutboxItem, OutboxKind, Page, PageRequest, Revived, Settlement, Started, StoreResult,
    TimeSource,
};
use poulpe_job::{Due, Job, JobId, Lane, State, Timestamp, Verdict};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How long the leases of a scene last.
pub(super) const LEASE: Duration = Duration::from_secs(30);

/// Where time starts: some day in 2033, on a whole second.
const START: i64 = 2_000_000_000_000;

/// A store that a case works with.
pub(super) struct Scene {
    place: Rc<dyn Place>,
    limits: Limits,
    incarnation: Incarnation,
    time: Arc<ManualTime>,
    store: RefCell<Option<Arc<dyn JobStore>>>,
    request: Cell<u64>,
}

impl Scene {
    pub(super) fn new(backend: &dyn Backend) -> Self {
        Self::with_limits(backend, Limits::default())
    }

    pub(super) fn with_limits(backend: &dyn Backend, limits: Limits) -> Self {
        let place = Rc::from(backend.place());
        let time = Arc::new(ManualTime::new(START));
        Self::of(place, limits, Incarnation(77), time)
    }

    fn of(
        place: Rc<dyn Place>,
        limits: Limits,
        incarnation: Incarnation,
        time: Arc<ManualTime>,
    ) -> Self {
        let store = place.open(limits, Arc::clone(&time));
        Self {
            place,
            limits,
            incarnation,
            time,
            store: RefCell::new(Some(store)),
            request: Cell::new(0),
        }
    }

    /// Another store of the same kind, with the same clock.
    pub(super) fn at(backend: &dyn Backend, time: Arc<ManualTime>) -> Self {
        let place = Rc::from(backend.place());
        Self::of(place, Limits::default(), Incarnation(77), time)
    }

    pub(super) fn time(&self) -> Arc<ManualTime> {
        Arc::clone(&self.time)
    }

    /// Another daemon with its own handle to the same store; only for backends whose stores are shared.
    pub(super) fn beside(&self) -> Self {
        let place = Rc::clone(&self.place);
        Self::of(place, self.limits, Incarnation(78), Arc::clone(&self.time))
    }

    pub(super) fn store(&self) -> Arc<dyn JobStore> {
        let store = self.store.borrow();
        Arc::clone(store.as_ref().expect("the store is open"))
    }

    /// Closes the store and opens it again.
    pub(super) fn reopen(&self) {
        drop(self.store.borrow_mut().take());
        let again = self.place.open(self.limits, Arc::clone(&self.time));
        *self.store.borrow_mut() = Some(again);
    }

    /// The last whole millisecond.
    pub(super) fn now(&self) -> Timestamp {
        self.time.wall().floor()
    }

    pub(super) fn pass(&self, time: Duration) {
        self.time.advance(time);
    }

    /// Lets the leases of this scene end.
    pub(super) fn pass_lease(&self) {
        self.pass(LEASE);
    }

    #[track_caller]
    pub(super) fn enqueue(&self, job: Job) -> Accepted {
        self.enqueue_due(job, Due::NOW)
    }

    #[track_caller]
    pub(super) fn enqueue_due(&self, job: Job, due: Due) -> Accepted {
        self.enqueue_entry(Entry::new(job, due))
    }

    #[track_caller]
    pub(super) fn enqueue_entry(&self, entry: Entry) -> Accepted {
        let group = Group {
            entries: vec![entry],
            checkpoint: None,
        };
        match self.enqueue_groups(vec![group]).as_slice() {
            [GroupAnswer::Taken(accepted)] if accepted.len() == 1 => accepted[0],
            other => panic!("one entry was answered {other:?}"),
        }
    }

    #[track_caller]
    pub(super) fn enqueue_groups(&self, groups: Vec<Group>) -> Vec<GroupAnswer> {
        got(block_on(self.store().enqueue(groups)))
    }

    /// A new claim of the scene's incarnation.
    pub(super) fn request(&self, idle: &[Lane], prefetch: usize) -> Claim {
        self.request.set(self.request.get() + 1);
        Claim {
            incarnation: self.incarnation,
            request: self.request.get(),
            idle: idle.to_vec(),
            prefetch,
            lease: LEASE,
        }
    }

    #[track_caller]
    pub(super) fn claim_with(&self, claim: &Claim) -> Claimed {
        got(block_on(self.store().claim(claim.clone())))
    }

    #[track_caller]
    pub(super) fn claim(&self, idle: &[Lane], prefetch: usize) -> Claimed {
        self.claim_with(&self.request(idle, prefetch))
    }

    /// Claims for lane 0 and expects a job.
    #[track_caller]
    pub(super) fn claim_one(&self) -> ClaimedJob {
        let mut jobs = self.claim(&[0], 0).jobs;
        assert_eq!(jobs.len(), 1, "jobs claimed for one idle lane");
        jobs.remove(0)
    }

    /// Claims for lane 0 and starts what it gets.
    #[track_caller]
    pub(super) fn run_one(&self) -> ClaimedJob {
        let claimed = self.claim_one();
        let started = self.start(&claimed.lease);
        assert!(matches!(started, Started::Go(_)), "start: {started:?}");
        claimed
    }

    /// Has a daemon tell of itself.
    pub(super) fn beat(&self, member: Member) {
        got(block_on(self.store().beat(member, super::member::KEEP)));
    }

    pub(super) fn leave(&self, incarnation: Incarnation) {
        got(block_on(self.store().leave(incarnation)));
    }

    pub(super) fn members(&self, max: usize) -> Vec<MemberView> {
        got(block_on(self.store().members(max)))
    }

    /// Whether nothing can be claimed for lane 0.
    #[track_caller]
    pub(super) fn is_dry(&self) -> bool {
        self.claim(&[0], 0).jobs.is_empty()
    }

    #[track_caller]
    pub(super) fn start(&self, lease: &LeaseId) -> Started {
        got(block_on(self.store().start(lease)))
    }

    #[track_caller]
    pub(super) fn renew(&self, lease: &LeaseId) -> Hold {
        only(got(block_on(
            self.store().renew(vec![lease.clone()], LEASE),
        )))
    }

    #[track_caller]
    pub(super) fn settle(&self, lease: &LeaseId, verdict: Verdict) -> Hold {
        let settlement = Settlement {
            lease: lease.clone(),
            verdict,
        };
        only(self.settle_all(vec![settlement]))
    }

    #[track_caller]
    pub(super) fn settle_all(&self, settlements: Vec<Settlement>) -> Vec<Hold> {
        got(block_on(self.store().settle(settlements)))
    }

    #[track_caller]
    pub(super) fn lookup(&self, id: &JobId) -> Lookup {
        only(got(block_on(self.store().get(vec![id.clone()]))))
    }

    #[track_caller]
    pub(super) fn find(&self, id: &JobId) -> Option<JobView> {
        got(block_on(self.store().job(id)))
    }

    #[track_caller]
    pub(super) fn view(&self, id: &JobId) -> JobView {
        self.find(id).expect("the job is known")
    }

    #[track_caller]
    pub(super) fn state(&self, id: &JobId) -> State {
        self.view(id).state
    }

    #[track_caller]
    pub(super) fn dead(&self, id: &JobId) -> Option<JobView> {
        got(block_on(self.store().dead(id)))
    }

    #[track_caller]
    pub(super) fn list(&self, state: State, after: Option<u64>, limit: usize) -> Page {
        let request = PageRequest {
            state,
            after,
            limit,
        };
        got(block_on(self.store().list(request)))
    }

    #[track_caller]
    pub(super) fn counts(&self) -> Counts {
        got(block_on(self.store().counts()))
    }

    #[track_caller]
    pub(super) fn cancel(&self, id: &JobId) -> Cancelled {
        got(block_on(self.store().cancel(id)))
    }

    #[track_caller]
    pub(super) fn revive(&self, id: &JobId) -> Revived {
        got(block_on(self.store().revive(id)))
    }

    #[track_caller]
    pub(super) fn purge(&self, id: &JobId) -> bool {
        got(block_on(self.store().purge(id)))
    }

    #[track_caller]
    pub(super) fn outbox(&self) -> Vec<OutboxItem> {
        got(block_on(self.store().take(OutboxKind::DeadLetter, 100)))
    }

    #[track_caller]
    pub(super) fn acknowledge(&self, tokens: Vec<u64>) {
        got(block_on(
            self.store().acknowledge(OutboxKind::DeadLetter, tokens),
        ));
    }

    #[track_caller]
    pub(super) fn checkpoint(&self, name: &str) -> Option<Vec<u8>> {
        got(block_on(self.store().load(name)))
    }

    #[track_caller]
    pub(super) fn compare_and_set(&self, checkpoint: Checkpoint) -> bool {
        got(block_on(self.store().compare_and_set(checkpoint)))
    }
}

#[track_caller]
fn got<T>(answer: StoreResult<T>) -> T {
    answer.unwrap_or_else(|error| panic!("the store failed: {error}"))
}

#[track_caller]
fn only<T>(answers: Vec<T>) -> T {
    assert_eq!(answers.len(), 1, "answers to one question");
    answers.into_iter().next().expect("one answer")
}
