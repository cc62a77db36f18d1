//! The names of all keys and channels, made here only. One hash tag, so that on a Cluster one poulpe lives in one slot.

use fred::types::Key;

/// What the scripts get as KEYS, in this order; `docs/redis.md` says what each holds. A name that ends in a colon is the
/// start of several keys; the last three are channels.
const NAMES: [&str; 23] = [
    "job",
    "body",
    "result",
    "error",
    "id",
    "delayed",
    "retrying",
    "ready:",
    "filled",
    "leases",
    "lanes",
    "done",
    "buried",
    "guards",
    "dead",
    "dead_id",
    "outbox",
    "checkpoint",
    "meta",
    "claim:",
    "on_work",
    "on_finished",
    "on_cancel",
];

/// The keys of one poulpe.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    /// In the order of `NAMES`.
    pub(crate) all: Vec<Key>,
    prefix: String,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        let all = NAMES.iter().map(|name| Key::from(named(prefix, name)));
        Self {
            all: all.collect(),
            prefix: prefix.into(),
        }
    }

    pub(crate) fn delayed(&self) -> String {
        named(&self.prefix, "delayed")
    }

    pub(crate) fn retrying(&self) -> String {
        named(&self.prefix, "retrying")
    }

    /// The queue of this name; see [`filled`](Self::filled).
    pub(crate) fn ready(&self, queue: &str) -> String {
        named(&self.prefix, &format!("ready:{queue}"))
    }

    /// The names of the queues that aren't empty.
    pub(crate) fn filled(&self) -> String {
        named(&self.prefix, "filled")
    }

    pub(crate) fn leases(&self) -> String {
        named(&self.prefix, "leases")
    }

    pub(crate) fn done(&self) -> String {
        named(&self.prefix, "done")
    }

    pub(crate) fn checkpoint(&self) -> String {
        named(&self.prefix, "checkpoint")
    }

    /// A hash with counters and tokens.
    pub(crate) fn meta(&self) -> String {
        named(&self.prefix, "meta")
    }

    /// What the scripts about daemons get as KEYS.
    pub(crate) fn members(&self) -> Vec<Key> {
        let names = ["members", "member_ends", "moved"];
        names.map(|name| named(&self.prefix, name).into()).into()
    }

    /// The note of a move.
    pub(crate) fn moved(&self) -> String {
        named(&self.prefix, "moved")
    }

    /// What the script about that note gets as KEYS.
    pub(crate) fn mark(&self) -> Vec<Key> {
        let names = ["moved", "member_ends", "leases"];
        names.map(|name| named(&self.prefix, name).into()).into()
    }

    pub(crate) fn on_work(&self) -> String {
        named(&self.prefix, "on_work")
    }

    pub(crate) fn on_finished(&self) -> String {
        named(&self.prefix, "on_finished")
    }

    pub(crate) fn on_cancel(&self) -> String {
        named(&self.prefix, "on_cancel")
    }
}

fn named(prefix: &str, name: &str) -> String {
    format!("{{{prefix}}}:{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_the_same_hash_tag() {
        let keys = Keys::new("poulpe");
        for key in &keys.all {
            let name = key.as_str().expect("text");
            assert!(name.starts_with("{poulpe}:"), "{name}");
        }
        assert!(keys.all.contains(&Key::from(keys.on_finished())));
    }
}
