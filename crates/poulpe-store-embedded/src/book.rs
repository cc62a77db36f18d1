//! The book of segments: which there are, how much of each still counts, and what must not go before what. Never
//! touches a file. The writer enters what it wrote, the cleaner looks up what may go.
//!
//! A job's records lie where they were written; the latest counts. A latest record that ends a job must stay as long as
//! an earlier one of that job is on disk anywhere, or the job would come back at the next opening:
//!
//! - between hot segments this holds for whole segments: one *depends on* those that its records replace or end, and
//!   goes after them;
//! - a cold segment may stay for very long, and nobody shall wait for it: the end of a job with an earlier record in
//!   cold segments is *owed* to them. It counts as live and is moved like what lives, until they are gone.

use crate::segment::{self, Place, Segment};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A segment that exists, as the log keeps it.
pub(crate) struct Kept {
    pub(crate) segment: Arc<Segment>,
    /// How many bytes its frames take; counts once it isn't in use any more.
    pub(crate) bytes: u64,
    /// Hot segments with records that this one's replace or end. It must not go before them.
    pub(crate) depends_on: BTreeSet<u32>,
}

impl Kept {
    pub(crate) fn new(segment: &Arc<Segment>, bytes: u64) -> Self {
        Self {
            segment: Arc::clone(segment),
            bytes,
            depends_on: BTreeSet::new(),
        }
    }
}

/// What earlier records in cold segments ask of a job's latest one.
pub(crate) struct Owed {
    /// Cold segments with earlier records of the job.
    pub(crate) stale: BTreeSet<u32>,
    /// Where the job's end lies, which has to stay. `None` while it hasn't ended: what lives stays anyway.
    pub(crate) end: Option<Place>,
}

/// A cleaning that is under way.
pub(crate) struct Cleaning {
    pub(crate) victims: BTreeSet<u32>,
    /// The cold segment that what lives is moved to. It exists when the cleaning is done.
    pub(crate) into: u32,
}

/// How much the segments hold that aren't in use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) bytes: u64,
    pub(crate) live: u64,
}

/// See the head of this file.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) segments: BTreeMap<u32, Kept>,
    /// By the job's sequence.
    pub(crate) owed: HashMap<u64, Owed>,
    pub(crate) cleaning: Option<Cleaning>,
}

impl Book {
    /// A record was written that replaces an earlier one of this job, or ends it.
    pub(crate) fn replaced(&mut self, sequence: u64, before: &Place, now: &Place, is_end: bool) {
        let (before, here) = (before.segment.id, now.segment.id);
        if before == here && self.owed.is_empty() {
            return;
        }
        let known = self.owed.remove(&sequence);
        let mut stale = known.map(|owed| owed.stale).unwrap_or_default();
        self.note(before, here, &mut stale);
        self.owe(sequence, stale, is_end.then_some(now));
    }

    /// A record in `here` replaces one in `before`, which has no end of its own: a checkpoint's value.
    pub(crate) fn depend(&mut self, before: u32, here: u32) {
        self.note(before, here, &mut BTreeSet::new());
    }

    fn note(&mut self, before: u32, here: u32, stale: &mut BTreeSet<u32>) {
        if before == here {
            return;
        }
        if segment::is_cold(before) {
            stale.insert(before);
        } else if let Some(kept) = self.segments.get_mut(&here) {
            kept.depends_on.insert(before);
        }
        // It may have been copied already.
        if let Some(cleaning) = &self.cleaning
            && cleaning.victims.contains(&before)
        {
            stale.insert(cleaning.into);
        }
    }

    /// Notes that these cold segments have earlier records of a job, which has ended at `end`, or lives.
    pub(crate) fn owe(&mut self, sequence: u64, stale: BTreeSet<u32>, end: Option<&Place>) {
        if stale.is_empty() || cfg!(mutant = "end_dropped_early") {
            return;
        }
        let end = end.cloned();
        self.owed.insert(sequence, Owed { stale, end });
    }

    /// Whether this record is an end that has to stay.
    pub(crate) fn is_owed(&self, sequence: u64, place: &Place) -> bool {
        let owed = self.owed.get(&sequence);
        owed.is_some_and(|owed| owed.end.as_ref() == Some(place))
    }

    /// An end that has to stay was moved.
    pub(crate) fn moved(&mut self, sequence: u64, from: &Place, to: &Place) {
        if let Some(owed) = self.owed.get_mut(&sequence)
            && owed.end.as_ref() == Some(from)
        {
            owed.end = Some(to.clone());
        }
    }

    /// These segments are gone for good.
    pub(crate) fn forget(&mut self, gone: &[u32]) {
        for id in gone {
            self.segments.remove(id);
        }
        if !gone.iter().any(|id| segment::is_cold(*id)) {
            return;
        }
        self.owed.retain(|_, owed| {
            owed.stale.retain(|id| !gone.contains(id));
            !owed.stale.is_empty()
        });
    }

    /// Whether a segment may go, as far as others are concerned.
    fn is_free(&self, kept: &Kept) -> bool {
        let mut others = kept.depends_on.iter();
        !others.any(|other| self.segments.contains_key(other))
    }

    /// Segments in which nothing counts any more and that may go.
    pub(crate) fn wholly_dead(&self) -> Vec<u32> {
        // The one in use is held by the tail, those with living records by their places.
        let is_dead = |kept: &Kept| Arc::strong_count(&kept.segment) == 1 && self.is_free(kept);
        let dead = self.segments.iter().filter(|(_, kept)| is_dead(kept));
        dead.map(|(id, _)| *id).collect()
    }

    /// What the segments but the one in use hold.
    pub(crate) fn totals(&self, in_use: u32) -> Totals {
        let mut totals = Totals::default();
        for kept in self.closed(in_use) {
            totals.bytes += kept.bytes;
            totals.live += kept.segment.live().min(kept.bytes);
        }
        totals
    }

    /// Which segments to clean next, together: those that may go and less than half of which counts, fewest live bytes
    /// first, as many as fill one segment of `fill` bytes. If only such are left that wait for others, the oldest hot
    /// one, for which they wait.
    pub(crate) fn victims(&self, in_use: u32, fill: u64) -> Vec<u32> {
        let mut sparse: Vec<(u64, u32)> = self
            .closed(in_use)
            .filter(|kept| self.is_free(kept) && 2 * kept.segment.live() <= kept.bytes)
            .map(|kept| (kept.segment.live(), kept.segment.id))
            .collect();
        sparse.sort_unstable();
        let mut sum = 0;
        let mut victims = Vec::new();
        for (live, id) in sparse {
            sum += live;
            if sum > fill && !victims.is_empty() {
                break;
            }
            victims.push(id);
        }
        if victims.is_empty() {
            let oldest = self.segments.keys().next().copied();
            victims.extend(oldest.filter(|id| !segment::is_cold(*id) && *id != in_use));
        }
        victims
    }

    /// Segments that hold very little, once there are many of them: what each start and each cleaning leaves. A segment
    /// may go together with those that it depends on.
    pub(crate) fn crumbs(&self, in_use: u32, fill: u64) -> Vec<u32> {
        /// Each merge makes something that is larger by as much, so a record is merged a few times at most.
        const MANY: usize = 16;
        let mut crumbs = Vec::new();
        for kept in self.closed(in_use) {
            let mut others = kept.depends_on.iter();
            let waits = others.any(|id| self.segments.contains_key(id) && !crumbs.contains(id));
            if !waits && kept.bytes < fill / MANY as u64 {
                crumbs.push(kept.segment.id);
            }
        }
        if crumbs.len() < MANY {
            return Vec::new();
        }
        crumbs
    }

    fn closed(&self, in_use: u32) -> impl Iterator<Item = &Kept> {
        let kept = self.segments.values();
        kept.filter(move |kept| kept.segment.id != in_use)
    }
}
