//! The TCP connections of calls. Ask the kernel for as little as they can: one question before an idle connection is
//! used again, and no new time limit while the one that is set still serves. Made by the connector in `line.rs`; ureq
//! speaks HTTP over them, and TLS.

use rustix::net::RecvFlags;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::Error;
use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport};

/// Longer than any attempt, and short enough for the kernel.
const LONGEST_LIMIT: Duration = Duration::from_secs(24 * 3_600);

/// Below this a limit is set as it is: a wake-up too many costs more than setting the next one.
const SHORT_LIMIT: Duration = Duration::from_secs(1);

/// A TCP connection.
pub(crate) struct Socket {
    stream: Arc<TcpStream>,
    buffers: LazyBuffers,
    /// How long the kernel lets a read and a write wait.
    read_limit: Duration,
    write_limit: Duration,
    /// Whether something was sent since it was last idle.
    in_use: bool,
}

impl Socket {
    /// Connects to the first of the addresses that takes the connection. Each but the last has half of the time that is
    /// left.
    pub(crate) fn connect(
        addresses: &[SocketAddr],
        timeout: NextTimeout,
        buffers: LazyBuffers,
    ) -> Result<Self, Error> {
        let deadline = Deadline::of(timeout);
        let mut last = Error::HostNotFound;
        for (index, address) in addresses.iter().enumerate() {
            let left = deadline.left()?;
            let is_last = index + 1 == addresses.len();
            let limit = if is_last { left } else { left / 2 };
            match TcpStream::connect_timeout(address, limit) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(Self {
                        stream: Arc::new(stream),
                        buffers,
                        read_limit: Duration::ZERO,
                        write_limit: Duration::ZERO,
                        in_use: false,
                    });
                }
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    last = Error::Timeout(timeout.reason);
                }
                Err(error) => last = Error::Io(error),
            }
        }
        Err(last)
    }

    /// What shuts the connection down.
    pub(crate) fn stream(&self) -> &Arc<TcpStream> {
        &self.stream
    }

    /// Whether nothing came in since the last answer, its end neither.
    fn is_quiet(&self) -> bool {
        let answer = rustix::net::recv(&*self.stream, &mut [0_u8; 1], RecvFlags::DONTWAIT);
        matches!(answer, Err(error) if error == rustix::io::Errno::WOULDBLOCK)
    }
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.stream.fmt(f)
    }
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.in_use = true;
        let deadline = Deadline::of(timeout.for_write());
        let mut rest = &self.buffers.output()[..amount];
        while !rest.is_empty() {
            let left = deadline.left()?;
            if let Some(limit) = new_limit(self.write_limit, left) {
                self.stream.set_write_timeout(Some(limit))?;
                self.write_limit = limit;
            }
            match (&*self.stream).write(rest) {
                Ok(0) => return Err(io::Error::from(ErrorKind::WriteZero).into()),
                Ok(sent) => rest = &rest[sent..],
                Err(error) if is_only_late(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let deadline = Deadline::of(timeout.for_read());
        loop {
            let left = deadline.left()?;
            if let Some(limit) = new_limit(self.read_limit, left) {
                self.stream.set_read_timeout(Some(limit))?;
                self.read_limit = limit;
            }
            match (&*self.stream).read(self.buffers.input_append_buf()) {
                Ok(amount) => {
                    self.buffers.input_appended(amount);
                    return Ok(amount > 0);
                }
                Err(error) if is_only_late(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Asked twice by ureq: before the connection becomes idle, and before an idle one is used again. What comes in
    /// late is only seen the second time, so the first needs no answer of the kernel.
    fn is_open(&mut self) -> bool {
        std::mem::take(&mut self.in_use) || self.is_quiet()
    }
}

/// When a wait is over.
struct Deadline {
    began: Instant,
    timeout: NextTimeout,
}

impl Deadline {
    fn of(timeout: NextTimeout) -> Self {
        Self {
            began: Instant::now(),
            timeout,
        }
    }

    fn left(&self) -> Result<Duration, Error> {
        let left = self.timeout.after.saturating_sub(self.began.elapsed());
        if left.is_zero() {
            return Err(Error::Timeout(self.timeout.reason));
        }
        Ok(left.min(LONGEST_LIMIT))
    }
}

/// The limit to set for a wait of `left`, unless the one that is `set` serves: it ends no later, and not so early that
/// waking up in between would cost more. A long one is set shorter than asked for, so that it also serves the next
/// call, which will have had a little time already.
fn new_limit(set: Duration, left: Duration) -> Option<Duration> {
    if set <= left && set >= left / 2 {
        return None;
    }
    Some(if left > SHORT_LIMIT {
        left - left / 8
    } else {
        left
    })
}

/// Whether a wait has only lasted as long as the limit that is set, or was interrupted by a signal.
fn is_only_late(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_never_ends_behind_the_deadline() {
        let mut set = Duration::ZERO;
        for left in (1..5_000).rev().map(Duration::from_millis) {
            if let Some(limit) = new_limit(set, left) {
                assert!(!limit.is_zero());
                set = limit;
            }
            assert!(set <= left, "{set:?} of {left:?}");
        }
    }

    #[test]
    fn calls_of_one_limit_set_it_once() {
        let minute = Duration::from_secs(60);
        let set = new_limit(Duration::ZERO, minute).unwrap();
        for spent in [0, 1, 90, 2_000] {
            let left = minute - Duration::from_millis(spent);
            assert_eq!(new_limit(set, left), None, "{left:?}");
        }
    }
}
