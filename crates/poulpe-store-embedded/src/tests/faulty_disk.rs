//! A disk that fails when it is told to.

use crate::disk::{Disk, DiskFile, RealDisk};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

/// What is to go wrong.
#[derive(Default)]
pub(super) struct Faults {
    /// The next sync of a file fails, those after it succeed: as the kernel does it.
    pub(super) next_sync: AtomicBool,
    /// All writes fail.
    pub(super) writes: AtomicBool,
    /// All reads fail.
    pub(super) reads: AtomicBool,
    /// There is no room for new files.
    pub(super) full: AtomicBool,
    /// The file system was mounted anew, without the right to write.
    pub(super) read_only: AtomicBool,
    /// Syncing the directory fails.
    pub(super) dir_sync: AtomicBool,
    /// How many writes there were.
    pub(super) writes_seen: AtomicU64,
    /// Files that were removed.
    pub(super) removed: Mutex<Vec<String>>,
}

pub(super) struct FaultyDisk {
    real: RealDisk,
    faults: Arc<Faults>,
}

struct FaultyFile {
    real: Arc<dyn DiskFile>,
    faults: Arc<Faults>,
    /// Whether it was made to be a spare.
    is_new: bool,
}

impl FaultyDisk {
    pub(super) fn over(dir: &Path) -> (Arc<dyn Disk>, Arc<Faults>) {
        let faults = Arc::new(Faults::default());
        let disk = Self {
            real: RealDisk::open(dir).expect("the directory opens"),
            faults: Arc::clone(&faults),
        };
        (Arc::new(disk), faults)
    }

    fn file(&self, real: Arc<dyn DiskFile>, is_new: bool) -> Arc<dyn DiskFile> {
        Arc::new(FaultyFile {
            real,
            faults: Arc::clone(&self.faults),
            is_new,
        })
    }

    fn writable(&self) -> io::Result<()> {
        fail_if(&self.faults.read_only, io::ErrorKind::ReadOnlyFilesystem)
    }
}

fn fail_if(fault: &AtomicBool, kind: io::ErrorKind) -> io::Result<()> {
    if fault.load(SeqCst) {
        return Err(kind.into());
    }
    Ok(())
}

impl Disk for FaultyDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.real.list()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.writable()?;
        Ok(self.file(self.real.create(name)?, true))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(self.real.open(name)?, false))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.writable()?;
        self.real.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.writable()?;
        self.faults
            .removed
            .lock()
            .expect("no panic")
            .push(name.into());
        self.real.remove(name)
    }

    fn sync(&self) -> io::Result<()> {
        fail_if(&self.faults.dir_sync, io::ErrorKind::Other)?;
        self.real.sync()
    }
}

impl DiskFile for FaultyFile {
    fn len(&self) -> io::Result<u64> {
        self.real.len()
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        fail_if(&self.faults.reads, io::ErrorKind::Other)?;
        self.real.read(buffer, offset)
    }

    fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.faults.writes_seen.fetch_add(1, SeqCst);
        fail_if(&self.faults.writes, io::ErrorKind::Other)?;
        let is_growing = self.is_new && offset + bytes.len() as u64 > self.real.len()?;
        if is_growing {
            fail_if(&self.faults.full, io::ErrorKind::StorageFull)?;
        }
        self.real.write(bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.real.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        if self.faults.next_sync.swap(false, SeqCst) {
            return Err(io::ErrorKind::Other.into());
        }
        self.real.sync()
    }
}
