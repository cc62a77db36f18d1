//! Records that a store has copied elsewhere: whether one still counts, and where it lies from now on. Changes nothing
//! about a job. Called by a store that cleans up, between two batches of its writer.

use super::{IdHash, Table};

/// Whose record it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A job's, living, dead or done.
    Job {
        /// Its place in the order of acceptance.
        sequence: u64,
        /// Its id, as this table keeps it.
        hash: IdHash,
    },
    /// A checkpoint's, of this name.
    Checkpoint(String),
}

impl<P: Clone + PartialEq> Table<P> {
    /// The owner of a job's record.
    pub fn owner(&self, sequence: u64, id: &str) -> Owner {
        let hash = self.hash_text(id);
        Owner::Job { sequence, hash }
    }

    /// Whether the record at `place` is the one that counts.
    pub fn is_current(&self, owner: &Owner, place: &P) -> bool {
        match owner {
            Owner::Job { sequence, hash } => {
                let living = self.living.get(hash).and_then(|job| job.place.as_ref());
                let dead = self.dead.get(sequence).map(|dead| &dead.place);
                let ended = self.ended.place(*hash);
                let sending = self.sending.get(sequence).map(|kept| &kept.place);
                [living, dead, ended, sending].contains(&Some(place))
            }
            Owner::Checkpoint(name) => {
                let value = self.checkpoints.get(name);
                let current = value.and_then(|value| value.current.as_ref());
                current.is_some_and(|(_, current)| current == place)
            }
        }
    }

    /// A record was copied. If it is still the one that counts, the copy counts from now on.
    pub fn relocate(&mut self, owner: &Owner, from: &P, to: &P) {
        match owner {
            Owner::Job { sequence, hash } => {
                if let Some(job) = self.living.get_mut(hash)
                    && job.place.as_ref() == Some(from)
                {
                    job.place = Some(to.clone());
                }
                if let Some(dead) = self.dead.get_mut(sequence)
                    && dead.place == *from
                {
                    dead.place = to.clone();
                }
                if let Some(kept) = self.sending.get_mut(sequence)
                    && kept.place == *from
                {
                    kept.place = to.clone();
                }
                if self.ended.place(*hash) == Some(from) {
                    self.ended.moved(*hash, *sequence, to);
                }
            }
            Owner::Checkpoint(name) => {
                let value = self.checkpoints.get_mut(name);
                if let Some((_, place)) = value.and_then(|value| value.current.as_mut())
                    && place == from
                {
                    *place = to.clone();
                }
            }
        }
    }
}
