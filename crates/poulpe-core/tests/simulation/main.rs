//! The scheduler's machines and the real store in worlds made of seeds: faulty disks, lost answers, crashes at any
//! action, jumping clocks; and the promises of DESIGN.md section 1 held against what happened in them.
//! `POULPE_SEEDS=n` runs another number of worlds, `POULPE_SEED=x` one.
#![forbid(unsafe_code)]

mod checker;
mod client;
mod daemon;
mod dice;
mod disk;
mod faults;
mod history;
mod life;
mod log;
mod message;
mod promise;
mod queue;
mod summary;
mod watcher;
mod wire;
mod workers;
mod world;

use summary::Summary;
use world::World;

/// Enough that every fault meets every verb.
const SEEDS: u64 = 1_000;

/// How much of a history is shown when a promise is broken.
const TAIL: usize = 80;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} must be a number, not {text:?}")),
    )
}

/// Runs one world and gives what happened in it, or the broken promise with its story.
fn run(seed: u64) -> Result<Summary, String> {
    let lived = std::panic::catch_unwind(|| World::new(seed).run());
    let past = lived.map_err(|_| format!("seed {seed}: violation: it panics, see above"))?;
    let judged = checker::check(&past.entries);
    if let Err((seen, violation)) = judged {
        let tail = history::tail(&past.entries[..seen], violation.job.as_ref(), TAIL);
        return Err(format!(
            "seed {seed}: violation: {}\n{tail}",
            violation.text
        ));
    }
    if past.spins {
        let tail = history::tail(&past.entries, None, TAIL);
        return Err(format!(
            "seed {seed}: violation: the world never comes to rest\n{tail}"
        ));
    }
    Ok(Summary::of(&past.entries))
}

/// Runs every world whose seed is `first` plus a multiple of `step`.
fn run_share(first: u64, step: usize, seeds: u64) -> Result<Summary, String> {
    let mut sum = Summary::default();
    for seed in (first..seeds).step_by(step) {
        sum.add(&run(seed)?);
    }
    Ok(sum)
}

#[test]
fn a_thousand_seeds_keep_every_promise() {
    if let Some(seed) = number("POULPE_SEED") {
        match run(seed) {
            Ok(summary) => println!("{summary}"),
            Err(story) => panic!("{story}"),
        }
        return;
    }
    let seeds = number("POULPE_SEEDS").unwrap_or(SEEDS);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let shares: Vec<Result<Summary, String>> = std::thread::scope(|scope| {
        let spawn = |first| scope.spawn(move || run_share(first, threads, seeds));
        let shares: Vec<_> = (0..threads as u64).map(spawn).collect();
        let join = |share: std::thread::ScopedJoinHandle<'_, _>| match share.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        shares.into_iter().map(join).collect()
    });
    let mut sum = Summary::default();
    for share in shares {
        match share {
            Ok(summary) => sum.add(&summary),
            Err(story) => panic!("{story}"),
        }
    }
    println!("{sum}");
    if seeds >= SEEDS {
        assert_eq!(sum.missing(), Vec::<&str>::new(), "never happened");
    }
}

#[test]
fn a_seed_tells_the_same_story_twice() {
    let tell = |seed| format!("{:?}", Summary::of(&World::new(seed).run().entries));
    for seed in 0..20 {
        assert_eq!(tell(seed), tell(seed), "seed {seed}");
    }
}
