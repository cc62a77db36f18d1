//! Runs jobs that are HTTP calls: kinds `GET` and `POST`.
//!
//! [`HttpExecutor`] is registered for both kinds. A 2xx answer is success; anything else fails the attempt. Every
//! phase of a call, name lookup and redirects included, is bounded by the attempt's deadline, and every address is
//! checked before it is called, after the name was resolved and again on each redirect.
//!
//! **What the target gets.** `GET` appends the params to the URL, `POST` sends them byte for byte as the body. Beside
//! the job's own headers each call carries `Poulpe-Job-Id`, `Poulpe-Attempt`, `User-Agent: poulpe/VERSION` and
//! `Idempotency-Key`, which is the job's id unless the job has a header of that name. In an id `%`, everything that
//! isn't printable ASCII, and a space at either end are percent-encoded: decoding the header always gives the id.
//!
//! **What the target says.** `Retry-After` is honoured on 429 and 503, up to an hour. `Poulpe-Retry: never` on a
//! failure buries the job at once.
//!
//! **Cancelling** shuts the connection down, so that a call that waits for its target returns at once. Only opening a
//! connection and looking up a name can't be interrupted; the attempt's deadline bounds them.
#![forbid(unsafe_code)]

mod answer;
mod config;
mod executor;
mod guard;
mod headers;
mod line;
mod literal;
mod names;
mod outgoing;
mod reason;
mod redirect;
mod resolver;
mod socket;
mod target;

pub use config::HttpConfig;
pub use executor::HttpExecutor;
pub use ipnet::IpNet;
