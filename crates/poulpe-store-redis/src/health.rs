//! How the server does: whether it takes jobs, and what of its settings may lose some. Never asks; the watch does, once a
//! second, and every call tells how it went.

use poulpe_store::{StoreError, StoreResult};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is known of the server.
#[derive(Default)]
pub(crate) struct Health {
    trouble: Mutex<Option<String>>,
    warnings: Mutex<Vec<String>>,
    /// Whether what it acknowledges survives a power cut.
    pub(crate) durable: AtomicBool,
    pub(crate) used_memory: AtomicU64,
    pub(crate) calls: AtomicU64,
    pub(crate) errors: AtomicU64,
}

impl Health {
    /// Whether new jobs can be taken; the error says why not.
    pub(crate) fn state(&self) -> StoreResult<()> {
        match &*lock(&self.trouble) {
            Some(reason) => Err(StoreError::Unavailable(reason.clone())),
            None => Ok(()),
        }
    }

    /// A call went wrong. Stays so until a probe goes well.
    pub(crate) fn troubled(&self, error: &StoreError) {
        self.errors.fetch_add(1, Relaxed);
        let (StoreError::Unavailable(reason) | StoreError::Failed(reason)) = error;
        let mut trouble = lock(&self.trouble);
        if trouble.is_none() {
            tracing::error!(%reason, "Redis is in trouble");
        }
        *trouble = Some(reason.clone());
    }

    /// A probe went well.
    pub(crate) fn well(&self) {
        if lock(&self.trouble).take().is_some() {
            tracing::info!("Redis is well again");
        }
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        lock(&self.warnings).clone()
    }

    /// Logs what is new.
    pub(crate) fn warn(&self, warnings: Vec<String>) {
        let mut known = lock(&self.warnings);
        for warning in warnings.iter().filter(|warning| !known.contains(warning)) {
            tracing::warn!("{warning}");
        }
        *known = warnings;
    }
}

/// The settings of a server that matter, as it tells them; empty where it doesn't.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) appendonly: String,
    pub(crate) appendfsync: String,
    pub(crate) no_appendfsync_on_rewrite: String,
    pub(crate) maxmemory_policy: String,
    pub(crate) replicas: u64,
    pub(crate) used_memory: u64,
}

impl Settings {
    pub(crate) fn is_durable(&self) -> bool {
        self.appendonly == "yes"
            && self.appendfsync == "always"
            && self.no_appendfsync_on_rewrite != "yes"
    }

    /// What may lose jobs, and what to do about it.
    pub(crate) fn warnings(&self, wait: u32) -> Vec<String> {
        let mut warnings = Vec::new();
        match (self.appendonly.as_str(), self.appendfsync.as_str()) {
            ("yes", "always") => {}
            ("yes", "everysec") => warnings.push(
                "Redis syncs once a second (appendfsync everysec): a crash of its machine loses what was accepted in the last second; set appendfsync always".into(),
            ),
            ("yes", "") => warnings.push(
                "Redis doesn't tell how often it syncs (appendfsync): unless it is always, a crash of its machine loses the latest jobs".into(),
            ),
            ("yes", other) => warnings.push(format!(
                "Redis doesn't sync (appendfsync {other}): a crash of its machine loses the latest jobs; set appendfsync always"
            )),
            ("", _) => warnings.push(
                "Redis doesn't tell whether it persists (appendonly): unless it does, a restart of it loses jobs".into(),
            ),
            _ => warnings.push(
                "Redis doesn't persist what it accepts (appendonly no): a restart of it loses jobs; set appendonly yes and appendfsync always".into(),
            ),
        }
        if self.appendonly == "yes" && self.no_appendfsync_on_rewrite == "yes" {
            warnings.push(
                "Redis doesn't sync while it rewrites its log (no-appendfsync-on-rewrite yes): a crash of its machine then loses the latest jobs; set no".into(),
            );
        }
        let may_evict = !matches!(self.maxmemory_policy.as_str(), "" | "noeviction");
        if may_evict {
            warnings.push(format!(
                "Redis may throw jobs away when its memory is full (maxmemory-policy {}); set noeviction",
                self.maxmemory_policy
            ));
        }
        if self.replicas > 0 && wait == 0 {
            warnings.push(
                "Redis replicates behind the answer: a failover may lose the last writes; --redis_wait 1 waits for a replica".into(),
            );
        }
        warnings
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(appendonly: &str, appendfsync: &str, policy: &str) -> Settings {
        Settings {
            appendonly: appendonly.into(),
            appendfsync: appendfsync.into(),
            maxmemory_policy: policy.into(),
            ..Settings::default()
        }
    }

    #[test]
    fn what_may_lose_jobs_is_warned_of() {
        let safe = settings("yes", "always", "noeviction");
        assert_eq!(safe.warnings(0), Vec::<String>::new());
        let cases = [
            (settings("no", "everysec", "noeviction"), "appendonly no"),
            (settings("yes", "everysec", "noeviction"), "everysec"),
            (settings("yes", "no", "noeviction"), "appendfsync no"),
            (settings("", "", "noeviction"), "doesn't tell"),
            (settings("yes", "always", "allkeys-lru"), "allkeys-lru"),
        ];
        for (settings, word) in cases {
            let warnings = settings.warnings(0);
            assert!(
                warnings.len() == 1 && warnings[0].contains(word),
                "{warnings:?}"
            );
        }
    }

    #[test]
    fn a_rewrite_without_syncs_is_warned_of_and_not_durable() {
        let rewriting = Settings {
            no_appendfsync_on_rewrite: "yes".into(),
            ..settings("yes", "always", "noeviction")
        };
        assert_eq!(rewriting.warnings(0).len(), 1);
        assert!(!rewriting.is_durable());
    }

    #[test]
    fn replicas_without_a_wait_are_warned_of() {
        let replicated = Settings {
            replicas: 1,
            ..settings("yes", "always", "noeviction")
        };
        assert_eq!(replicated.warnings(0).len(), 1);
        assert_eq!(replicated.warnings(1), Vec::<String>::new());
    }
}
