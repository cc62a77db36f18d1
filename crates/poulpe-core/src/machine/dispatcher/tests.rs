use super::*;

const NOW: Duration = Duration::from_secs(1);

fn room(idle: &[Lane], prefetch: usize) -> DispatchEvent {
    DispatchEvent::Room(Room {
        idle: idle.to_vec(),
        prefetch,
    })
}

fn nothing() -> Claimed {
    Claimed {
        jobs: vec![],
        wanted: vec![],
        wants_any: false,
        more: false,
        next_due: None,
    }
}

fn dispatcher() -> Dispatcher {
    Dispatcher::new(Incarnation(1), Duration::from_secs(15))
}

fn request(action: Option<DispatchAction>) -> u64 {
    match action {
        Some(DispatchAction::Claim(claim)) => claim.request,
        other => panic!("no claim but {other:?}"),
    }
}

/// A dispatcher whose first claim found nothing.
fn idle() -> Dispatcher {
    let mut dispatcher = dispatcher();
    assert_eq!(request(dispatcher.on(room(&[0], 1), NOW)), 1);
    dispatcher.on(DispatchEvent::Claimed(nothing()), NOW);
    assert_eq!(dispatcher.on(room(&[0], 1), NOW), None);
    dispatcher
}

#[test]
fn an_idle_dispatcher_neither_claims_nor_wakes() {
    let mut dispatcher = idle();
    assert_eq!(dispatcher.wake_at(), None);
    assert_eq!(dispatcher.on(DispatchEvent::Timer, NOW * 1000), None);
}

#[test]
fn work_that_comes_during_a_claim_is_claimed_after_it() {
    let mut dispatcher = idle();
    assert_eq!(request(dispatcher.on(DispatchEvent::Work, NOW)), 2);
    assert_eq!(dispatcher.on(DispatchEvent::Work, NOW), None);
    dispatcher.on(DispatchEvent::Claimed(nothing()), NOW);
    assert_eq!(request(dispatcher.on(room(&[0], 1), NOW)), 3);
}

#[test]
fn a_lost_answer_is_asked_for_again_with_the_same_number() {
    let mut dispatcher = dispatcher();
    assert_eq!(request(dispatcher.on(room(&[0], 1), NOW)), 1);
    assert_eq!(dispatcher.on(DispatchEvent::ClaimFailed, NOW), None);
    assert_eq!(dispatcher.on(DispatchEvent::Timer, NOW), None);
    let at = dispatcher.wake_at().expect("it tries again");
    assert_eq!(request(dispatcher.on(DispatchEvent::Timer, at)), 1);
}

#[test]
fn the_next_due_time_wakes_it() {
    let mut dispatcher = idle();
    dispatcher.on(DispatchEvent::Work, NOW);
    let wait = Duration::from_millis(70);
    dispatcher.on(
        DispatchEvent::Claimed(Claimed {
            next_due: Some(wait),
            ..nothing()
        }),
        NOW,
    );
    dispatcher.on(room(&[0], 1), NOW);
    assert_eq!(dispatcher.wake_at(), Some(NOW + wait));
    assert_eq!(request(dispatcher.on(DispatchEvent::Timer, NOW + wait)), 3);
}

#[test]
fn a_far_due_time_is_looked_at_again_in_case_the_wall_clock_was_set() {
    let mut dispatcher = dispatcher();
    dispatcher.on(room(&[0], 1), NOW);
    dispatcher.on(
        DispatchEvent::Claimed(Claimed {
            next_due: Some(Duration::from_secs(3_600)),
            ..nothing()
        }),
        NOW,
    );
    dispatcher.on(room(&[0], 1), NOW);
    assert_eq!(dispatcher.wake_at(), Some(NOW + LONGEST_WAIT));
}

#[test]
fn a_lane_that_a_confined_job_waits_for_is_claimed_for_once_it_is_idle() {
    let mut dispatcher = dispatcher();
    dispatcher.on(room(&[0], 1), NOW);
    dispatcher.on(
        DispatchEvent::Claimed(Claimed {
            wanted: vec![1],
            ..nothing()
        }),
        NOW,
    );
    assert_eq!(dispatcher.on(room(&[0], 1), NOW), None);
    assert_eq!(request(dispatcher.on(room(&[0, 1], 1), NOW)), 2);
    // In vain: the lane's lease isn't settled yet. Asking again at once would spin.
    dispatcher.on(
        DispatchEvent::Claimed(Claimed {
            wanted: vec![1],
            ..nothing()
        }),
        NOW,
    );
    assert_eq!(dispatcher.on(room(&[0, 1], 1), NOW), None);
    assert_eq!(request(dispatcher.on(DispatchEvent::Work, NOW)), 3);
}

#[test]
fn after_a_stop_nothing_is_handed_out() {
    let mut dispatcher = dispatcher();
    dispatcher.on(room(&[0], 1), NOW);
    dispatcher.on(DispatchEvent::Stop, NOW);
    let late = dispatcher.on(DispatchEvent::Claimed(nothing()), NOW);
    assert_eq!(late, Some(DispatchAction::GiveBack(vec![])));
    assert_eq!(dispatcher.on(DispatchEvent::Work, NOW), None);
}

#[test]
fn with_something_due_later_and_no_room_told_yet_it_must_hear_of_room() {
    let mut dispatcher = dispatcher();
    dispatcher.on(room(&[0], 1), NOW);
    let later = Claimed {
        next_due: Some(Duration::from_millis(300)),
        ..nothing()
    };
    dispatcher.on(DispatchEvent::Claimed(later), NOW);
    let now_and_then = NOW + Duration::from_secs(5);
    assert_eq!(dispatcher.wake_at(), Some(now_and_then), "nobody has told");
    assert!(dispatcher.wants_room());
    dispatcher.on(room(&[0], 1), NOW);
    assert_eq!(dispatcher.wake_at(), Some(NOW + Duration::from_millis(300)));
    assert!(!dispatcher.wants_room());
}
