//! The scripts, put together from their files once. Each is its flags, the clock, what all share, and the verb.

use fred::types::scripts::Script;

/// Redis lets these run when it is out of memory: they end jobs, and so make room.
const EASING: &str = "allow-oom";

/// Redis lets these run when it can't write to its disk.
const LOOKING: &str = "no-writes";

/// Redis refuses these as a whole when it is out of memory.
const FILLING: &str = "";

#[cfg(not(feature = "manual-time"))]
const CLOCK: &str = include_str!("scripts/clock.lua");
#[cfg(feature = "manual-time")]
const CLOCK: &str = include_str!("scripts/clock_manual.lua");

const PRELUDE: &str = include_str!("scripts/prelude.lua");

const MOVES: &str = include_str!("scripts/moves.lua");

/// One script a verb.
pub(crate) struct Scripts {
    pub(crate) enqueue: Script,
    pub(crate) claim: Script,
    pub(crate) start: Script,
    pub(crate) renew: Script,
    pub(crate) settle: Script,
    pub(crate) cancel: Script,
    pub(crate) revive: Script,
    pub(crate) purge: Script,
    pub(crate) acknowledge: Script,
    pub(crate) compare_and_set: Script,
    pub(crate) look: Script,
    pub(crate) tidy: Script,
    pub(crate) counts: Script,
    pub(crate) tick: Script,
    pub(crate) beat: Script,
    pub(crate) members: Script,
    pub(crate) export: Script,
    pub(crate) import: Script,
    pub(crate) mark: Script,
    pub(crate) take_old: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            enqueue: script(FILLING, include_str!("scripts/enqueue.lua")),
            claim: script(EASING, include_str!("scripts/claim.lua")),
            start: short(EASING, include_str!("scripts/start.lua")),
            renew: short(EASING, include_str!("scripts/renew.lua")),
            settle: script(EASING, include_str!("scripts/settle.lua")),
            cancel: script(EASING, include_str!("scripts/cancel.lua")),
            revive: script(FILLING, include_str!("scripts/revive.lua")),
            purge: script(EASING, include_str!("scripts/purge.lua")),
            acknowledge: short(EASING, include_str!("scripts/acknowledge.lua")),
            compare_and_set: short(FILLING, include_str!("scripts/compare_and_set.lua")),
            look: script(LOOKING, include_str!("scripts/look.lua")),
            tidy: script(EASING, include_str!("scripts/tidy.lua")),
            counts: script(LOOKING, include_str!("scripts/counts.lua")),
            tick: script(EASING, include_str!("scripts/tick.lua")),
            beat: alone(EASING, include_str!("scripts/beat.lua")),
            members: alone(LOOKING, include_str!("scripts/members.lua")),
            export: short(LOOKING, include_str!("scripts/export.lua")),
            import: script(FILLING, include_str!("scripts/import.lua")),
            mark: alone(EASING, include_str!("scripts/mark.lua")),
            take_old: alone(EASING, include_str!("scripts/take_old.lua")),
        }
    }
}

fn script(flags: &str, verb: &str) -> Script {
    let verb = format!("{MOVES}\n{verb}");
    short(flags, &verb)
}

/// A script that moves no job: what it needs not is worth leaving out, for it would be made anew in each call.
fn short(flags: &str, verb: &str) -> Script {
    Script::from_lua(format!("#!lua flags={flags}\n{CLOCK}\n{PRELUDE}\n{verb}"))
}

/// A script that has nothing to do with jobs, and keys of its own.
fn alone(flags: &str, verb: &str) -> Script {
    Script::from_lua(format!("#!lua flags={flags}\n{CLOCK}\n{verb}"))
}
