//! Fire times: what a schedule matches on the wall clock, as instants, where clocks are moved too. Owns the rules of gaps
//! and folds; searches wall clocks by `Schedule` and reads offsets from `Zone`.

use crate::calendar::END;
use crate::local::LocalTime;
use crate::schedule::Schedule;
use crate::zone::{Period, Zone};
use poulpe_job::Timestamp;

/// No zone is as far from UTC as this.
const FARTHEST: i64 = 2 * crate::calendar::DAY;

impl Schedule {
    /// The first fire time strictly after an instant; `None` when there is none before 2100.
    ///
    /// Where clocks are moved, an interval schedule ([`Schedule::is_interval`]) follows elapsed time: nothing for a gap, and
    /// both passes of a fold. A fixed one runs once at the end of a gap for all of its times in it, and in the first pass
    /// of a fold only.
    pub fn next_after(&self, after: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let second = after
            .as_millis()
            .div_euclid(1_000)
            .clamp(-FARTHEST, END + FARTHEST);
        self.at_or_after(second + 1, zone)
            .map(|second| Timestamp::from_millis(second * 1_000))
    }

    /// All fire times strictly after an instant, in order.
    pub fn after<'a>(&'a self, after: Timestamp, zone: &'a Zone) -> FireTimes<'a> {
        FireTimes {
            schedule: self,
            zone,
            last: Some(after),
        }
    }

    fn at_or_after(&self, mut start: i64, zone: &Zone) -> Option<i64> {
        let mut periods = zone.periods_from(start).iter().peekable();
        // Where the last search on the wall clock began, and what it found: the next period seldom needs another.
        let mut known = (i64::MAX, 0);
        while let Some(period) = periods.next() {
            let mut search = |from: i64| {
                let is_known = known.0 <= from && from <= known.1;
                if !is_known {
                    known = (from, self.next_on_wall(from)?);
                }
                Some(known.1)
            };
            let wall = start + period.offset;
            let is_end_of_gap = start == period.from && wall > period.reached;
            if is_end_of_gap && !self.is_interval() {
                // Its times in the gap fall together here.
                let in_gap = search(period.reached).is_some_and(|found| found < wall);
                if in_gap {
                    return Some(start);
                }
            }
            let from = match self.is_interval() {
                true => wall,
                // What the clock shows for the second time is over.
                false => wall.max(period.reached),
            };
            let fire = search(from)? - period.offset;
            let Some(next) = periods.peek().filter(|next| fire >= next.from) else {
                return Some(fire);
            };
            start = next.from;
        }
        None
    }

    /// What is special about a fire time because clocks are moved, if anything is.
    pub fn remark(&self, fire: Timestamp, zone: &Zone) -> Option<Remark> {
        let second = fire.as_millis().div_euclid(1_000);
        let (period, next) = zone.period(second);
        if let Some(gap) = self.gap_at(second, zone, period) {
            return Some(gap);
        }
        let wall = second + period.offset;
        if wall < period.reached {
            return Some(Remark::SecondPass);
        }
        let is_repeated = next.is_some_and(|next| wall >= next.from + next.offset);
        is_repeated.then_some(Remark::FirstPass)
    }

    /// The gap that a fire time stands for, or the first after it.
    fn gap_at(&self, second: i64, zone: &Zone, period: Period) -> Option<Remark> {
        let end = period.from.checked_add(period.offset)?;
        let skipped = self
            .next_on_wall(period.reached)
            .filter(|wall| *wall < end)?;
        let is_first = self.at_or_after(period.from, zone) == Some(second);
        if period.reached >= end || !is_first {
            return None;
        }
        let local = |wall| LocalTime {
            wall,
            offset: period.offset,
        };
        Some(Remark::Gap {
            from: local(period.reached),
            to: local(end),
            skipped: local(skipped),
            is_moved: !self.is_interval(),
        })
    }
}

/// What is special about a fire time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remark {
    /// The clock skipped times at which the schedule would have fired.
    Gap {
        /// Where the clock stopped being right.
        from: LocalTime,
        /// Where it went on.
        to: LocalTime,
        /// The first of the schedule's times that don't exist.
        skipped: LocalTime,
        /// Whether this fire time stands for the skipped ones (a fixed schedule) or they are left out (an interval).
        is_moved: bool,
    },
    /// The clock will show this time again.
    FirstPass,
    /// The clock has shown this time before.
    SecondPass,
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Remark::Gap {
                from,
                to,
                skipped,
                is_moved: true,
            } => write!(
                f,
                "gap: clocks skip {} to {}, runs at its end instead of at {}",
                from.clock(),
                to.clock(),
                skipped.clock()
            ),
            Remark::Gap { from, to, .. } => {
                write!(
                    f,
                    "gap: clocks skip {} to {}, nothing is left out of elapsed time",
                    from.clock(),
                    to.clock()
                )
            }
            Remark::FirstPass => f.write_str("fold: first pass"),
            Remark::SecondPass => f.write_str("fold: second pass"),
        }
    }
}

/// The fire times of a schedule, from [`Schedule::after`].
#[derive(Debug, Clone)]
pub struct FireTimes<'a> {
    schedule: &'a Schedule,
    zone: &'a Zone,
    last: Option<Timestamp>,
}

impl Iterator for FireTimes<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        self.last = self
            .last
            .and_then(|last| self.schedule.next_after(last, self.zone));
        self.last
    }
}

impl std::iter::FusedIterator for FireTimes<'_> {}
