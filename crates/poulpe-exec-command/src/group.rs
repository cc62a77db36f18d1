//! A command with its process group. Kills the group as a whole, and only while the leader hasn't been reaped: until
//! then no other process can get its number. Owned by the watch.

use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, getrlimit, kill_process_group, pidfd_open, prlimit,
};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};

/// A process group and the command that leads it. Dropping it kills all of them.
#[derive(Debug)]
pub(crate) struct ProcessGroup {
    leader: Child,
    reaped: bool,
}

impl ProcessGroup {
    /// Starts the command as the leader of a new group.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        let leader = command.process_group(0).spawn()?;
        Ok(Self {
            leader,
            reaped: false,
        })
    }

    /// The pipes that were asked for.
    pub(crate) fn take_output(&mut self) -> io::Result<(OwnedFd, OwnedFd)> {
        let (Some(stdout), Some(stderr)) = (self.leader.stdout.take(), self.leader.stderr.take())
        else {
            return Err(io::Error::other("the command has no output pipes"));
        };
        Ok((stdout.into(), stderr.into()))
    }

    /// A descriptor that becomes readable when the leader ends, without reaping it.
    pub(crate) fn leader_end(&self) -> io::Result<LeaderEnd> {
        Ok(LeaderEnd(pidfd_open(self.id(), PidfdFlags::empty())?))
    }

    /// Lets the command, and whatever it starts, have so many files open. After its start, since a limit that is set before
    /// would be the daemon's own; std has no other way without unsafe code.
    pub(crate) fn limit_files(&self, most: u64) {
        let ours = getrlimit(Resource::Nofile);
        let most = ours.maximum.map_or(most, |maximum| maximum.min(most));
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        // It fails when the command has ended already, or has taken on another user's rights, which the daemon can do
        // nothing about.
        let _ = prlimit(Some(self.id()), Resource::Nofile, limit);
    }

    /// Sends the whole group a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        // It fails only when nobody is left to receive it, or when the command has taken on another user's rights,
        // which the daemon can do nothing about.
        let _ = kill_process_group(self.id(), signal);
    }

    /// Kills whoever is left and reaps the leader, waiting for its end.
    pub(crate) fn finish(mut self) -> io::Result<ExitStatus> {
        self.kill_and_reap()
    }

    fn kill_and_reap(&mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::KILL);
        self.reaped = true;
        self.leader.wait()
    }

    fn id(&self) -> Pid {
        Pid::from_child(&self.leader)
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if !self.reaped {
            // Only after trouble that has already been reported.
            let _ = self.kill_and_reap();
        }
    }
}

/// Becomes readable when the leader of a group ends.
#[derive(Debug)]
pub(crate) struct LeaderEnd(OwnedFd);

impl AsFd for LeaderEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
