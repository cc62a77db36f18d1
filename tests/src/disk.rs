//! A small real file system in a file: ext4 on a loop device, to be filled, broken and cut off from its power. Gone
//! when dropped, whatever happened to it. Needs root, so a test that wants one asks [`Disk::for_test`].

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

use crate::say;

/// Names what is left out, separated by commas.
const WITHOUT: &str = "POULPE_TEST_WITHOUT";

/// What EXT4_IOC_SHUTDOWN does without syncing anything first, the journal included. By Python, which every machine of
/// ours has: an ioctl from here would be unsafe code.
const CUT_POWER: &str = "
import fcntl, os, struct, sys
EXT4_IOC_SHUTDOWN, NOLOGFLUSH = 0x8004587D, 2
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), EXT4_IOC_SHUTDOWN, struct.pack('I', NOLOGFLUSH))
";

/// A mounted ext4 of its own.
pub struct Disk {
    dir: TempDir,
}

impl Disk {
    /// A fresh disk of so many MiB; none if this run leaves out what is called `name`, which it then says.
    ///
    /// # Panics
    /// Where disks can't be mounted. What isn't tested must not look as if it had passed.
    pub fn for_test(name: &str, mebibytes: u64) -> Option<Self> {
        let without = std::env::var(WITHOUT).unwrap_or_default();
        if without.split(',').any(|word| word.trim() == name) {
            say(&format!("LEFT OUT: {name}, as {WITHOUT} says"));
            return None;
        }
        let way_out = format!("to leave this out set {WITHOUT}={name}");
        let is_root = rustix::process::geteuid().is_root();
        assert!(
            is_root,
            "only root can mount the file system for {name}; {way_out}"
        );
        assert!(
            Path::new("/dev/loop-control").exists(),
            "there are no loop devices for the file system of {name}; {way_out}"
        );
        Some(Self::new(mebibytes))
    }

    fn new(mebibytes: u64) -> Self {
        let disk = Self {
            dir: TempDir::new().expect("a temporary directory"),
        };
        let image = File::create(disk.image()).expect("a file");
        image.set_len(mebibytes << 20).expect("room");
        std::fs::create_dir(disk.path()).expect("a directory");
        run("mkfs.ext4", &["-q", "-F", text(&disk.image())]);
        disk.mount();
        disk
    }

    fn image(&self) -> PathBuf {
        self.dir.path().join("image")
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("disk")
    }

    fn mount(&self) {
        let options = "loop,errors=remount-ro";
        run(
            "mount",
            &["-o", options, text(&self.image()), text(&self.path())],
        );
    }

    /// Forgets everything that isn't on the disk, at once: from now on the file system answers EIO.
    pub fn cut_power(&self) {
        run("python3", &["-c", CUT_POWER, text(&self.path())]);
    }

    /// Has ext4 find an error in itself, and so become read-only under everybody who writes to it.
    pub fn become_read_only(&self) {
        let mounts = std::fs::read_to_string("/proc/mounts").expect("the kernel's list");
        let path = self.path();
        let is_this = |line: &&str| line.split(' ').nth(1) == Some(text(&path));
        let mount = mounts.lines().find(is_this).expect("it is mounted");
        let device = mount.split(' ').next().unwrap_or_default();
        let name = device.trim_start_matches("/dev/");
        let file = format!("/sys/fs/ext4/{name}/trigger_fs_error");
        std::fs::write(file, "by a test of poulpe").expect("the kernel's file");
    }

    /// Unmounts and mounts again, as after a reboot: the journal is replayed. Nobody may use the disk.
    pub fn remount(&self) {
        run("umount", &[text(&self.path())]);
        self.mount();
    }

    /// Takes all the room that is left, to the last byte.
    pub fn fill(&self) {
        let mut ballast = File::create(self.ballast()).expect("a file");
        let mut size = 1 << 20;
        while size > 0 {
            match ballast.write(&vec![1; size]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => size /= 2,
                Err(error) => panic!("filling the disk failed: {error}"),
            }
        }
        ballast.sync_all().expect("what was written has room");
    }

    /// Gives back the room that [`fill`](Self::fill) took.
    pub fn make_room(&self) {
        std::fs::remove_file(self.ballast()).expect("the ballast");
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let is_unmounted = |flags: &[&str]| {
            let path = self.path();
            let mut command = Command::new("umount");
            let status = command.args(flags).arg(path).output();
            status.is_ok_and(|output| output.status.success())
        };
        // A process that still runs keeps the disk busy: then it goes when that one does. The loop device goes with it.
        let _ = is_unmounted(&[]) || is_unmounted(&["--lazy"]);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are text")
}

fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output();
    let output = output.unwrap_or_else(|error| panic!("{program} can't be started: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {said}");
}
