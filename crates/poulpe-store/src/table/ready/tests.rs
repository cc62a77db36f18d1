use super::*;
use poulpe_job::Timestamp;

/// Jobs in order, each in the queue of its lanes.
fn queues(jobs: &[&[Lane]]) -> ReadyQueues {
    let mut queues = ReadyQueues::default();
    for (sequence, lanes) in jobs.iter().enumerate() {
        let key = queues.key(&LaneSet::new(lanes.iter().copied()), false);
        queues.push(key, order(sequence));
    }
    queues
}

fn order(sequence: usize) -> Order {
    Order::new(5, Timestamp::default(), sequence as u64, sequence as Slot)
}

/// What is handed out, job by job.
fn pop_all(
    queues: &mut ReadyQueues,
    idle: &[Lane],
    prefetch: usize,
    leased: &[Lane],
) -> Vec<(Slot, Option<Lane>)> {
    let mut room = Room {
        idle: idle.to_vec(),
        prefetch,
    };
    let leased = leased.iter().map(|lane| (*lane, 0)).collect();
    std::iter::from_fn(|| queues.pop(&mut room, &leased)).collect()
}

#[test]
fn a_lane_is_given_once() {
    let mut queues = queues(&[&[1, 3], &[1, 3], &[1, 3]]);
    let popped = pop_all(&mut queues, &[1, 2, 3], 9, &[]);
    assert_eq!(popped, [(0, Some(1)), (1, Some(3))]);
    assert_eq!(queues.len(), 1);
}

#[test]
fn a_leased_lane_is_given_to_unconfined_jobs_only() {
    let mut queues = queues(&[&[1], &[]]);
    let popped = pop_all(&mut queues, &[1], 0, &[1]);
    assert_eq!(popped, [(1, Some(1))]);
}

#[test]
fn an_unconfined_job_takes_a_lane_that_nobody_waits_for() {
    let mut queues = queues(&[&[], &[0, 1]]);
    let popped = pop_all(&mut queues, &[0, 1, 2], 0, &[]);
    assert_eq!(popped, [(0, Some(2)), (1, Some(0))]);
}

#[test]
fn an_unconfined_job_takes_a_wanted_lane_rather_than_wait() {
    let mut queues = queues(&[&[], &[0]]);
    let popped = pop_all(&mut queues, &[0], 0, &[]);
    assert_eq!(popped, [(0, Some(0))]);
}

#[test]
fn a_confined_job_leaves_the_only_lane_of_another() {
    let mut queues = queues(&[&[0, 1], &[0]]);
    let popped = pop_all(&mut queues, &[0, 1], 0, &[]);
    assert_eq!(popped, [(0, Some(1)), (1, Some(0))]);
}

#[test]
fn careful_jobs_get_idle_lanes_only() {
    let mut queues = queues(&[&[], &[]]);
    let careful = queues.key(&LaneSet::any(), true);
    queues.push(careful, Order::new(0, Timestamp::default(), 9, 9));
    let ahead = pop_all(&mut queues, &[], 9, &[]);
    assert_eq!(ahead, [(0, None), (1, None)]);
    assert_eq!(queues.wanted(), (vec![], true));
    assert_eq!(pop_all(&mut queues, &[4], 0, &[]), [(9, Some(4))]);
}

#[test]
fn a_queue_that_is_empty_wants_nothing() {
    let mut queues = queues(&[&[2, 5]]);
    assert_eq!(queues.wanted(), (vec![2, 5], false));
    let key = queues.key(&LaneSet::new([2, 5]), false);
    queues.remove(key, order(0));
    assert_eq!(queues.wanted(), (vec![], false));
    assert_eq!(queues.waiting(), vec![]);
    assert_eq!(queues.len(), 0);
}
