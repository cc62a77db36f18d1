//! The door for people and their tools.

use super::{Scheduler, cron};
use crate::{
    LaneView, Operate, Overview, ReadyCheck, ScheduleAction, ScheduleChanged, ScheduleView,
    SchedulesView,
};
use poulpe_job::JobId;
use poulpe_store::{BoxFuture, JobView, Page, PageRequest, Revived, StoreError};
use std::sync::atomic::Ordering;

impl Scheduler {
    async fn overview(&self) -> Result<Overview, StoreError> {
        let parts = &self.parts;
        let counts = parts.store.counts().await?;
        let states = parts
            .pool
            .view(parts.settings.workers)
            .into_iter()
            .enumerate();
        let waiting = |lane: u16| {
            let confined = counts
                .waiting
                .iter()
                .filter(|(lanes, _)| !lanes.is_any() && lanes.allows(lane));
            confined.map(|(_, count)| count).sum()
        };
        let lanes = states.map(|(lane, state)| LaneView {
            lane: lane as u16,
            state,
            waiting: waiting(lane as u16),
        });
        let lanes = lanes.collect();
        let mut kinds: Vec<String> = parts.executors.keys().map(ToString::to_string).collect();
        kinds.sort_unstable();
        let counters = &parts.counters;
        let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        Ok(Overview {
            counts,
            lanes,
            prefetched: parts.pool.at_hand() as u64,
            admitting: parts.admission.tasks() as u64,
            kinds,
            unrunnable: counters.unrunnable(),
            ended: (
                read(&counters.succeeded),
                read(&counters.buried),
                read(&counters.cancelled),
            ),
            retried: read(&counters.retried),
            lost: read(&counters.lost),
            start_lag: counters.start_lag(),
            by_kind: counters.by_kind(),
            fires_given_up: counters.given_up(),
            feed: parts.feed.shown(),
            store: parts.store.stats(),
            daemons: self.daemons().await?,
            uptime: parts.clock.monotonic().saturating_sub(parts.started_at),
        })
    }

    async fn revive(&self, id: &JobId) -> Result<Revived, StoreError> {
        let _paused = self.parts.dead_letters.pause().await;
        let dead = self.parts.store.dead(id).await?;
        let revived = self.parts.store.revive(id).await?;
        if let Some(dead) = dead.filter(|_| revived == Revived::Done) {
            self.parts.dead_letters.remove(dead).await;
        }
        Ok(revived)
    }

    async fn purge(&self, id: &JobId) -> Result<bool, StoreError> {
        let _paused = self.parts.dead_letters.pause().await;
        let dead = self.parts.store.dead(id).await?;
        let purged = self.parts.store.purge(id).await?;
        if let Some(dead) = dead.filter(|_| purged) {
            self.parts.dead_letters.remove(dead).await;
        }
        Ok(purged)
    }
}

impl Operate for Scheduler {
    fn overview(&self) -> BoxFuture<'_, Result<Overview, StoreError>> {
        Box::pin(self.overview())
    }

    fn job(&self, id: &JobId) -> BoxFuture<'_, Result<Option<JobView>, StoreError>> {
        self.parts.store.job(id)
    }

    fn dead(&self, id: &JobId) -> BoxFuture<'_, Result<Option<JobView>, StoreError>> {
        self.parts.store.dead(id)
    }

    fn list(&self, request: PageRequest) -> BoxFuture<'_, Result<Page, StoreError>> {
        self.parts.store.list(request)
    }

    fn revive(&self, id: &JobId) -> BoxFuture<'_, Result<Revived, StoreError>> {
        let id = id.clone();
        Box::pin(async move { self.revive(&id).await })
    }

    fn purge(&self, id: &JobId) -> BoxFuture<'_, Result<bool, StoreError>> {
        let id = id.clone();
        Box::pin(async move { self.purge(&id).await })
    }

    fn schedules(&self, max: usize) -> BoxFuture<'_, Result<SchedulesView, StoreError>> {
        Box::pin(cron::view(&self.parts, max))
    }

    fn schedule(&self, id: &str) -> BoxFuture<'_, Result<Option<ScheduleView>, StoreError>> {
        let id = id.to_string();
        Box::pin(async move { cron::view_one(&self.parts, &id).await })
    }

    fn change_schedule(
        &self,
        id: &str,
        action: ScheduleAction,
    ) -> BoxFuture<'_, Result<ScheduleChanged, StoreError>> {
        let id = id.to_string();
        Box::pin(async move { cron::change(&self.parts, &id, action).await })
    }

    fn health(&self) -> Result<(), String> {
        if let Some(actor) = self.parts.broken.get() {
            return Err(format!(
                "the {actor} has panicked; restart poulpe and report this"
            ));
        }
        match self.parts.store.health() {
            // A store that can't be reached comes back by itself: no restart of poulpe helps.
            Ok(()) | Err(StoreError::Unavailable(_)) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn readiness(&self) -> Vec<ReadyCheck> {
        let check = |name, trouble: Option<String>| ReadyCheck {
            name,
            ok: trouble.is_none(),
            reason: trouble.unwrap_or_default(),
        };
        let stopping = self
            .parts
            .is_stopping()
            .then(|| "poulpe is shutting down".to_string());
        let stats = self.parts.store.stats();
        let full = stats
            .full
            .then(|| "the store has no room for new tasks; free disk space".to_string());
        let reached = self.parts.store.health().map_err(|error| error.to_string());
        let trouble = self.health().and(reached).err();
        // Warnings too: jobs are accepted all the same.
        let persistence = ReadyCheck {
            name: "persistence",
            ok: true,
            reason: stats.warnings.join("; "),
        };
        // A warning: what else there is to do is done.
        let now = self.parts.clock.wall().floor();
        let schedules = ReadyCheck {
            name: "schedules",
            ok: true,
            reason: self.parts.cron.warning(now).unwrap_or_default(),
        };
        let mut checks = vec![
            check("store", trouble),
            check("room", full),
            check("dead letters", self.parts.dead_letters.trouble()),
            check("running", stopping),
            persistence,
            schedules,
        ];
        checks.extend(self.parts.feed.check());
        checks
    }
}
