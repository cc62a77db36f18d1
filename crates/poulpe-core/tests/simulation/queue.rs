//! What is still to happen, ordered by time, and by chance among equals. Never looks into it; the world takes one after
//! the other.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

pub(crate) struct Queue<E> {
    order: BinaryHeap<Reverse<(Duration, u64, usize)>>,
    events: Vec<Option<E>>,
}

impl<E> Queue<E> {
    pub(crate) fn new() -> Self {
        Self {
            order: BinaryHeap::new(),
            events: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, at: Duration, tie: u64, event: E) {
        self.order.push(Reverse((at, tie, self.events.len())));
        self.events.push(Some(event));
    }

    pub(crate) fn pop(&mut self) -> Option<(Duration, E)> {
        let Reverse((at, _, index)) = self.order.pop()?;
        let event = self.events[index].take()?;
        Some((at, event))
    }
}
