//! What the end to end tests share: a daemon in a directory of its own, a target that counts calls, a disk that breaks,
//! clients that remember what they were promised.
#![forbid(unsafe_code)]

mod daemon;
mod disk;
mod kafka_server;
mod load;
mod mail_server;
mod recorder;
mod redis_server;
mod socket;
mod target;

pub use daemon::{Answer, Daemon, Home, Signal, binary};
pub use disk::Disk;
pub use kafka_server::{KafkaServer, KafkaSettings, Received, free_port};
pub use load::{Kept, Load};
pub use mail_server::MailServer;
pub use recorder::{Call, Recorder};
pub use redis_server::RedisServer;
pub use socket::Socket;
pub use target::Target;

use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::time::{Duration, Instant};

/// How long a test waits for what must happen, on a slow and busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until the answer is yes; panics with `what` when patience is over.
pub fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_true() {
        assert!(Instant::now() < end, "never happened: {what}");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Prints a line that is seen although tests pass.
pub fn say(line: &str) {
    // The test's name may stand on this line already.
    let text = format!("\n{line}\n");
    std::io::stderr()
        .write_all(text.as_bytes())
        .expect("stderr");
}

/// A number below `end`, another one each time.
pub fn random(end: usize) -> usize {
    RandomState::new().hash_one(0) as usize % end
}
