//! Tells the other daemons of a shared store that this one lives and what it does, and knows what they tell. Nothing is
//! decided by it. A store that isn't shared is told nothing: who asks is answered from what is at hand.

use super::{Parts, Scheduler};
use crate::{DaemonView, LaneState};
use poulpe_store::{Member, MemberRun, MemberView, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// How often a daemon tells: often enough for a person who watches, rarely enough to cost nothing.
const BEAT: Duration = Duration::from_secs(4);

/// One that is silent for so many beats seems gone.
const MISSED_BEATS: u32 = 2;

/// How long a daemon that fell silent is listed: long enough to be seen.
const KEEP: Duration = Duration::from_secs(30);

/// How many lanes that run something are told of; more wouldn't be read.
const TOLD_RUNS: usize = 64;

/// How many daemons are listed.
const LISTED: usize = 256;

/// How long the last word may take.
const LEAVE_LIMIT: Duration = Duration::from_secs(1);

/// Tells of this daemon until the task is aborted.
pub(crate) async fn run(parts: Arc<Parts>) {
    if !parts.settings.shares_store {
        return;
    }
    let mut was_told = true;
    loop {
        let told = parts.store.beat(this(&parts), KEEP).await;
        if let (Err(error), true) = (&told, was_told) {
            tracing::warn!(%error, "the other daemons aren't told of this one");
        }
        was_told = told.is_ok();
        let next = parts.clock.monotonic() + BEAT;
        parts.clock.sleep_until(next).await;
    }
}

/// Has the others forget this daemon. After its task was aborted.
pub(crate) async fn leave(parts: &Parts) {
    if !parts.settings.shares_store {
        return;
    }
    let limit = parts.clock.monotonic() + LEAVE_LIMIT;
    tokio::select! {
        left = parts.store.leave(parts.incarnation) => if let Err(error) = left {
            tracing::debug!(%error, "not signed off; the others will notice");
        },
        () = parts.clock.sleep_until(limit) => {}
    }
}

/// What there is to tell of this daemon.
fn this(parts: &Parts) -> Member {
    let states = parts
        .pool
        .view(parts.settings.workers)
        .into_iter()
        .enumerate();
    let mut runs: Vec<MemberRun> = states
        .filter_map(|(lane, state)| match state {
            LaneState::Idle => None,
            LaneState::Running(job, attempt, since) | LaneState::Stuck(job, attempt, since) => {
                Some(MemberRun {
                    lane: lane as u16,
                    job,
                    attempt,
                    since,
                })
            }
        })
        .collect();
    let busy = runs.len() as u16;
    runs.truncate(TOLD_RUNS);
    Member {
        incarnation: parts.incarnation,
        host: parts.identity.host.clone(),
        pid: std::process::id(),
        version: parts.identity.version.clone(),
        address: parts.identity.address.clone(),
        started_at: parts.started_wall,
        workers: parts.settings.workers,
        busy,
        runs,
        stopping: parts.is_stopping(),
    }
}

impl Scheduler {
    /// Every daemon that shares the store, this one first and as it is now.
    pub(super) async fn daemons(&self) -> Result<Vec<DaemonView>, StoreError> {
        let parts = &self.parts;
        let mut daemons = vec![DaemonView {
            member: this(parts),
            beat_at: parts.clock.wall().floor(),
            silent: Duration::ZERO,
            is_this: true,
            is_gone: false,
        }];
        let known = parts.store.members(LISTED).await?;
        let others = known
            .into_iter()
            .filter(|view| view.member.incarnation != parts.incarnation);
        daemons.extend(others.map(other));
        Ok(daemons)
    }
}

fn other(view: MemberView) -> DaemonView {
    DaemonView {
        is_gone: view.silent > BEAT * MISSED_BEATS,
        member: view.member,
        beat_at: view.beat_at,
        silent: view.silent,
        is_this: false,
    }
}
