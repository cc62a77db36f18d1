//! Runs one command to its end: by itself, at the deadline, or when the attempt is cancelled. One thread that sleeps in
//! one system call until something happens. Never judges the result; called by the executor.
//!
//! A command that has to stop gets SIGTERM, and SIGKILL after [`GRACE`]; so does everything in its group. When the
//! leader has ended by itself, what it left behind is killed at once.

use crate::capture::{Captured, Stream};
use crate::group::{LeaderEnd, ProcessGroup};
use crate::ready::wait_ready;
use poulpe_core::{Attempt, CancelReason};
use rustix::event::EventfdFlags;
use rustix::process::Signal;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a command may tidy up after SIGTERM: enough to remove a file, well within the margin that a lost lease
/// leaves.
const GRACE: Duration = Duration::from_millis(500);

/// Why a command was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Its time was up.
    Deadline,
    /// The attempt was cancelled.
    Cancelled(CancelReason),
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// None if it ended by itself.
    pub(crate) stopped: Option<Stop>,
    pub(crate) stdout: Captured,
    pub(crate) stderr: Captured,
}

/// How far a command has come.
enum Phase {
    Running,
    /// SIGTERM was sent; at that instant SIGKILL follows.
    Stopping(Stop, Instant),
}

/// Starts the command and returns when it has ended and its group is killed. An error means that it didn't start or
/// can't be watched; then nothing of it is left either.
pub(crate) fn run(
    command: &mut Command,
    attempt: &Attempt,
    output_limit: usize,
    open_files: u64,
) -> io::Result<Ended> {
    // An event counter can always take one more, so the hook never blocks.
    let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
    let wake = Arc::new(rustix::event::eventfd(0, flags)?);
    let waker = wake.clone();
    let _hook = attempt.on_cancel(move |_| {
        // The write can't fail, and the deadline would end the wait all the same.
        let _ = rustix::io::write(&*waker, &1_u64.to_ne_bytes());
    });

    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut group = ProcessGroup::spawn(command)?;
    group.limit_files(open_files);
    let (stdout, stderr) = group.take_output()?;
    let watch = Watch {
        leader_end: group.leader_end()?,
        stdout: Stream::new(stdout, output_limit)?,
        stderr: Stream::new(stderr, output_limit)?,
        group,
        wake,
    };
    watch.until_ended(attempt)
}

struct Watch {
    group: ProcessGroup,
    leader_end: LeaderEnd,
    wake: Arc<OwnedFd>,
    stdout: Stream,
    stderr: Stream,
}

impl Watch {
    fn until_ended(mut self, attempt: &Attempt) -> io::Result<Ended> {
        let mut phase = Phase::Running;
        let mut leader_ended = false;
        loop {
            let (watches_cancel, until) = match phase {
                Phase::Running => (true, attempt.deadline),
                Phase::Stopping(_, kill_at) => (false, kill_at),
            };
            // A descriptor that has said its one thing would say it again for ever, so it is no longer asked.
            let [ended, cancelled, stdout, stderr] = wait_ready(
                [
                    (!leader_ended).then(|| self.leader_end.as_fd()),
                    watches_cancel.then(|| self.wake.as_fd()),
                    self.stdout.pipe(),
                    self.stderr.pipe(),
                ],
                until,
            )?;
            if stdout {
                self.stdout.read()?;
            }
            if stderr {
                self.stderr.read()?;
            }
            leader_ended |= ended;

            let time_is_up = Instant::now() >= until;
            match phase {
                Phase::Running if leader_ended => return self.finish(None),
                Phase::Running => {
                    let reason = attempt.cancelled().filter(|_| cancelled);
                    let stop = reason.map(Stop::Cancelled);
                    if let Some(stop) = stop.or(time_is_up.then_some(Stop::Deadline)) {
                        self.group.signal(Signal::TERM);
                        phase = Phase::Stopping(stop, Instant::now() + GRACE);
                    }
                }
                // A leader that is gone says nothing about the others (a shell dies at once, the program it started
                // tidies up); closed pipes say that they are gone as well.
                Phase::Stopping(stop, _) => {
                    let all_ended = leader_ended && self.is_silent();
                    if all_ended || time_is_up {
                        return self.finish(Some(stop));
                    }
                }
            }
        }
    }

    fn is_silent(&self) -> bool {
        self.stdout.pipe().is_none() && self.stderr.pipe().is_none()
    }

    /// Takes what was printed, kills whoever is left and reaps the leader. The pipes are closed before that wait: a
    /// leader that we may not kill (it has become another user) would otherwise be stuck in a full one, and we with it.
    fn finish(self, stopped: Option<Stop>) -> io::Result<Ended> {
        let stdout = self.stdout.finish()?;
        let stderr = self.stderr.finish()?;
        Ok(Ended {
            status: self.group.finish()?,
            stopped,
            stdout,
            stderr,
        })
    }
}
