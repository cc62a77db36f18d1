use super::super::entry::{Origin, Phase};
use super::*;
use poulpe_job::{Digest, State, Timestamp};
use std::sync::Arc;

/// As large as the place of the embedded store.
type Place = (Arc<u8>, u32, u32);

fn job(sequence: u64) -> Living<Place> {
    Living {
        sequence,
        digest: Digest([0; 16]),
        origin: Origin::Plain,
        cancel_requested: false,
        cancel_on_its_way: false,
        priority: 5,
        queue: 0,
        due: Timestamp::default(),
        claims: 0,
        attempts: 0,
        phase: Phase::Busy(State::Ready),
        tried: None,
        place: None,
    }
}

/// Differs in both halves.
fn hash(sequence: u64) -> IdHash {
    u128::from(sequence) << 64 | u128::from(sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn filled(count: u64) -> LivingJobs<Place> {
    let mut jobs = LivingJobs::new();
    for sequence in 0..count {
        jobs.insert(hash(sequence), job(sequence));
    }
    jobs
}

fn blocks(jobs: &LivingJobs<Place>) -> usize {
    let blocks = jobs.chunks.iter().filter(|chunk| chunk.jobs.capacity() > 0);
    blocks.count()
}

#[test]
fn a_million_jobs_take_104_megabytes() {
    assert_eq!(size_of::<Option<Kept<Place>>>(), 104);
}

#[test]
fn jobs_are_found_by_hash_and_by_slot() {
    let jobs = filled(3_000);
    for sequence in 0..3_000 {
        let slot = jobs.slot(&hash(sequence)).expect("it is there");
        assert_eq!(jobs.hash_at(slot), Some(hash(sequence)));
        assert_eq!(jobs.at(slot).map(|job| job.sequence), Some(sequence));
    }
    assert_eq!(jobs.values().count(), 3_000);
    assert!(jobs.get(&hash(3_000)).is_none());
}

#[test]
fn hashes_that_are_half_equal_are_two_jobs() {
    let mut jobs = filled(0);
    jobs.insert(1, job(1));
    jobs.insert(1 | 1 << 64, job(2));
    assert_eq!(jobs.remove(&1).map(|job| job.sequence), Some(1));
    assert_eq!(jobs.get(&(1 | 1 << 64)).map(|job| job.sequence), Some(2));
    assert!(!jobs.contains_key(&1));
}

#[test]
fn a_job_with_the_same_id_takes_the_slot() {
    let mut jobs = filled(2);
    let slot = jobs.slot(&hash(1));
    jobs.insert(hash(1), job(7));
    assert_eq!(jobs.slot(&hash(1)), slot);
    assert_eq!(jobs.get(&hash(1)).map(|job| job.sequence), Some(7));
}

#[test]
fn slots_are_used_again() {
    let mut jobs = filled(CHUNK as u64);
    for sequence in 0..10 * CHUNK as u64 {
        assert!(jobs.remove(&hash(sequence)).is_some());
        jobs.insert(hash(sequence + CHUNK as u64), job(sequence + CHUNK as u64));
    }
    assert_eq!(jobs.values().count(), CHUNK);
    assert_eq!(jobs.chunks.len(), 1);
}

#[test]
fn memory_is_given_back() {
    let mut jobs = filled(100 * CHUNK as u64);
    assert_eq!(blocks(&jobs), 100);
    for sequence in 10..100 * CHUNK as u64 {
        assert!(jobs.remove(&hash(sequence)).is_some());
    }
    assert_eq!(blocks(&jobs), 2, "the one in use, and a spare one");
    assert!(jobs.index.capacity() <= SMALL_INDEX);
    assert_eq!(jobs.values().count(), 10);
    assert!((0..10).all(|sequence| jobs.contains_key(&hash(sequence))));
}
