//! What the measurements share. Each prints what it measured and how; figures are only worth something beside others
//! of the same run, for machines are shared and noisy.
#![forbid(unsafe_code)]

mod bare;
mod client;
pub mod engines;
pub mod growth;
mod jobs;
mod noop;
mod socket;

pub use bare::{append_and_sync, append_and_sync_apart, call_at_once, serve_bare};
pub use client::load;
pub use jobs::{complete, enqueue, job};
pub use noop::{NOOP, Noop, Running, start, store_in};
pub use socket::load_sockets;

use std::time::Duration;

/// The daemon's allocator, for everything in a run.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Whether cargo runs the benches as tests: then they only show that they work.
pub fn is_test() -> bool {
    !std::env::args().any(|argument| argument == "--bench")
}

/// A number of things to do: all of it when measuring, little when only tested.
pub fn amount(full: usize) -> usize {
    if is_test() {
        full.div_ceil(1_000).max(8)
    } else {
        full
    }
}

/// Prints a line of a table: what, how many a second, and how that compares.
pub fn row(what: &str, count: usize, took: Duration, beside: Option<(&str, f64)>) -> f64 {
    let rate = count as f64 / took.as_secs_f64();
    let ratio = beside
        .map(|(of, other)| format!("   {:.2} × {of}", rate / other))
        .unwrap_or_default();
    println!("  {what:<58} {rate:>10.0} /s{ratio}");
    rate
}

/// Percentiles of durations: p50, p99, max.
pub fn percentiles(mut durations: Vec<Duration>) -> (Duration, Duration, Duration) {
    durations.sort_unstable();
    let at = |part: f64| {
        let place = ((durations.len().max(1) - 1) as f64 * part).round() as usize;
        durations.get(place).copied().unwrap_or_default()
    };
    (at(0.5), at(0.99), at(1.0))
}
