//! Runs jobs that are e-mails: kind `MAIL_TO`.
//!
//! [`MailExecutor`] hands each mail to one SMTP server, which delivers it. What a task may say is checked before it is
//! accepted, line breaks in addresses and header fields above all. Every wait, the server's greeting included, is
//! bounded by the attempt's deadline, and a cancelled attempt returns at once.
//!
//! **Params.** A JSON object: `from_addr`, `to_addr`, `title` and `body`, and if wanted `cc`, `bcc`, `reply_to` and
//! `html`, the same text for readers that show HTML. Addresses are `a@b` or `Name <a@b>`; where several may stand they
//! are separated by commas, or form a JSON array. All of it is UTF-8.
//!
//! **All or nothing.** Every recipient must be accepted before the mail is sent to any. One that is refused for good
//! buries the job, with the server's words.
//!
//! **At least once.** A connection that breaks after the mail was sent and before the server's answer leaves open
//! whether it was taken; it is sent again. Its `Message-ID` is the same in every attempt of a job, so that a receiver
//! can drop the repeat.
//!
//! **What the server says.** A reply of 5xx buries the job at once, wherever it comes. 4xx, time-outs, and trouble with
//! the connection or its encryption are tried again.
#![forbid(unsafe_code)]

mod address;
mod config;
mod connection;
mod executor;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod letter;
mod message;
mod pool;
mod reason;
mod step;
mod tls;
mod wire;

pub use config::{BadMailConfig, Login, MailConfig, MailServer, Security};
pub use executor::MailExecutor;
