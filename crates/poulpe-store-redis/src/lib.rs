//! One store of poulpe for many daemons, in Redis: a Lua script a verb, each atomic, bounded and safe to be sent twice.
//! `docs/redis.md` describes every key.
//!
//! **Invariant:** what a daemon knows of jobs is a copy of what Redis answered; nothing is decided here that a script
//! hasn't decided. Leases end on the server's clock.
#![forbid(unsafe_code)]

mod ahead;
mod args;
mod batch;
mod connect;
mod enqueue;
mod error;
mod health;
mod inspect;
mod keys;
mod lease;
mod link;
mod list;
mod member;
mod old;
mod options;
mod people;
mod place;
mod record;
mod reply;
mod scripts;
mod settle;
mod store;
mod tls;
mod transfer;
mod watch;

pub use error::OpenError;
pub use old::{OldPlace, OldTask, OldTasks};
pub use options::Options;
pub use store::RedisStore;
