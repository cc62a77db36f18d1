//! A crash at any step: whatever was acknowledged before the power went is there after it, and nothing that had ended
//! comes back. `scripts/mutants` builds the store with known bugs and demands that these stories find them.

mod disk;
mod world;

/// How many stories are told.
const SEEDS: u64 = 2_000;

#[test]
fn thousands_of_crashes_lose_nothing_and_bring_nothing_back() {
    let (mut cleaned, mut lent) = (0, 0);
    for seed in seeds() {
        let told = std::panic::catch_unwind(|| world::tell(seed));
        match told {
            Ok((segments, on_full_disk)) => {
                cleaned += segments;
                lent += on_full_disk;
            }
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).into()));
                panic!("seed {seed}: violation: {}", text.unwrap_or_default());
            }
        }
    }
    println!("{cleaned} segments were cleaned, {lent} times on a full disk");
    assert!(cleaned > 0 && lent > 0, "no story tells of that");
}

/// All, or the one that CRASH_SEED names.
fn seeds() -> std::ops::Range<u64> {
    let only = std::env::var("CRASH_SEED").ok();
    match only.map(|seed| seed.parse::<u64>().expect("CRASH_SEED is a number")) {
        Some(seed) => seed..seed + 1,
        None => 0..SEEDS,
    }
}
