//! The names of all keys and channels, made here only. One hash tag, so that on a Cluster one poulpe lives in one slot.

/// The keys and channels, as the library calls them and as they are named behind the prefix; `docs/redis.md` says what each
/// holds. A name that ends in a colon is the start of several keys; the last three are channels.
pub(crate) const NAMES: [(&str, &str); 26] = [
    ("JOB", "job"),
    ("BODY", "body"),
    ("ERROR", "error"),
    ("ID", "id"),
    ("DELAYED", "delayed"),
    ("RETRYING", "retrying"),
    ("READY", "ready:"),
    ("FILLED", "filled"),
    ("LEASES", "leases"),
    ("LANES", "lanes"),
    ("DONE", "done"),
    ("BURIED", "buried"),
    ("GUARDS", "guards"),
    ("DEAD", "dead"),
    ("DEAD_ID", "dead_id"),
    ("OUTBOX", "outbox"),
    ("CHECKPOINT", "checkpoint"),
    ("META", "meta"),
    ("CLAIM", "claim:"),
    ("PURGED", "purged:"),
    ("MEMBERS", "members"),
    ("MEMBER_ENDS", "member_ends"),
    ("MOVED", "moved"),
    ("ON_WORK", "on_work"),
    ("ON_FINISHED", "on_finished"),
    ("ON_CANCEL", "on_cancel"),
];

/// The keys of one poulpe.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.into(),
        }
    }

    /// What all keys begin with: the one key that the functions are given, which tells them all the others.
    pub(crate) fn base(&self) -> String {
        named(&self.prefix, "")
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

    /// The note of a move.
    pub(crate) fn moved(&self) -> String {
        named(&self.prefix, "moved")
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
    fn every_key_begins_with_the_base_and_so_has_the_same_hash_tag() {
        let keys = Keys::new("poulpe");
        assert_eq!(keys.base(), "{poulpe}:");
        for key in [keys.on_finished(), keys.ready("1,3"), keys.meta()] {
            assert!(key.starts_with(&keys.base()), "{key}");
            let name = &key[keys.base().len()..];
            let is_known = NAMES.iter().any(|(_, known)| name.starts_with(known));
            assert!(is_known, "{key}");
        }
    }
}
