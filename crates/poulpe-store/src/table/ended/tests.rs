use super::*;
use std::time::Duration;

const LIMITS: Limits = Limits {
    result_ttl: Duration::from_millis(1_000),
    result_max: 3,
    result_bytes: 100,
    id_max: 4,
};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A job whose sequence says when it ended; its result has ten bytes.
fn end(sequence: u64) -> End<u64> {
    End {
        sequence,
        digest: Digest([0; 16]),
        chosen: true,
        state: State::Done,
        finished_at: at(sequence as i64),
        settled: None,
        place: Some(sequence),
        len: 10,
    }
}

fn ended(jobs: impl IntoIterator<Item = End<u64>>) -> EndedJobs<u64> {
    let mut ended = EndedJobs::new(LIMITS);
    for job in jobs {
        let now = job.finished_at;
        ended.insert(u128::from(job.sequence), job, now);
        ended.evict(now);
    }
    ended
}

fn has_result(ended: &EndedJobs<u64>, hash: IdHash) -> Option<bool> {
    let kept = ended.get(hash, at(10))?;
    Some(kept.place.is_some())
}

#[test]
fn the_oldest_results_go_first_and_leave_guards() {
    let ended = ended((1..=4).map(end));
    let kept = [1, 2, 3, 4].map(|hash| has_result(&ended, hash));
    assert_eq!(kept, [Some(false), Some(true), Some(true), Some(true)]);
}

#[test]
fn a_large_result_drives_out_as_many_as_it_needs() {
    let large = End { len: 85, ..end(4) };
    let ended = ended((1..=3).map(end).chain([large]));
    let kept = [1, 2, 3, 4].map(|hash| has_result(&ended, hash));
    assert_eq!(kept, [Some(false), Some(false), Some(true), Some(true)]);
    assert_eq!(ended.figures().bytes, 95);
}

#[test]
fn a_result_larger_than_the_limit_is_not_kept() {
    let ended = ended([End { len: 101, ..end(1) }]);
    assert_eq!(has_result(&ended, 1), Some(false));
    assert_eq!(ended.figures().bytes, 0);
}

#[test]
fn the_oldest_guards_go_first() {
    let ended = ended((1..=6).map(end));
    let kept = [1, 2, 3, 4].map(|hash| has_result(&ended, hash));
    assert_eq!(kept, [None, None, Some(false), Some(true)]);
}

#[test]
fn too_many_guards_shorten_the_window_and_that_is_told_once() {
    let mut kept = ended((1..=4).map(end));
    assert_eq!(kept.window(), LIMITS.result_ttl);
    assert_eq!(kept.news_of_window(), None);
    kept.insert(5, end(5), at(400));
    kept.evict(at(400));
    // The first job ended at 1.
    let window = Duration::from_millis(399);
    assert_eq!(kept.window(), window);
    assert_eq!(kept.news_of_window(), Some(window));
    assert_eq!(kept.news_of_window(), None);
}

#[test]
fn generated_ids_take_no_room_of_guards() {
    let generated = (5..=9).map(|sequence| End {
        chosen: false,
        ..end(sequence)
    });
    let ended = ended((1..=4).map(end).chain(generated));
    assert_eq!(ended.figures().guards, 4);
    assert_eq!(has_result(&ended, 1), Some(false));
    assert_eq!(has_result(&ended, 5), None);
}

#[test]
fn jobs_that_were_forgotten_take_no_room() {
    let mut ended = ended((1..=3).map(end));
    for sequence in [2, 3] {
        ended.forget(u128::from(sequence), sequence);
    }
    for job in [end(4), end(5)] {
        ended.insert(u128::from(job.sequence), job, at(5));
        ended.evict(at(5));
    }
    assert_eq!(has_result(&ended, 1), Some(true));
    assert_eq!(ended.figures().results, 3);
}

#[test]
fn a_job_that_ends_again_is_as_old_as_its_latest_end() {
    let mut ended = ended([end(1), end(2)]);
    ended.forget(1, 1);
    let again = End {
        finished_at: at(900),
        ..end(1)
    };
    ended.insert(1, again, at(900));
    ended.evict(at(1_002));
    assert_eq!(ended.figures().results, 1);
    assert!(ended.get(1, at(1_002)).is_some());
}

#[test]
fn an_older_dead_letter_does_not_replace_a_later_job() {
    let mut ended = EndedJobs::new(LIMITS);
    ended.insert(7, end(9), at(9));
    let older = End {
        state: State::Dead,
        ..end(2)
    };
    ended.insert(7, older, at(9));
    assert_eq!(ended.get(7, at(9)).map(|kept| kept.sequence), Some(9));
}

#[test]
fn an_end_in_the_future_counts_from_now() {
    let mut ended = EndedJobs::new(LIMITS);
    ended.insert(1, end(999_999), at(10));
    assert!(ended.get(1, at(1_009)).is_some());
    assert!(ended.get(1, at(1_010)).is_none());
}

#[test]
fn what_is_kept_is_counted_exactly() {
    let dead = End {
        state: State::Dead,
        ..end(2)
    };
    let mut ended = ended([end(1), dead, end(3)]);
    let expected = Figures {
        results: 3,
        done: 2,
        bytes: 30,
        guards: 3,
    };
    assert_eq!(ended.figures(), expected);
    ended.evict(at(2_000));
    assert_eq!(ended.figures(), Figures::default());
}
