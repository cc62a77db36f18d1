//! What goes between a life of the daemon and its world: calls to send, and moments to be woken at.

use crate::wire::Request;
use crate::workers::Seat;
use std::time::Duration;

/// Who waits for an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum To {
    Dispatcher,
    Keeper,
    Settler,
    Worker(Seat, u64),
    Client(u64),
}

/// What a life does by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tick {
    /// A machine wanted to be woken then.
    Dispatch(Duration),
    Keep(Duration),
    Settle(Duration),
    /// A worker's thread goes on.
    Step(Seat),
    /// An executor returns.
    Return(Seat, u64),
    /// An attempt has overrun its deadline by the grace.
    Stuck(Seat, u64),
    /// A stop has waited long enough.
    DrainOver,
    GraceOver,
}

/// What a life wants of the world.
pub(crate) enum Out {
    Send(Request, To),
    At(Duration, Tick),
}
