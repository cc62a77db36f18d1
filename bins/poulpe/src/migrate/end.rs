//! One end of a move: a store, and where it is. Opens it so that whatever is noted of a move is no hindrance; decides
//! nothing.

use super::MigrateFlags;
use anyhow::{Context, bail};
use poulpe_core::JobStore;
use poulpe_core::store::{Limits, Mark, SystemTimeSource};
use poulpe_store_embedded::EmbeddedStore;
use poulpe_store_redis::RedisStore;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A store that takes part in a move.
pub(super) enum End {
    /// In a directory.
    Embedded {
        /// Its path.
        dir: PathBuf,
        /// The store, locked.
        store: EmbeddedStore,
    },
    /// In Redis.
    Redis {
        /// Where, without a password.
        place: String,
        /// How a daemon is started on it.
        hint: String,
        /// The store.
        store: RedisStore,
    },
}

impl End {
    /// The store to take from. It must be there.
    pub(super) fn source(
        name: &str,
        prefix: &str,
        flags: &MigrateFlags,
        ttl: Duration,
    ) -> anyhow::Result<Self> {
        if !is_url(name) && !Path::new(name).join("LOCK").exists() {
            bail!("there is no store in {name}; name the directory that the daemon had as --data");
        }
        Self::open(name, prefix, flags, ttl).context("--from")
    }

    /// The store to bring to.
    pub(super) fn target(
        name: &str,
        prefix: &str,
        flags: &MigrateFlags,
        ttl: Duration,
        from: &Self,
    ) -> anyhow::Result<Self> {
        if let (false, Self::Embedded { dir, .. }) = (is_url(name), from) {
            let is_same = dir.canonicalize().ok() == Path::new(name).canonicalize().ok();
            if is_same {
                bail!("--from and --to are the same directory");
            }
        }
        let to = Self::open(name, prefix, flags, ttl).context("--to")?;
        if from.place() == to.place() {
            bail!("--from and --to are the same Redis and prefix");
        }
        Ok(to)
    }

    fn open(name: &str, prefix: &str, flags: &MigrateFlags, ttl: Duration) -> anyhow::Result<Self> {
        if is_url(name) {
            let mut options = poulpe_store_redis::Options::new(name);
            options.prefix = prefix.into();
            options.ca.clone_from(&flags.redis_ca);
            options.limits = everything(ttl);
            options.transfer = true;
            let place = options.place();
            let hint = match (holds_password(name), prefix) {
                // A password is nothing to print.
                (true, _) => format!("poulpe --redis_file FILE --redis_prefix {prefix}"),
                (false, "poulpe") => format!("poulpe --redis {name}"),
                (false, _) => format!("poulpe --redis {name} --redis_prefix {prefix}"),
            };
            let store = RedisStore::open(options)?;
            return Ok(Self::Redis { place, hint, store });
        }
        let options = poulpe_store_embedded::Options {
            limits: everything(ttl),
            transfer: true,
            ..Default::default()
        };
        let dir = PathBuf::from(name);
        let store = EmbeddedStore::open(&dir, options, Arc::new(SystemTimeSource::new()))?;
        Ok(Self::Embedded { dir, store })
    }

    /// The same store, read anew from where it lies.
    pub(super) fn reopened(self, flags: &MigrateFlags, ttl: Duration) -> anyhow::Result<Self> {
        match self {
            // Redis is asked each time.
            Self::Redis { .. } => Ok(self),
            Self::Embedded { dir, store } => {
                drop(store);
                Self::open(&dir.to_string_lossy(), "", flags, ttl)
            }
        }
    }

    /// Where it is, for people; no two ends are called the same.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Redis { place, .. } => place.clone(),
            Self::Embedded { dir, .. } => {
                let dir = dir.canonicalize().unwrap_or_else(|_| dir.clone());
                dir.display().to_string()
            }
        }
    }

    /// How a daemon is started on it.
    pub(super) fn start_hint(&self) -> String {
        match self {
            Self::Redis { hint, .. } => hint.clone(),
            Self::Embedded { dir, .. } => format!("poulpe --data {}", dir.display()),
        }
    }

    /// What the store does.
    pub(super) fn store(&self) -> &dyn JobStore {
        match self {
            Self::Embedded { store, .. } => store,
            Self::Redis { store, .. } => store,
        }
    }

    /// Whether it is a Redis.
    pub(super) fn is_redis(&self) -> bool {
        matches!(self, Self::Redis { .. })
    }

    /// What is noted of a move.
    pub(super) async fn mark(&self) -> anyhow::Result<Option<Mark>> {
        Ok(match self {
            Self::Embedded { dir, .. } => poulpe_store_embedded::read_mark(dir)?,
            Self::Redis { store, .. } => store.mark().await?,
        })
    }

    /// Notes a move, or with `None` forgets it. Refused while a daemon uses the store.
    pub(super) async fn set_mark(&self, mark: Option<&Mark>) -> anyhow::Result<()> {
        let noted = match self {
            Self::Embedded { store, .. } => store.set_mark(mark).map_err(anyhow::Error::new),
            Self::Redis { store, .. } => {
                let noted = store.set_mark(mark.cloned()).await;
                noted.map_err(anyhow::Error::new)
            }
        };
        noted.with_context(|| self.place())
    }
}

/// Whether this names a Redis rather than a directory.
pub(super) fn is_url(name: &str) -> bool {
    name.contains("://")
}

/// Whether an address may hold a password, before the host or in its query.
fn holds_password(url: &str) -> bool {
    url.contains('@') || url.to_ascii_lowercase().contains("password")
}

/// Nothing may be dropped on the way but what has expired.
fn everything(result_ttl: Duration) -> Limits {
    Limits {
        result_ttl,
        result_max: usize::MAX,
        result_bytes: u64::MAX,
        id_max: usize::MAX,
    }
}
