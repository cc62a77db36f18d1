//! What is kept of one output stream of a command: its beginning up to a limit, and its very end for the last line.
//! Memory stays bounded however much is printed; never blocks. Filled by the watch, read by the ending.

use rustix::io::Errno;
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How much of the end is kept: a last line is cut to a fifth of it anyway.
const TAIL_BYTES: usize = 1024;

/// How much is read at once: the usual capacity of a pipe, so that a flood costs few system calls.
const CHUNK_BYTES: usize = 64 * 1024;

/// What was printed, as far as it is kept.
#[derive(Debug)]
pub(crate) struct Captured {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    limit: usize,
    cut: bool,
}

impl Captured {
    fn new(limit: usize) -> Self {
        Self {
            head: Vec::new(),
            tail: VecDeque::new(),
            limit,
            cut: false,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let room = self.limit - self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.cut |= bytes.len() > room;

        let ending = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        self.tail.extend(ending);
        let excess = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..excess);
    }

    /// The beginning, at most the limit in bytes. What isn't UTF-8 is replaced, which can make it longer, so it is cut
    /// once more.
    pub(crate) fn text(&self) -> String {
        let mut head = self.head.as_slice();
        if self.cut {
            head = without_half_character(head);
        }
        let mut text = String::from_utf8_lossy(head).into_owned();
        text.truncate(text.floor_char_boundary(self.limit));
        text
    }

    /// The last line that isn't blank, without control characters; empty if there is none.
    pub(crate) fn last_line(&self) -> String {
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        let text = String::from_utf8_lossy(&tail);
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty());
        line.unwrap_or_default()
            .chars()
            .filter(|c| !c.is_control())
            .collect()
    }
}

/// Cuts off a character whose rest lies beyond the limit, so that cutting doesn't show as damage.
fn without_half_character(bytes: &[u8]) -> &[u8] {
    for back in 1..=bytes.len().min(4) {
        let (before, last) = bytes.split_at(bytes.len() - back);
        match std::str::from_utf8(last) {
            Err(error) if error.valid_up_to() == 0 && error.error_len().is_none() => return before,
            _ => {}
        }
    }
    bytes
}

/// One output stream of a running command.
#[derive(Debug)]
pub(crate) struct Stream {
    /// None once every writer has closed it.
    pipe: Option<OwnedFd>,
    captured: Captured,
}

impl Stream {
    pub(crate) fn new(pipe: OwnedFd, limit: usize) -> std::io::Result<Self> {
        rustix::io::ioctl_fionbio(&pipe, true)?;
        Ok(Self {
            pipe: Some(pipe),
            captured: Captured::new(limit),
        })
    }

    /// What to poll; none once it is closed.
    pub(crate) fn pipe(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Reads what is there, at most one chunk. Returns how much that was.
    pub(crate) fn read(&mut self) -> std::io::Result<usize> {
        let Some(pipe) = &self.pipe else {
            return Ok(0);
        };
        let mut chunk = vec![0; CHUNK_BYTES];
        match rustix::io::read(pipe, chunk.as_mut_slice()) {
            Ok(0) => {
                self.pipe = None;
                Ok(0)
            }
            Ok(count) => {
                self.captured.take(&chunk[..count]);
                Ok(count)
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads what a command that has ended left in the pipe, and closes it. A process that escaped may still hold the
    /// other end and print on, so this reads no more than the pipe can have held.
    pub(crate) fn finish(mut self) -> std::io::Result<Captured> {
        if let Some(pipe) = &self.pipe {
            let mut left = rustix::pipe::fcntl_getpipe_size(pipe)?;
            while left > 0 {
                let count = self.read()?;
                if count == 0 {
                    break;
                }
                left = left.saturating_sub(count);
            }
        }
        Ok(self.captured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(limit: usize, pieces: &[&[u8]]) -> Captured {
        let mut captured = Captured::new(limit);
        for piece in pieces {
            captured.take(piece);
        }
        captured
    }

    #[test]
    fn the_beginning_is_kept_up_to_the_limit() {
        assert_eq!(captured(5, &[b"abc", b"def", b"g"]).text(), "abcde");
        assert_eq!(captured(5, &[b"abc", b"de"]).text(), "abcde");
    }

    #[test]
    fn a_character_is_kept_whole_or_not_at_all() {
        assert_eq!(captured(5, &["aü€ü".as_bytes()]).text(), "aü");
        assert_eq!(captured(6, &["aü€ü".as_bytes()]).text(), "aü€");
        assert_eq!(captured(4, &["a🐙".as_bytes()]).text(), "a");
        // Half a character that the command itself printed is shown as what it is.
        assert_eq!(captured(9, &[b"a\xc3"]).text(), "a\u{fffd}");
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_within_the_limit() {
        assert_eq!(captured(9, &[b"a\xff\xffb"]).text(), "a\u{fffd}\u{fffd}b");
        assert_eq!(
            captured(6, &[b"\xff\xff\xff\xff"]).text(),
            "\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn the_last_line_is_the_end_of_everything_printed() {
        let flood = "x".repeat(3 * TAIL_BYTES);
        let captured = captured(
            4,
            &[flood.as_bytes(), b"\nthe e", b"\x1b[1mnd\r\n", b"\n  \n"],
        );
        assert_eq!(captured.last_line(), "the e[1mnd");
        assert!(captured.tail.len() <= TAIL_BYTES);
    }
}
