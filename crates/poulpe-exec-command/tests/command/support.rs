//! Jobs, scripts and events for the tests. Decides nothing about what is right. Used by every test file here.

use poulpe_core::{
    Attempt, CancelReason, Digest, Door, Executor, Failure, Job, JobId, Kind, LaneSet, Output,
    Params, Priority, Timestamp,
};
use poulpe_exec_command::{CommandConfig, CommandExecutor};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Longer than any of these tests takes; what needs so long has hung.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) fn executor(allow: &[&str]) -> CommandExecutor {
    let config = CommandConfig {
        allow: allow.iter().map(|entry| (*entry).into()).collect(),
        ..CommandConfig::default()
    };
    CommandExecutor::new(&config).expect("a good list")
}

pub(crate) fn job(name: &str, params: Params) -> Job {
    Job {
        id: JobId::new("order/17 🐙").expect("an id"),
        id_chosen: true,
        digest: Digest([0; 16]),
        kind: Kind::EXEC,
        name: name.into(),
        params,
        headers: Vec::new(),
        lanes: LaneSet::any(),
        priority: Priority::default(),
        timeout: LONG,
        max_retry: 3,
        retry_interval: Duration::from_secs(10),
        door: Door::Http,
        accepted_at: Timestamp::default(),
        due: Timestamp::default(),
    }
}

pub(crate) fn list(words: &[&str]) -> Params {
    Params::List(words.iter().map(|word| (*word).into()).collect())
}

/// Runs `name`, which is allowed, with plenty of time.
pub(crate) fn run(name: &str, params: Params) -> Result<Output, Failure> {
    let (attempt, _) = Attempt::for_test(LONG);
    executor(&[name]).execute(&job(name, params), &attempt)
}

/// Runs a shell script, with `$1` and so on, with plenty of time.
pub(crate) fn run_script(script: &str, arguments: &[&str]) -> Result<Output, Failure> {
    run("/bin/sh", script_params(script, arguments))
}

/// Runs a shell script for as long as `time` allows.
pub(crate) fn run_script_for(time: Duration, script: &str) -> Result<Output, Failure> {
    let (attempt, _) = Attempt::for_test(time);
    executor(&["/bin/sh"]).execute(&job("/bin/sh", script_params(script, &[])), &attempt)
}

/// Runs a shell script that says by its signpost (`$1`) when it is ready, and cancels it then. Also returns what the
/// signpost said.
pub(crate) fn cancel_script(script: &str) -> (Result<Output, Failure>, String) {
    let signpost = Signpost::new();
    let (attempt, canceller) = Attempt::for_test(LONG);
    let params = script_params(script, &[&signpost.path()]);
    std::thread::scope(|scope| {
        let run = scope
            .spawn(|| executor(&["/bin/sh"]).execute(&job("/bin/sh", params.clone()), &attempt));
        let said = signpost.wait();
        canceller.cancel(CancelReason::Requested);
        (run.join().expect("no panic"), said)
    })
}

fn script_params(script: &str, arguments: &[&str]) -> Params {
    list(&[&["-c", script, "sh"], arguments].concat())
}

/// Writes an executable file. A process of its own writes it: while this one holds it open for writing, any other
/// test that starts a command would hand that on, and the file couldn't be executed.
pub(crate) fn write_executable(path: &Path, content: &str) {
    let done = Command::new("/bin/sh")
        .args(["-c", "printf %s \"$2\" > \"$1\" && chmod 755 \"$1\"", "sh"])
        .args([path.as_os_str(), content.as_ref()])
        .status()
        .expect("a shell");
    assert!(done.success());
}

/// A named pipe by which a command says that it has come to a point.
pub(crate) struct Signpost {
    directory: tempfile::TempDir,
    reader: OwnedFd,
}

impl Signpost {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("signpost");
        rustix::fs::mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).expect("a named pipe");
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let reader = rustix::fs::open(&path, flags, Mode::empty()).expect("its reading end");
        Self { directory, reader }
    }

    pub(crate) fn path(&self) -> String {
        self.directory.path().join("signpost").display().to_string()
    }

    /// What the command said, once it has said it.
    pub(crate) fn wait(&self) -> String {
        assert!(
            is_readable_within(&self.reader, LONG),
            "nothing was said in time"
        );
        let mut said = [0; 512];
        let count = rustix::io::read(&self.reader, &mut said).expect("a readable pipe");
        String::from_utf8_lossy(&said[..count]).trim().into()
    }
}

/// The processes whose numbers a command printed.
pub(crate) fn pids(text: &str) -> Vec<Pid> {
    text.split_whitespace()
        .map(|word| {
            let number = word.parse().expect("a process number");
            Pid::from_raw(number).expect("a process number")
        })
        .collect()
}

/// Whether a process ends soon, if it hasn't yet. Waits for its end, not for time to pass.
pub(crate) fn is_gone(pid: Pid) -> bool {
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(end) => is_readable_within(&end, Duration::from_secs(5)),
        Err(_) => true,
    }
}

fn is_readable_within(source: &impl AsFd, time: Duration) -> bool {
    let mut polled = [PollFd::new(source, PollFlags::IN)];
    let timeout = Timespec::try_from(time).expect("a short time");
    poll(&mut polled, Some(&timeout)).expect("poll") == 1
}
