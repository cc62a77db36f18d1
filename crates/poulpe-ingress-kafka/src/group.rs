//! Which daemons read the topic, and who of them reads which partition. A daemon that lives counts up in a checkpoint
//! that all share; one whose count stands still for a while is taken for dead, by everyone's own clock. That may be wrong:
//! what keeps two from storing one record is the cursor, never this.

use crate::Shared;
use crate::trouble::Trouble;
use poulpe_core::store::Checkpoint;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use tokio::time::Instant;

/// How often a daemon says that it lives.
pub(crate) const BEAT: Duration = Duration::from_secs(2);

/// After so long without a beat a daemon is taken for dead.
const SILENCE: Duration = Duration::from_secs(8);

/// How often a change is tried that others were ahead of.
const TRIES: u32 = 10;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Members(BTreeMap<String, u64>);

/// What this daemon knows of the others.
#[derive(Default)]
pub(crate) struct Group {
    /// The last beat of each, and when it was seen first.
    seen: HashMap<String, (u64, Instant)>,
    /// Those that live, in order.
    live: Vec<String>,
}

impl Group {
    /// Says that this daemon lives, and looks who else does.
    pub(crate) async fn beat(&mut self, shared: &Shared) -> Result<(), Trouble> {
        if !shared.feed.shares_store() {
            self.live = vec![shared.me.clone()];
            return Ok(());
        }
        for _ in 0..TRIES {
            let (mut members, bytes) = load(shared).await?;
            self.look(&members, &shared.me, Instant::now());
            members.0.retain(|name, _| self.live.contains(name));
            *members.0.entry(shared.me.clone()).or_default() += 1;
            self.live = members.0.keys().cloned().collect();
            if set(shared, &members, bytes).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Says that this daemon leaves.
    pub(crate) async fn leave(&self, shared: &Shared) -> Result<(), Trouble> {
        if !shared.feed.shares_store() {
            return Ok(());
        }
        for _ in 0..TRIES {
            let (mut members, bytes) = load(shared).await?;
            if members.0.remove(&shared.me).is_none() || set(shared, &members, bytes).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    fn look(&mut self, members: &Members, me: &str, now: Instant) {
        for (name, beat) in &members.0 {
            let seen = self.seen.entry(name.clone()).or_insert((*beat, now));
            if seen.0 != *beat {
                *seen = (*beat, now);
            }
        }
        self.seen.retain(|name, _| members.0.contains_key(name));
        let lives = |name: &&String| {
            let seen = self.seen.get(*name);
            *name == me || seen.is_some_and(|(_, since)| now - *since < SILENCE)
        };
        self.live = members.0.keys().filter(lives).cloned().collect();
    }

    /// Whether this daemon lives, as far as known here.
    pub(crate) fn lives(&self, name: &str) -> bool {
        self.live.iter().any(|live| live == name)
    }

    /// Whether a partition is to be read by this daemon.
    pub(crate) fn is_for(&self, me: &str, partition: i32) -> bool {
        let turn = partition.unsigned_abs() as usize % self.live.len().max(1);
        self.live.get(turn).is_some_and(|live| live == me)
    }

    /// Whether it is this daemon that does what only one does.
    pub(crate) fn leads(&self, me: &str) -> bool {
        self.live.first().is_some_and(|first| first == me)
    }
}

fn name(shared: &Shared) -> String {
    format!("kafka/{}/members", shared.config.topic)
}

async fn load(shared: &Shared) -> Result<(Members, Option<Vec<u8>>), Trouble> {
    let bytes = shared.feed.load(&name(shared)).await?;
    let members = match &bytes {
        Some(bytes) => {
            serde_json::from_slice(bytes).map_err(|_| Trouble::Checkpoint(name(shared)))?
        }
        None => Members::default(),
    };
    Ok((members, bytes))
}

async fn set(
    shared: &Shared,
    members: &Members,
    expected: Option<Vec<u8>>,
) -> Result<bool, Trouble> {
    let checkpoint = Checkpoint {
        name: name(shared),
        expected,
        next: serde_json::to_vec(members).unwrap_or_default(),
    };
    Ok(shared.feed.compare_and_set(checkpoint).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(of: &[(&str, u64)]) -> Members {
        Members(
            of.iter()
                .map(|(name, beat)| ((*name).into(), *beat))
                .collect(),
        )
    }

    #[test]
    fn who_stands_still_is_taken_for_dead_and_who_comes_back_lives() {
        let (mut group, start) = (Group::default(), Instant::now());
        group.look(&members(&[("a", 1), ("b", 1)]), "a", start);
        assert!(group.lives("b"));
        group.look(&members(&[("a", 2), ("b", 1)]), "a", start + SILENCE);
        assert!(!group.lives("b") && group.lives("a"));
        group.look(&members(&[("a", 2), ("b", 2)]), "a", start + SILENCE);
        assert!(group.lives("b"));
    }

    #[test]
    fn every_partition_is_for_exactly_one_who_lives() {
        let mut group = Group::default();
        group.look(
            &members(&[("a", 1), ("b", 1), ("c", 1)]),
            "a",
            Instant::now(),
        );
        for partition in 0..20 {
            let whose = ["a", "b", "c"]
                .iter()
                .filter(|me| group.is_for(me, partition));
            assert_eq!(whose.count(), 1, "{partition}");
        }
    }
}
