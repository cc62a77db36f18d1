use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn order(rank: u8, due: i64, sequence: u64) -> Order {
    Order::new(rank, Timestamp::from_millis(due), sequence, 7)
}

#[test]
fn rank_comes_before_due_time_before_acceptance() {
    let sorted = [
        order(0, i64::MIN, 1),
        order(0, -1, 9),
        order(0, 0, 9),
        order(0, 1_700_000_000_000, 8),
        order(0, 1_700_000_000_000, 9),
        order(0, 1_700_000_000_001, 1),
        order(0, i64::MAX, 1),
        order(0, i64::MAX, 2),
        order(9, i64::MIN, 1),
    ];
    assert!(sorted.is_sorted());
    assert!(sorted.iter().all(|order| order.slot() == 7));
}

#[test]
fn chunks_are_full_when_all_is_added_at_the_end() {
    let mut orders = Orders::default();
    for sequence in 0..10 * CHUNK as u64 {
        orders.insert(order(5, 0, sequence));
    }
    assert_eq!(orders.chunks.len(), 10);
}

#[test]
fn few_orders_hold_few_chunks() {
    let mut orders = Orders::default();
    for sequence in 0..100 * CHUNK as u64 {
        orders.insert(order(5, 0, sequence));
    }
    for sequence in (0..100 * CHUNK as u64).filter(|sequence| sequence % CHUNK as u64 != 0) {
        assert!(orders.remove(order(5, 0, sequence)));
    }
    assert_eq!(orders.len(), 100);
    assert!(orders.chunks.len() < 10, "{}", orders.chunks.len());
}

proptest! {
    #[test]
    fn it_is_a_sorted_set(steps in prop::collection::vec((0..4_u8, 0..2_000_i64), 0..2_000)) {
        let (mut orders, mut model) = (Orders::default(), BTreeSet::new());
        for (step, due) in steps {
            let one = order(0, due, 0);
            match step {
                0 => prop_assert_eq!(orders.remove(one), model.remove(&one)),
                1 => {
                    let first = model.range(one..).next().copied();
                    prop_assert_eq!(orders.first_from(one), first);
                    // Also what is in the set, from the middle of chunks.
                    if let Some(first) = first {
                        prop_assert!(orders.remove(first) && model.remove(&first));
                    }
                }
                _ => {
                    orders.insert(one);
                    model.insert(one);
                }
            }
            prop_assert_eq!(orders.first(), model.first().copied());
            prop_assert_eq!(orders.len(), model.len());
        }
    }
}
