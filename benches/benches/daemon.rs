//! The real binary: how late jobs of a cron file start. 200 entries fire in each second for a minute, as GETs of a server
//! here, which notes when each comes in; none may be missing and none double.

use poulpe_benches::{Noop, call_at_once, is_test, percentiles};
use poulpe_core::Timestamp;
use poulpe_core::cron::ScheduleId;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ENTRIES: usize = 200;

/// When each job came in, in nanoseconds since the epoch, by its id.
type Seen = Arc<Mutex<HashMap<String, Vec<u128>>>>;

fn main() {
    let seconds = if is_test() { 2 } else { 60 };
    // One thread, so that the cores are left to the daemon.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let dir = tempfile::tempdir().expect("a directory");
    let binary = build();
    println!("cron, the real binary, {ENTRIES} entries that fire each second, GET:");
    runtime.block_on(measure(&binary, dir.path(), seconds));
}

/// The binary in the profile in which it is run for real.
fn build() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "-p", "poulpe"])
        .status()
        .expect("cargo starts");
    assert!(built.success(), "{built}");
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(target, PathBuf::from);
    target.join("release/poulpe")
}

async fn measure(binary: &Path, dir: &Path, seconds: u64) {
    let seen = Seen::default();
    let server = serve(seen.clone()).await;
    let file = dir.join("cron");
    let mut lines = String::new();
    for number in 0..ENTRIES {
        lines.push_str(&format!(
            "ID=s{number}\n* * * * * * * http://{server}/{number} GET\n"
        ));
    }
    std::fs::write(&file, lines).expect("a file");
    let mut daemon = start(binary, dir, &file);
    // A fresh store writes zeros into its next segment first.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let first = (Noop::now() / 1_000_000_000 + 1) as u64;
    tokio::time::sleep(Duration::from_secs(seconds + 3)).await;
    terminate(&mut daemon);

    let bare = measure_bare(server, seen.clone(), seconds.div_ceil(6)).await;

    let seen = seen.lock().expect("no panic");
    let mut late = Vec::new();
    let (mut missing, mut double) = (0, 0);
    for second in first..first + seconds {
        for number in 0..ENTRIES {
            match seen.get(&job_id(number, second)).map(Vec::as_slice) {
                None => missing += 1,
                Some([at, more @ ..]) => {
                    double += more.len();
                    let fire = u128::from(second) * 1_000_000_000;
                    assert!(*at >= fire, "early by {} ns", fire - at);
                    late.push(Duration::from_nanos((at - fire) as u64));
                }
                Some([]) => {}
            }
        }
    }
    let count = late.len();
    let (p50, p99, max) = percentiles(late);
    println!("  {count} fire times, {missing} missing, {double} double");
    println!("  late: p50 {p50:?}, p99 {p99:?}, max {max:?} (aim p99 5 ms)");
    let (p50, p99, max) = percentiles(bare);
    println!("  as many bare calls at once by 4 threads: p50 {p50:?}, p99 {p99:?}, max {max:?}");
    assert_eq!((missing, double), (0, 0));
}

/// How long after a common beginning as many bare calls of the same server come in: what no scheduler can beat.
async fn measure_bare(server: SocketAddr, seen: Seen, rounds: u64) -> Vec<Duration> {
    let mut took = Vec::new();
    for round in 0..rounds {
        // After a pause, as between two fire times.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let name = format!("bare-{round}");
        let calls = {
            let name = name.clone();
            move || {
                let begin = Noop::now();
                call_at_once(server, 4, ENTRIES, &name);
                begin
            }
        };
        let begin = tokio::task::spawn_blocking(calls).await.expect("no panic");
        let seen = seen.lock().expect("no panic");
        for number in 0..ENTRIES {
            let at = seen[&format!("{name}-{number}")][0];
            took.push(Duration::from_nanos((at - begin) as u64));
        }
    }
    took
}

fn job_id(number: usize, second: u64) -> String {
    let id = ScheduleId::new(&format!("s{number}")).expect("an id");
    let fire = Timestamp::from_millis(second as i64 * 1_000);
    id.job_id(fire).to_string()
}

fn start(binary: &Path, dir: &Path, file: &Path) -> Child {
    Command::new(binary)
        .args(["--port", "0", "--cron"])
        .arg(file)
        .arg("--data")
        .arg(dir.join("data"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts")
}

fn terminate(daemon: &mut Child) {
    let _ = Command::new("kill").arg(daemon.id().to_string()).status();
    let _ = daemon.wait();
}

/// A server that answers everything and notes whose request it was.
async fn serve(seen: Seen) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(answer(stream, seen.clone()));
        }
    });
    address
}

async fn answer(mut stream: TcpStream, seen: Seen) {
    let mut buffer = vec![0; 16_384];
    let mut filled = 0;
    while let Ok(read) = stream.read(&mut buffer[filled..]).await {
        if read == 0 {
            return;
        }
        let at = Noop::now();
        filled += read;
        let text = String::from_utf8_lossy(&buffer[..filled]);
        if !text.ends_with("\r\n\r\n") {
            continue;
        }
        let id = text.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("poulpe-job-id").then_some(value)
        });
        let id = id.expect("a job's request").to_string();
        seen.lock()
            .expect("no panic")
            .entry(id)
            .or_default()
            .push(at);
        filled = 0;
        if stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            .await
            .is_err()
        {
            return;
        }
    }
}
