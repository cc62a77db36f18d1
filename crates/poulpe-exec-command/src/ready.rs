//! Waits until one of a few descriptors has something to say. One blocking system call, no thread, no timer of its
//! own; used by the watch.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Instant;

/// Blocks until one of the descriptors can be read (or was closed at the other end) or the time has come. Says which
/// are ready; none of them when it was the time, or a signal.
pub(crate) fn wait_ready<const N: usize>(
    sources: [Option<BorrowedFd<'_>>; N],
    until: Instant,
) -> io::Result<[bool; N]> {
    let mut polled: Vec<PollFd<'_>> = sources
        .into_iter()
        .flatten()
        .map(|source| PollFd::from_borrowed_fd(source, PollFlags::IN))
        .collect();
    // Beyond what the kernel can count it is as good as for ever.
    let wait = until.saturating_duration_since(Instant::now());
    let timeout = Timespec::try_from(wait).ok();
    match poll(&mut polled, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let mut events = polled.iter().map(PollFd::revents);
    Ok(sources.map(|source| source.is_some() && events.next().is_some_and(|e| !e.is_empty())))
}
