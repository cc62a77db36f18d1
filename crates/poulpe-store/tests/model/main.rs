//! Random sequences of operations against the store in memory and a naive reference: both must tell the same.

mod claim;
mod look;
mod model_job;
mod pair;
mod reference;
mod sample;

use pair::Pair;
use proptest::prelude::*;

/// One operation. Small numbers, so that operations meet each other.
#[derive(Debug, Clone, Copy)]
enum Step {
    Enqueue {
        id: u8,
        digest: u8,
        rank: u8,
        lanes: u8,
        wait: i64,
        dead: bool,
    },
    Claim {
        idle: u8,
        prefetch: usize,
    },
    RepeatClaim,
    Start(prop::sample::Index),
    Renew(prop::sample::Index),
    Settle {
        lease: prop::sample::Index,
        verdict: u8,
        wait: i64,
    },
    Cancel(u8),
    Revive(u8),
    Purge(u8),
    Acknowledge,
    Pass(i64),
    Look,
}

fn wait() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), 1..20_000_i64]
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    let id = || 0..8_u8;
    let dead = prop::bool::weighted(0.1);
    prop_oneof![
        8 => (id(), 0..2_u8, 4..6_u8, 0..8_u8, wait(), dead).prop_map(
            |(id, digest, rank, lanes, wait, dead)| Step::Enqueue { id, digest, rank, lanes, wait, dead }
        ),
        8 => (0..8_u8, 0..3_usize).prop_map(|(idle, prefetch)| Step::Claim { idle, prefetch }),
        1 => Just(Step::RepeatClaim),
        8 => index().prop_map(Step::Start),
        2 => index().prop_map(Step::Renew),
        6 => (index(), 0..5_u8, wait()).prop_map(|(lease, verdict, wait)| Step::Settle { lease, verdict, wait }),
        1 => id().prop_map(Step::Cancel),
        2 => id().prop_map(Step::Revive),
        1 => id().prop_map(Step::Purge),
        1 => Just(Step::Acknowledge),
        4 => prop_oneof![1..15_000_i64, 20_000..70_000_i64].prop_map(Step::Pass),
        2 => Just(Step::Look),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_store_does_what_the_reference_does(steps in prop::collection::vec(step(), 1..120)) {
        let mut pair = Pair::new();
        for step in steps {
            pair.step(step);
        }
        pair.look();
    }
}
