//! The library of functions that Redis keeps, one a verb, put together from their files once: the names of keys, the clock,
//! what all share, and the verbs. Its name carries a digest of its text, so that daemons of several versions can share a
//! server.
//!
//! A new verb is a file in `scripts/` and a line in `VERBS`, a field of [`Scripts`] and its line in `Scripts::new`.

use crate::keys::NAMES;
use std::fmt::Write;

/// Redis lets these run when it is out of memory: they end jobs, and so make room.
const EASING: &str = "'allow-oom'";

/// Redis lets these run when it can't write to its disk.
const LOOKING: &str = "'no-writes'";

/// Redis refuses these as a whole when it is out of memory.
const FILLING: &str = "";

#[cfg(not(feature = "manual-time"))]
const CLOCK: &str = include_str!("scripts/clock.lua");
#[cfg(feature = "manual-time")]
const CLOCK: &str = include_str!("scripts/clock_manual.lua");

const PRELUDE: &str = include_str!("scripts/prelude.lua");

const MOVES: &str = include_str!("scripts/moves.lua");

/// Name, flags and text of each verb.
const VERBS: [(&str, &str, &str); 20] = [
    ("enqueue", FILLING, include_str!("scripts/enqueue.lua")),
    ("claim", EASING, include_str!("scripts/claim.lua")),
    ("start", EASING, include_str!("scripts/start.lua")),
    ("renew", EASING, include_str!("scripts/renew.lua")),
    ("settle", EASING, include_str!("scripts/settle.lua")),
    ("cancel", EASING, include_str!("scripts/cancel.lua")),
    ("revive", FILLING, include_str!("scripts/revive.lua")),
    ("purge", EASING, include_str!("scripts/purge.lua")),
    (
        "acknowledge",
        EASING,
        include_str!("scripts/acknowledge.lua"),
    ),
    (
        "compare_and_set",
        FILLING,
        include_str!("scripts/compare_and_set.lua"),
    ),
    ("look", LOOKING, include_str!("scripts/look.lua")),
    ("tidy", EASING, include_str!("scripts/tidy.lua")),
    ("counts", LOOKING, include_str!("scripts/counts.lua")),
    ("tick", EASING, include_str!("scripts/tick.lua")),
    ("beat", EASING, include_str!("scripts/beat.lua")),
    ("members", LOOKING, include_str!("scripts/members.lua")),
    ("export", LOOKING, include_str!("scripts/export.lua")),
    ("import", FILLING, include_str!("scripts/import.lua")),
    ("mark", EASING, include_str!("scripts/mark.lua")),
    ("take_old", EASING, include_str!("scripts/take_old.lua")),
];

/// How much of the digest is in the name.
const DIGITS: usize = 12;

/// A function of the library.
#[derive(Debug, Clone)]
pub(crate) struct Verb(pub(crate) String);

/// The library, and its functions.
pub(crate) struct Scripts {
    /// What Redis is given to load.
    pub(crate) library: String,
    pub(crate) enqueue: Verb,
    pub(crate) claim: Verb,
    pub(crate) start: Verb,
    pub(crate) renew: Verb,
    pub(crate) settle: Verb,
    pub(crate) cancel: Verb,
    pub(crate) revive: Verb,
    pub(crate) purge: Verb,
    pub(crate) acknowledge: Verb,
    pub(crate) compare_and_set: Verb,
    pub(crate) look: Verb,
    pub(crate) tidy: Verb,
    pub(crate) counts: Verb,
    pub(crate) tick: Verb,
    pub(crate) beat: Verb,
    pub(crate) members: Verb,
    pub(crate) export: Verb,
    pub(crate) import: Verb,
    pub(crate) mark: Verb,
    pub(crate) take_old: Verb,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        let text = text();
        let mut digest = fred::util::sha1_hash(&text);
        digest.truncate(DIGITS);
        let verb = |name: &str| Verb(format!("poulpe_{digest}_{name}"));
        Self {
            enqueue: verb("enqueue"),
            claim: verb("claim"),
            start: verb("start"),
            renew: verb("renew"),
            settle: verb("settle"),
            cancel: verb("cancel"),
            revive: verb("revive"),
            purge: verb("purge"),
            acknowledge: verb("acknowledge"),
            compare_and_set: verb("compare_and_set"),
            look: verb("look"),
            tidy: verb("tidy"),
            counts: verb("counts"),
            tick: verb("tick"),
            beat: verb("beat"),
            members: verb("members"),
            export: verb("export"),
            import: verb("import"),
            mark: verb("mark"),
            take_old: verb("take_old"),
            library: library(&digest, &text),
        }
    }
}

/// All but the names of the library and its functions.
fn text() -> String {
    let locals = NAMES.map(|(local, _)| local).join(", ");
    let mut text = format!("local {locals}\nlocal function name_keys(base)\n");
    for (local, name) in NAMES {
        // Writing to a text can't fail.
        let _ = writeln!(text, "{local} = base .. '{name}'");
    }
    let _ = writeln!(text, "end\n{CLOCK}\n{PRELUDE}\n{MOVES}");
    for (name, _, verb) in VERBS {
        let _ = writeln!(text, "local function verb_{name}()\n{verb}\nend");
    }
    text
}

fn library(digest: &str, text: &str) -> String {
    let mut library = format!("#!lua name=poulpe_{digest}\n{text}");
    for (name, flags, _) in VERBS {
        let _ = writeln!(
            library,
            "redis.register_function{{ function_name = 'poulpe_{digest}_{name}', flags = {{ {flags} }},
               callback = function(keys, args) begin(keys, args) return verb_{name}() end }}"
        );
    }
    library
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_of_the_library_is_registered_under_the_name_that_is_called() {
        let scripts = Scripts::new();
        let called = [
            &scripts.enqueue,
            &scripts.claim,
            &scripts.tick,
            &scripts.look,
        ];
        for Verb(name) in called {
            assert!(
                scripts
                    .library
                    .contains(&format!("function_name = '{name}'")),
                "{name}"
            );
        }
    }
}
