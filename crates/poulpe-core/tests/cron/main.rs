//! The cron driver and the real table in worlds made of seeds: daemons that die between any two steps, a store that is
//! away or loses its answers, clocks that are set, files that are edited, vanish and come back. What became jobs is held
//! against the fire times worked out slowly. `POULPE_SEED=x` runs one world.
#![forbid(unsafe_code)]

mod changes;
mod daemon;
mod edits;
mod model;
mod world;

use world::World;

const SEEDS: u64 = 200;

#[test]
fn a_fire_time_has_one_job_and_none_is_lost_whatever_happens() {
    let one = std::env::var("POULPE_SEED").ok();
    let seeds = match one {
        Some(seed) => vec![seed.parse().expect("a number")],
        None => (0..SEEDS).collect(),
    };
    let mut jobs = 0;
    let mut missed = 0;
    for seed in seeds {
        let mut world = World::new(seed);
        world.run();
        jobs += world.jobs();
        missed += world.missed();
    }
    println!("{jobs} jobs fired, {missed} fire times given up by the rules");
    assert!(jobs > 100 && missed > 0, "worlds in which little happens");
}
