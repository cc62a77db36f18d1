//! Decides when cron files are read and when what was read counts. Does no I/O and knows no clock: looks, contents and the
//! time are given to it.

use super::look::Look;
use std::time::Duration;

/// Files that change for so long without a rest are taken as they are.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// The coarsest clock of a file system that is counted with: FAT's. Two writes within a tick leave the same stamp, so a file
/// is read again until its stamp is older than that.
pub(super) const TICK: Duration = Duration::from_secs(2);

/// What is known of the files.
#[derive(Debug, Default)]
pub(super) struct Changes {
    known: Option<Known>,
    changing: Option<Changing>,
}

/// What counts.
#[derive(Debug)]
struct Known {
    look: Look,
    /// When files that looked like this were first read.
    since: Duration,
    /// When they were last read.
    read: Duration,
    digests: Vec<u64>,
}

/// A change that may not be complete.
#[derive(Debug)]
struct Changing {
    look: Look,
    since: Duration,
}

/// What a look leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked {
    /// All is as it was.
    Same,
    /// Something changes: look again soon.
    Unsettled,
    /// Read all files.
    Read,
}

/// What contents lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// They are those that count already.
    Same,
    /// They changed while they were read: look again soon.
    Unsettled,
    /// From now on these count.
    New,
}

impl Changes {
    /// Takes a look. A change must look the same twice before it is read: it may be half written.
    pub(super) fn looked(&mut self, look: &Look, now: Duration) -> Looked {
        if let Some(known) = self.known.as_ref().filter(|known| known.look == *look) {
            self.changing = None;
            let may_hide_a_write = known.read < known.since + TICK;
            return match may_hide_a_write {
                true => Looked::Read,
                false => Looked::Same,
            };
        }
        let before = self.changing.take();
        let since = before.as_ref().map_or(now, |changing| changing.since);
        let is_settled = before.is_some_and(|changing| changing.look == *look);
        self.changing = Some(Changing {
            look: look.clone(),
            since,
        });
        match is_settled || now.saturating_sub(since) >= PATIENCE {
            true => Looked::Read,
            false => Looked::Unsettled,
        }
    }

    /// Takes contents by the digests of the files: what was read between two looks.
    pub(super) fn read(
        &mut self,
        before: Look,
        after: Look,
        digests: Vec<u64>,
        now: Duration,
    ) -> Taken {
        let since = self.changing.take().map_or(now, |changing| changing.since);
        let has_patience = now.saturating_sub(since) < PATIENCE;
        if before != after && has_patience {
            self.changing = Some(Changing { look: after, since });
            return Taken::Unsettled;
        }
        let known = self.known.take();
        let is_same = known.as_ref().is_some_and(|known| known.digests == digests);
        let looked_like_this = known.filter(|known| is_same && known.look == before);
        // What came while they were read is a change at the next look.
        self.known = Some(Known {
            since: looked_like_this.map_or(now, |known| known.since),
            read: now,
            look: before,
            digests,
        });
        match is_same {
            true => Taken::Same,
            false => Taken::New,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Files that were taken at 0 and have not changed for long.
    fn settled() -> Changes {
        let mut changes = Changes::default();
        let look = Look::sample(0);
        changes.looked(&look, at(0));
        changes.read(look.clone(), look.clone(), vec![0], at(0));
        changes.read(look.clone(), look, vec![0], at(2_000));
        changes
    }

    #[test]
    fn a_change_counts_once_it_looks_the_same_twice() {
        let mut changes = settled();
        let look = Look::sample(1);
        assert_eq!(changes.looked(&look, at(5_000)), Looked::Unsettled);
        assert_eq!(changes.looked(&look, at(5_100)), Looked::Read);
        assert_eq!(
            changes.read(look.clone(), look, vec![1], at(5_100)),
            Taken::New
        );
    }

    #[test]
    fn a_change_that_goes_on_is_not_read() {
        let mut changes = settled();
        for step in 1..10 {
            let now = at(5_000 + 100 * step);
            let looked = changes.looked(&Look::sample(step as i64), now);
            assert_eq!(looked, Looked::Unsettled, "{step}");
        }
    }

    #[test]
    fn what_changes_all_the_time_counts_after_a_second() {
        let mut changes = settled();
        changes.looked(&Look::sample(1), at(5_000));
        assert_eq!(changes.looked(&Look::sample(2), at(6_000)), Looked::Read);
        let taken = changes.read(Look::sample(2), Look::sample(3), vec![1], at(6_000));
        assert_eq!(taken, Taken::New);
        // And what came meanwhile is not forgotten.
        assert_eq!(
            changes.looked(&Look::sample(3), at(6_500)),
            Looked::Unsettled
        );
        assert_eq!(changes.looked(&Look::sample(3), at(6_600)), Looked::Read);
    }

    #[test]
    fn what_changes_while_it_is_read_does_not_count() {
        let mut changes = settled();
        changes.looked(&Look::sample(1), at(5_000));
        changes.looked(&Look::sample(1), at(5_100));
        let taken = changes.read(Look::sample(1), Look::sample(2), vec![1], at(5_100));
        assert_eq!(taken, Taken::Unsettled);
        assert_eq!(changes.looked(&Look::sample(2), at(5_200)), Looked::Read);
    }

    #[test]
    fn a_file_that_comes_back_unchanged_is_not_even_read() {
        let mut changes = settled();
        assert_eq!(
            changes.looked(&Look::sample(1), at(5_000)),
            Looked::Unsettled
        );
        assert_eq!(changes.looked(&Look::sample(0), at(5_100)), Looked::Same);
    }

    #[test]
    fn a_new_stamp_over_the_same_contents_changes_nothing() {
        let mut changes = settled();
        let look = Look::sample(1);
        changes.looked(&look, at(5_000));
        changes.looked(&look, at(5_100));
        assert_eq!(
            changes.read(look.clone(), look, vec![0], at(5_100)),
            Taken::Same
        );
    }

    #[test]
    fn a_second_write_within_a_tick_of_the_clock_is_found() {
        let mut changes = settled();
        let look = Look::sample(1);
        changes.looked(&look, at(5_000));
        changes.looked(&look, at(5_100));
        changes.read(look.clone(), look.clone(), vec![1], at(5_100));
        // Written again, and nothing shows it.
        assert_eq!(changes.looked(&look, at(5_600)), Looked::Read);
        assert_eq!(
            changes.read(look.clone(), look.clone(), vec![2], at(5_600)),
            Taken::New
        );
    }

    #[test]
    fn a_file_is_read_again_until_its_stamp_can_be_trusted() {
        let mut changes = Changes::default();
        let look = Look::sample(0);
        changes.looked(&look, at(0));
        let mut reads = Vec::new();
        for now in (0..5_000).step_by(500) {
            if changes.looked(&look, at(now)) == Looked::Read {
                changes.read(look.clone(), look.clone(), vec![7], at(now));
                reads.push(now);
            }
        }
        assert_eq!(reads, [0, 500, 1_000, 1_500, 2_000]);
    }

    #[test]
    fn the_first_contents_are_new() {
        let mut changes = Changes::default();
        let look = Look::sample(0);
        assert_eq!(changes.looked(&look, at(0)), Looked::Unsettled);
        assert_eq!(changes.looked(&look, at(100)), Looked::Read);
        assert_eq!(
            changes.read(look.clone(), look, vec![0], at(100)),
            Taken::New
        );
    }
}
