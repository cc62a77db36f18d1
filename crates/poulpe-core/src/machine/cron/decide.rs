//! Which fire times of a schedule run now and which are given up. Pure: times in, times out, with an amount of work that
//! doesn't grow with the length of an outage.

use crate::cron::{LATE, Misfire};
use poulpe_job::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// How many missed fire times `MISFIRE=all` makes up for at most.
const ALL_MAX: usize = 1_000;

/// Missed fire times are counted up to here: of a schedule that fires each second these are nearly three hours, and
/// beyond that nobody wants the exact figure.
const COUNTED_MAX: u64 = 10_000;

/// What becomes of the fire times after a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    /// These run, in their order.
    pub(super) fires: Vec<Timestamp>,
    /// So many were missed and don't; of very many only the first are counted.
    pub(super) missed: u64,
    /// The last one missed.
    pub(super) last_missed: Option<Timestamp>,
    /// The last one decided.
    pub(super) driven_to: Timestamp,
}

/// Decides everything after `from` up to `horizon`, which isn't before `now`; `None` if there is nothing.
pub(super) fn decide(
    next_after: &dyn Fn(Timestamp) -> Option<Timestamp>,
    misfire: Misfire,
    from: Timestamp,
    now: Timestamp,
    horizon: Timestamp,
) -> Option<Decision> {
    // A fire time that is a minute old to the millisecond is late, not missed.
    let cutoff = now.before(LATE + MILLISECOND);
    let mut missed_ones = Vec::new();
    let mut missed = 0;
    let mut last_missed = None;
    let has_missed = from < cutoff && next_after(from).is_some_and(|fire| fire <= cutoff);
    if has_missed {
        // One that is as old as the window to the millisecond is within it.
        let reach = now.before(misfire.reach() + MILLISECOND).max(from);
        missed_ones = match misfire {
            Misfire::Skip => Vec::new(),
            Misfire::Once { .. } => newest(next_after, reach, cutoff, 1),
            Misfire::All => newest(next_after, reach, cutoff, ALL_MAX),
        };
        let made_up = missed_ones.len() as u64;
        missed = count(next_after, from, cutoff).saturating_sub(made_up);
        if missed > 0 {
            let before = missed_ones.first().map(|first| first.before(MILLISECOND));
            let end = before.unwrap_or(cutoff);
            last_missed = newest(next_after, from, end, 1).pop();
        }
    }
    let mut fires = missed_ones;
    let mut after = from.max(cutoff);
    while let Some(fire) = next_after(after).filter(|fire| *fire <= horizon) {
        fires.push(fire);
        after = fire;
    }
    let driven_to = fires.last().copied().max(last_missed)?;
    Some(Decision {
        fires,
        missed,
        last_missed,
        driven_to,
    })
}

const MILLISECOND: Duration = Duration::from_millis(1);

/// How many fire times there are after `from` up to `end`, as far as they are counted.
fn count(
    next_after: &dyn Fn(Timestamp) -> Option<Timestamp>,
    from: Timestamp,
    end: Timestamp,
) -> u64 {
    let mut count = 0;
    let mut after = from;
    while count < COUNTED_MAX {
        match next_after(after).filter(|fire| *fire <= end) {
            Some(fire) => after = fire,
            None => break,
        }
        count += 1;
    }
    count
}

/// The newest fire times after `from` up to `end`, at most `max`, in their order. Looks at longer and longer stretches
/// before the end, so that a schedule that fires often costs no more after a long outage.
fn newest(
    next_after: &dyn Fn(Timestamp) -> Option<Timestamp>,
    from: Timestamp,
    end: Timestamp,
    max: usize,
) -> Vec<Timestamp> {
    let mut stretch = Duration::from_secs(60);
    loop {
        let start = end.before(stretch).max(from);
        let mut found = VecDeque::new();
        let mut after = start;
        while let Some(fire) = next_after(after).filter(|fire| *fire <= end) {
            if found.len() == max {
                found.pop_front();
            }
            found.push_back(fire);
            after = fire;
        }
        if found.len() == max || start == from || start >= end {
            return found.into();
        }
        stretch *= 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    /// Fires each so many seconds.
    fn every(seconds: i64) -> impl Fn(Timestamp) -> Option<Timestamp> {
        move |after| {
            Some(at(
                (after.as_millis().div_euclid(seconds * 1_000) + 1) * seconds
            ))
        }
    }

    const ONCE: Misfire = Misfire::Once {
        window: Misfire::WINDOW,
    };

    fn seconds(times: &[Timestamp]) -> Vec<i64> {
        times.iter().map(|time| time.as_millis() / 1_000).collect()
    }

    #[test]
    fn a_fire_time_up_to_a_minute_old_runs_whatever_the_rule() {
        for misfire in [ONCE, Misfire::Skip, Misfire::All] {
            let decision = decide(&every(20), misfire, at(0), at(60), at(60)).expect("some");
            assert_eq!(seconds(&decision.fires), [20, 40, 60], "{misfire:?}");
            assert_eq!((decision.missed, decision.driven_to), (0, at(60)));
        }
    }

    #[test]
    fn of_those_missed_once_runs_the_newest_skip_none_and_all_all() {
        let now = at(1_000);
        let of = |misfire| decide(&every(100), misfire, at(0), now, now).expect("some");
        // 1,000 is now; 100 to 900 are older than a minute.
        assert_eq!(seconds(&of(ONCE).fires), [900, 1_000]);
        assert_eq!((of(ONCE).missed, of(ONCE).last_missed), (8, Some(at(800))));
        assert_eq!(seconds(&of(Misfire::Skip).fires), [1_000]);
        assert_eq!(
            (of(Misfire::Skip).missed, of(Misfire::Skip).last_missed),
            (9, Some(at(900)))
        );
        assert_eq!(of(Misfire::All).fires.len(), 10);
        assert_eq!(
            (of(Misfire::All).missed, of(Misfire::All).last_missed),
            (0, None)
        );
    }

    #[test]
    fn once_does_not_run_what_lies_before_its_window() {
        let misfire = Misfire::Once {
            window: Duration::from_secs(3_600),
        };
        let daily = every(86_400);
        let decision = decide(
            &daily,
            misfire,
            at(0),
            at(86_400 + 3_601),
            at(86_400 + 3_601),
        );
        let decision = decision.expect("a decision: it is given up");
        assert_eq!((decision.fires.len(), decision.missed), (0, 1));
        assert_eq!(decision.driven_to, at(86_400));
        let in_time = decide(
            &daily,
            misfire,
            at(0),
            at(86_400 + 3_600),
            at(86_400 + 3_600),
        );
        assert_eq!(seconds(&in_time.expect("some").fires), [86_400]);
    }

    #[test]
    fn all_makes_up_for_the_newest_thousand() {
        let now = at(10_000);
        let decision = decide(&every(1), Misfire::All, at(0), now, now).expect("some");
        // 1,000 missed ones up to 9,939, and 61 late ones.
        assert_eq!(decision.fires.len(), 1_061);
        assert_eq!(decision.fires[0], at(8_940));
        assert_eq!(
            (decision.missed, decision.last_missed),
            (8_939, Some(at(8_939)))
        );
    }

    #[test]
    fn ten_years_of_seconds_take_no_longer_than_a_day_of_them() {
        let calls = std::cell::Cell::new(0);
        let each_second = every(1);
        let counting = |after| {
            calls.set(calls.get() + 1);
            each_second(after)
        };
        let now = at(10 * 366 * 86_400);
        let decision = decide(&counting, Misfire::All, at(0), now, now).expect("some");
        assert_eq!(decision.missed, COUNTED_MAX - ALL_MAX as u64);
        assert!(calls.get() < 20_000, "{}", calls.get());
    }

    #[test]
    fn nothing_due_is_no_decision() {
        assert_eq!(decide(&every(100), ONCE, at(100), at(199), at(199)), None);
        assert_eq!(decide(&|_| None, ONCE, at(0), at(199), at(199)), None);
    }
}
