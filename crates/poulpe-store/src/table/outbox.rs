//! What must leave the store: dead letters for files, results for where their jobs came from. An item is in the outbox by
//! the job's own record, so it is there in the write that ends the job, and gone by another one. Staged by the store's
//! writer.

use super::entry::DeadJob;
use super::op::{EndRecord, Life, Note, Op, OpAnswer, Staged, Write};
use super::settle::expect_record;
use super::{Found, IdHash, Load, Table};
use crate::{OutboxKind, StoreResult};
use poulpe_job::State;
use std::collections::BTreeSet;

impl<P: Clone> Table<P> {
    /// The oldest items of a kind that aren't acknowledged yet.
    pub fn outbox(&self, kind: OutboxKind, max: usize) -> Vec<Found<P>> {
        let waiting = self.waiting(kind).iter();
        let found = waiting.filter_map(|sequence| {
            let (state, kept) = match self.dead.get(sequence) {
                Some(dead) => (State::Dead, dead),
                None => (State::Done, self.sending.get(sequence)?),
            };
            (!kept.busy).then(|| Found::bare(*sequence, state, &kept.place))
        });
        found.take(max).collect()
    }

    fn waiting(&self, kind: OutboxKind) -> &BTreeSet<u64> {
        match kind {
            OutboxKind::DeadLetter => &self.outbox,
            OutboxKind::Result => &self.unsent,
        }
    }

    pub(super) fn stage_acknowledge(
        &mut self,
        kind: OutboxKind,
        tokens: Vec<u64>,
        load: &dyn Load<P>,
        writes: &mut Vec<Write<P>>,
    ) -> StoreResult<Staged> {
        let is_busy = |token: &u64| {
            let kept = self.dead.get(token).or_else(|| self.sending.get(token));
            kept.is_some_and(|kept| kept.busy)
        };
        if tokens.iter().any(is_busy) {
            return Ok(Staged::Later(Op::Acknowledge(kind, tokens)));
        }
        for token in tokens {
            if !self.waiting(kind).contains(&token) {
                continue;
            }
            let write = match self.dead.get_mut(&token) {
                Some(dead) => acknowledged_dead(kind, token, dead, load)?,
                None => self.acknowledged_end(token, load)?,
            };
            writes.extend(write);
        }
        Ok(Staged::Answer(OpAnswer::Done))
    }

    /// Nothing is left of the job but its end.
    fn acknowledged_end(
        &mut self,
        token: u64,
        load: &dyn Load<P>,
    ) -> StoreResult<Option<Write<P>>> {
        let Some(kept) = self.sending.get_mut(&token).filter(|kept| !kept.busy) else {
            return Ok(None);
        };
        let record = expect_record(load.load(&kept.place)?)?;
        let Life::Unsent { result } = record.life else {
            return Ok(None);
        };
        kept.busy = true;
        let end = EndRecord {
            id: record.job.id,
            chosen: record.job.id_chosen,
            digest: record.job.digest,
            // A dead letter that was removed leaves nothing.
            result: Some(result).filter(|result| result.state == State::Done),
        };
        Ok(Some(Write::End {
            sequence: token,
            end: Box::new(end),
            previous: Some(kept.place.clone()),
            note: Note {
                was_sent: true,
                ..Note::of(kept.hash)
            },
        }))
    }

    pub(super) fn insert_sending(&mut self, sequence: u64, kept: DeadJob<P>) {
        self.unsent.insert(sequence);
        self.sending.insert(sequence, kept);
    }

    pub(super) fn remove_sending(&mut self, sequence: u64) {
        if self.sending.remove(&sequence).is_some() {
            self.unsent.remove(&sequence);
        }
    }
}

/// The dead letter stays; only a mark in its record changes.
fn acknowledged_dead<P: Clone>(
    kind: OutboxKind,
    token: u64,
    dead: &mut DeadJob<P>,
    load: &dyn Load<P>,
) -> StoreResult<Option<Write<P>>> {
    if dead.busy {
        return Ok(None);
    }
    let mut record = expect_record(load.load(&dead.place)?)?;
    let Life::Dead { outbox, .. } = &mut record.life else {
        return Ok(None);
    };
    match kind {
        OutboxKind::DeadLetter => outbox.letter = false,
        OutboxKind::Result => outbox.result = false,
    }
    dead.busy = true;
    Ok(Some(Write::Put {
        sequence: token,
        record: Box::new(record),
        previous: Some(dead.place.clone()),
        note: Note {
            was_dead: true,
            ..Note::of(dead.hash)
        },
    }))
}

impl<P: Clone> DeadJob<P> {
    pub(super) fn at(hash: IdHash, place: &P) -> Self {
        Self {
            hash,
            place: place.clone(),
            busy: false,
        }
    }
}
