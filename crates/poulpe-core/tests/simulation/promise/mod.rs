//! The promises, one rule a file.

mod accepted;
mod due;
mod fence;
mod lanes;
mod liveness;
mod outcome;

pub(crate) use accepted::Accepted;
pub(crate) use due::Due;
pub(crate) use fence::Fence;
pub(crate) use lanes::Lanes;
pub(crate) use liveness::Liveness;
pub(crate) use outcome::Outcome;
