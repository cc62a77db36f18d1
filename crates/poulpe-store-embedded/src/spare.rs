//! The spare segment: zeroed and synced ahead of need, so that a rotation needn't wait for it and a full disk is known
//! before it hurts. Never touches segments in use. The housekeeper makes it, a rotation takes it.

use crate::disk::{Disk, DiskFile};
use poulpe_store::{StoreError, StoreResult};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing::{info, warn};

/// A spare that is whole.
const READY: &str = "spare";

/// A spare that is being made.
const DRAFT: &str = "spare.tmp";

/// A file that is about to become a segment; whatever is in it counts for nothing yet.
pub(crate) const TAKEN: &str = "next.tmp";

/// Files that an earlier process may have left half done.
pub(crate) const LEFTOVERS: [&str; 3] = [DRAFT, TAKEN, crate::cold::DRAFT];

/// How soon a spare that couldn't be made is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How much is zeroed at once; between two steps the housekeeper looks whether it shall stop.
const STEP: usize = 1024 * 1024;

enum State {
    /// The housekeeper is at it.
    Making,
    /// There it is.
    Ready(Arc<dyn DiskFile>),
    /// It couldn't be made, most likely for want of room.
    Failed,
}

/// What the housekeeper is to do next.
pub(crate) enum Chore {
    /// Make a spare.
    Make,
    /// Stop.
    Stop,
}

struct Desk {
    state: State,
    closing: bool,
}

/// The spare segment, and the housekeeper's list of chores.
pub(crate) struct Spare {
    desk: Mutex<Desk>,
    changed: Condvar,
}

impl Spare {
    pub(crate) fn new() -> Self {
        let desk = Desk {
            state: State::Making,
            closing: false,
        };
        Self {
            desk: Mutex::new(desk),
            changed: Condvar::new(),
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, desk: MutexGuard<'a, Desk>) -> MutexGuard<'a, Desk> {
        self.changed
            .wait(desk)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The spare, under the name [`TAKEN`]. Waits until there is one.
    pub(crate) fn take(&self, disk: &dyn Disk) -> StoreResult<io::Result<Arc<dyn DiskFile>>> {
        let mut desk = self.desk();
        loop {
            if let State::Ready(file) = &desk.state {
                let file = Arc::clone(file);
                // Renamed before the next one may be made: it has the same name.
                let taken = disk.rename(READY, TAKEN).map(|()| file);
                desk.state = State::Making;
                self.changed.notify_all();
                return Ok(taken);
            }
            if desk.closing {
                return Err(StoreError::failed("the store is closing"));
            }
            desk = self.wait(desk);
        }
    }

    /// The spare under another name, if there is one, for a cleaning that finds no room: it gives back more than it takes.
    pub(crate) fn lend(&self, disk: &dyn Disk, to: &str) -> Option<Arc<dyn DiskFile>> {
        let mut desk = self.desk();
        let State::Ready(file) = &desk.state else {
            return None;
        };
        let file = Arc::clone(file);
        disk.rename(READY, to).ok()?;
        desk.state = State::Making;
        self.changed.notify_all();
        Some(file)
    }

    /// Whether new jobs can be taken: there is a spare, or one is being made and `much_left` of the segment in use.
    /// After a failure what is left of the segment is for settles.
    pub(crate) fn has_room(&self, much_left: bool) -> bool {
        let mut desk = self.desk();
        loop {
            match desk.state {
                State::Ready(_) => return true,
                State::Failed => return false,
                State::Making if much_left || desk.closing => return true,
                State::Making => desk = self.wait(desk),
            }
        }
    }

    /// Whether there is no room for another segment: new jobs are refused until there is.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.desk().state, State::Failed)
    }

    /// Whether the housekeeper, where there is none, has to make a spare before anything else happens.
    #[cfg(test)]
    pub(crate) fn is_wanted(&self) -> bool {
        !matches!(self.desk().state, State::Ready(_))
    }

    /// Lets the housekeeper stop, and whoever waits for a spare give up.
    pub(crate) fn close(&self) {
        self.desk().closing = true;
        self.changed.notify_all();
    }

    fn is_closing(&self) -> bool {
        self.desk().closing
    }

    /// Waits for something to do. For the housekeeper alone.
    pub(crate) fn next_chore(&self) -> Chore {
        let mut desk = self.desk();
        loop {
            if desk.closing {
                return Chore::Stop;
            }
            match desk.state {
                State::Making => return Chore::Make,
                State::Ready(_) => desk = self.wait(desk),
                State::Failed => {
                    let waited = self.changed.wait_timeout(desk, RETRY);
                    let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                    desk = woken;
                    if timeout.timed_out() {
                        return Chore::Make;
                    }
                }
            }
        }
    }

    /// Makes the spare. Without room for it, it is tried again later; any other error means that the disk fails. For
    /// the housekeeper alone.
    pub(crate) fn make(&self, disk: &dyn Disk, bytes: u64) -> io::Result<()> {
        let made = left_by_predecessor(disk, bytes).map_or_else(|| self.zeroed(disk, bytes), Ok);
        let mut desk = self.desk();
        let had_failed = matches!(desk.state, State::Failed);
        match made {
            Ok(file) => {
                if had_failed {
                    info!("there is room again, new jobs are taken");
                }
                desk.state = State::Ready(file);
            }
            Err(_) if desk.closing => {}
            Err(error) if is_fatal(&error) => return Err(error),
            Err(error) => {
                if !had_failed {
                    warn!(%error, bytes, "no room for the next segment, new jobs are refused until there is");
                }
                desk.state = State::Failed;
            }
        }
        drop(desk);
        self.changed.notify_all();
        Ok(())
    }

    fn zeroed(&self, disk: &dyn Disk, bytes: u64) -> io::Result<Arc<dyn DiskFile>> {
        let file = disk.create(DRAFT)?;
        let done =
            zero(&*file, bytes, || self.is_closing()).and_then(|()| disk.rename(DRAFT, READY));
        if let Err(error) = done {
            // Half a spare must not take the room that it couldn't have.
            drop(file);
            return disk.remove(DRAFT).and(Err(error));
        }
        Ok(file)
    }
}

/// Whether waiting won't help: the file system has become read-only, the directory has vanished, the disk fails. Others
/// pass, such as too many open files.
pub(crate) fn is_fatal(error: &io::Error) -> bool {
    /// The number of an input/output error, which has no kind of its own.
    const EIO: i32 = 5;
    let is_lost = matches!(
        error.kind(),
        io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::NotFound
            | io::ErrorKind::PermissionDenied
    );
    is_lost || error.raw_os_error() == Some(EIO)
}

/// Writes zeros and syncs them. Written, not only reserved: a sync over reserved space has to change the file's map.
pub(crate) fn zero(file: &dyn DiskFile, bytes: u64, stop: impl Fn() -> bool) -> io::Result<()> {
    let zeros = vec![0; STEP.min(bytes as usize)];
    let mut offset = 0;
    while offset < bytes {
        if stop() {
            return Err(io::Error::other("the store is closing"));
        }
        let step = (bytes - offset).min(zeros.len() as u64);
        file.write(&zeros[..step as usize], offset)?;
        // Step by step: one sync of everything would keep the disk from the log for long.
        file.sync()?;
        offset += step;
    }
    Ok(())
}

/// The spare that the previous process made and didn't take. Its first page is looked at: a power cut may have kept
/// what was written to it and lost its new name.
fn left_by_predecessor(disk: &dyn Disk, bytes: u64) -> Option<Arc<dyn DiskFile>> {
    let file = disk.open(READY).ok()?;
    let mut page = [1; 4096];
    file.read(&mut page, 0).ok()?;
    let is_whole = file.len().is_ok_and(|len| len == bytes) && page == [0; 4096];
    is_whole.then_some(file)
}
