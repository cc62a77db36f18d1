//! What must hold of what strangers write. For the fuzzer and for tests; nothing else calls it.

mod access;
mod message;

pub use access::tokens;
pub use message::message;
