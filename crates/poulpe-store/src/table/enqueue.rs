//! Accepts jobs: duplicates, conflicts, groups with their checkpoints. Decides by digests and checkpoints alone; the
//! content of a job is the scheduler's. Staged by the store's writer.

use super::entry::{Living, Phase};
use super::op::{Life, Note, Op, OpAnswer, Record, Staged, Write};
use super::{CheckpointValue, IdHash, Now, Table};
use crate::{Accepted, Checkpoint, Entry, Group, GroupAnswer};
use poulpe_job::{Job, Progress, State};

/// Whether a checkpoint lets its group pass.
enum Gate {
    Open,
    Moved,
    /// The group was written before: this is a repeat.
    Repeat,
    Busy,
}

impl<P: Clone> Table<P> {
    /// Stages groups; without `room` new jobs are answered `Full`.
    pub(super) fn stage_enqueue(
        &mut self,
        groups: Vec<Group>,
        now: Now,
        room: bool,
        writes: &mut Vec<Write<P>>,
    ) -> Staged {
        let any_busy = groups
            .iter()
            .flat_map(|g| &g.checkpoint)
            .any(|c| matches!(self.gate(c), Gate::Busy));
        if any_busy {
            return Staged::Later(Op::Enqueue(groups));
        }
        let mut answers = Vec::with_capacity(groups.len());
        for group in groups {
            let gate = group
                .checkpoint
                .as_ref()
                .map_or(Gate::Open, |c| self.gate(c));
            answers.push(match gate {
                // Two groups of one call moving one checkpoint: the second can't know yet.
                Gate::Moved | Gate::Busy => GroupAnswer::CheckpointMoved,
                Gate::Repeat => GroupAnswer::Taken(self.repeat(&group.entries, now)),
                Gate::Open => {
                    let full = !room;
                    let taken = group
                        .entries
                        .into_iter()
                        .map(|entry| self.stage_entry(entry, now, full, writes));
                    let taken: Vec<Accepted> = taken.collect();
                    let refused = taken.contains(&Accepted::Full);
                    if let Some(checkpoint) = group.checkpoint.filter(|_| !refused) {
                        self.stage_checkpoint(checkpoint, writes);
                    }
                    GroupAnswer::Taken(taken)
                }
            });
        }
        Staged::Answer(OpAnswer::Enqueued(answers))
    }

    fn stage_entry(
        &mut self,
        entry: Entry,
        now: Now,
        full: bool,
        writes: &mut Vec<Write<P>>,
    ) -> Accepted {
        let hash = self.hash(&entry.job().id);
        if let Some(known) = self.known(hash, entry.job(), now) {
            if let (Accepted::Conflict, Entry::JobOr { otherwise, .. }) = (known, entry)
                && self.stage_entry(*otherwise, now, full, writes) == Accepted::Full
            {
                return Accepted::Full;
            }
            return known;
        }
        if full {
            return Accepted::Full;
        }
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let (mut job, life, progress, state) = match entry {
            Entry::Job { mut job, due } | Entry::JobOr { mut job, due, .. } => {
                job.due = now.resolve(due);
                let state = if job.due <= now.wall.floor() {
                    State::Ready
                } else {
                    State::Delayed
                };
                (job, Life::Living, Progress::default(), state)
            }
            Entry::Dead {
                mut job,
                result,
                error,
            } => {
                job.due = now.wall.floor();
                let progress = Progress {
                    errors: vec![error],
                    ..Progress::default()
                };
                let life = Life::dead(&job, result);
                (job, life, progress, State::Dead)
            }
        };
        job.accepted_at = now.wall.floor();
        let queue = self.ready.key(&job.lanes, false);
        let record = Box::new(Record {
            job,
            progress,
            life,
        });
        let living = Living {
            phase: Phase::Busy(state),
            ..Living::of(sequence, &record, queue)
        };
        self.living.insert(hash, living);
        writes.push(Write::Put {
            sequence,
            record,
            previous: None,
            note: Note::of(hash),
        });
        Accepted::New(state)
    }

    /// The answer for an id that is taken or guarded.
    fn known(&self, hash: IdHash, job: &Job, now: Now) -> Option<Accepted> {
        let (digest, state) = match self.living.get(&hash) {
            Some(living) => (living.digest, living.state(now.wall.floor())),
            None => self.ended.guard(hash, now.wall.floor())?,
        };
        Some(if digest == job.digest {
            Accepted::Duplicate(state)
        } else {
            Accepted::Conflict
        })
    }

    fn gate(&self, checkpoint: &Checkpoint) -> Gate {
        let known = self.checkpoints.get(&checkpoint.name);
        if known.is_some_and(|known| known.busy) {
            return Gate::Busy;
        }
        let value = known
            .and_then(|known| known.current.as_ref())
            .map(|(value, _)| value);
        if value == checkpoint.expected.as_ref() {
            return Gate::Open;
        }
        if value == Some(&checkpoint.next) {
            Gate::Repeat
        } else {
            Gate::Moved
        }
    }

    /// The answers of a group that was written before. What is no longer known has ended since.
    fn repeat(&self, entries: &[Entry], now: Now) -> Vec<Accepted> {
        let done = Accepted::Duplicate(State::Done);
        entries
            .iter()
            .map(|e| {
                self.known(self.hash(&e.job().id), e.job(), now)
                    .unwrap_or(done)
            })
            .collect()
    }

    fn stage_checkpoint(&mut self, checkpoint: Checkpoint, writes: &mut Vec<Write<P>>) {
        let Checkpoint { name, next, .. } = checkpoint;
        let known = self
            .checkpoints
            .entry(name.clone())
            .or_insert(CheckpointValue {
                current: None,
                busy: false,
            });
        known.busy = true;
        let previous = known.current.as_ref().map(|(_, place)| place.clone());
        writes.push(Write::Checkpoint {
            name,
            value: next,
            previous,
        });
    }

    /// Stages a checkpoint on its own.
    pub(super) fn stage_compare_and_set(
        &mut self,
        checkpoint: Checkpoint,
        writes: &mut Vec<Write<P>>,
    ) -> Staged {
        match self.gate(&checkpoint) {
            Gate::Busy => return Staged::Later(Op::CompareAndSet(checkpoint)),
            Gate::Moved => return Staged::Answer(OpAnswer::Changed(false)),
            Gate::Repeat => {}
            Gate::Open => self.stage_checkpoint(checkpoint, writes),
        }
        Staged::Answer(OpAnswer::Changed(true))
    }
}

impl Note {
    pub(super) fn of(hash: IdHash) -> Self {
        Self {
            hash,
            was_dead: false,
            was_sent: false,
            tell: None,
            is_import: false,
        }
    }
}
