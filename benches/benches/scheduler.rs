//! The scheduler as a library: no-op lifecycles (submit, store, claim, run, settle) on the memory and the embedded
//! store, and how soon a job starts.

use poulpe_benches::{
    NOOP, Noop, Running, amount, append_and_sync, append_and_sync_apart, percentiles, row, start,
};
use poulpe_core::{Door, Due, Kind, Params, Submit, Submitted, Task, Timestamp};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let dir = tempfile::tempdir().expect("a directory");
    println!("bare append + fdatasync of 450 bytes, preallocated:");
    let count = amount(10_000);
    let alone = row(
        "one a sync",
        count,
        append_and_sync(dir.path(), count, 450, 1),
        None,
    );
    let count = amount(640_000) / 64 * 64;
    let grouped = row(
        "64 a sync",
        count,
        append_and_sync(dir.path(), count, 450, 64),
        Some(("one a sync", alone)),
    );

    for (name, is_embedded) in [("memory", false), ("embedded, synced", true)] {
        println!("no-op lifecycle, {name} store, 4 workers:");
        for (what, callers, batch, full) in [
            ("64 callers, one task each", 64, 1, 300_000),
            ("1,024 callers, one task each", 1_024, 1, 500_000),
            ("16 callers, 100 tasks each", 16, 100, 500_000),
        ] {
            let store = tempfile::tempdir().expect("a directory");
            let path = is_embedded.then(|| store.path());
            let count = amount(full);
            let took = runtime.block_on(lifecycles(path, callers, batch, count));
            row(what, count, took, Some(("bare, 64 a sync", grouped)));
        }
    }
    runtime.block_on(latency(dir.path()));
}

async fn lifecycles(dir: Option<&Path>, callers: usize, batch: usize, count: usize) -> Duration {
    let running = Arc::new(start(dir));
    let begin = Instant::now();
    let each = count.div_ceil(callers * batch);
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let running = running.clone();
            tokio::spawn(async move {
                for _ in 0..each {
                    submit(&running, vec![Task::new(Kind::new(NOOP), "x"); batch]).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    running.wait_for((each * callers * batch) as u64).await;
    let took = begin.elapsed();
    running.scheduler.stop(Duration::from_secs(5)).await;
    took.mul_f64(count as f64 / (each * callers * batch) as f64)
}

async fn submit(running: &Running, tasks: Vec<Task>) {
    for answer in running.scheduler.submit(tasks, Door::Library).await {
        assert!(matches!(answer, Submitted::Accepted(..)), "{answer:?}");
    }
}

async fn latency(dir: &Path) {
    println!("start latency, embedded store:");
    let pause = Duration::from_millis(20);
    let bare = append_and_sync_apart(dir, amount(200), 450, pause).await;
    let (p50, p99, max) = percentiles(bare);
    println!("  bare append + fdatasync at 50 a second: p50 {p50:?}, p99 {p99:?}, max {max:?}");
    let running = start(Some(&dir.join("latency")));
    // A fresh store still writes zeros into its next segment.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (count, rate) = (amount(1_000), 50);
    let begin = Instant::now();
    for number in 0..count {
        tokio::time::sleep_until((begin + Duration::from_secs(1) * number as u32 / rate).into())
            .await;
        let now = Params::Text(Noop::now().to_string());
        submit(
            &running,
            vec![Task {
                params: now,
                ..Task::new(Kind::new(NOOP), "x")
            }],
        )
        .await;
    }
    running.wait_for(count as u64).await;
    let (p50, p99, max) = percentiles(running.noop.take_lateness());
    println!(
        "  submit to start at 50 a second: p50 {p50:?}, p99 {p99:?}, max {max:?} (aim 0.5 ms, 2 ms)"
    );

    // A point in time rather than a delay: that would count from the acceptance of the thousand, not from here.
    let due = Noop::now() / 1_000_000 + 1_000;
    let params = Params::Text((due * 1_000_000).to_string());
    let due = Due::At(Timestamp::from_millis(due as i64));
    let task = Task {
        params,
        due,
        ..Task::new(Kind::new(NOOP), "x")
    };
    submit(&running, vec![task; 1_000]).await;
    running.wait_for(count as u64 + 1_000).await;
    let (p50, p99, max) = percentiles(running.noop.take_lateness());
    println!(
        "  1,000 due at once, lateness: p50 {p50:?}, p99 {p99:?}, max {max:?} (aim p99 5 ms, none early)"
    );
    running.scheduler.stop(Duration::from_secs(5)).await;
}
