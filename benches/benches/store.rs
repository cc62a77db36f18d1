//! The embedded store by its port: the same durable work beside redb and SQLite, and how its costs grow with what is
//! queued.

use poulpe_benches::engines::{Ask, Redb, Sqlite, Writer};
use poulpe_benches::{amount, append_and_sync, complete, enqueue, growth, job, row, store_in};
use poulpe_core::store::{Claim, Incarnation};
use poulpe_core::{Due, JobStore, Lane};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Callers at once: as many as fill a group commit.
const CALLERS: usize = 64;

/// The size of a job's record.
const RECORD: usize = 450;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    if growth::is_cell() {
        return runtime.block_on(growth::measure_cell());
    }
    let dir = tempfile::tempdir().expect("a directory");
    println!("bare append + fdatasync of {RECORD} bytes, preallocated:");
    let count = amount(640_000) / CALLERS * CALLERS;
    let took = append_and_sync(dir.path(), count, RECORD, CALLERS);
    let bare = row("64 a sync", count, took, None);

    println!("synced enqueue of {RECORD} bytes, {CALLERS} callers, one job each:");
    compare(&runtime, bare, amount(100_000), false);
    println!("synced lifecycle (enqueue, claim, settle), {CALLERS} callers, one job each:");
    compare(&runtime, bare, amount(50_000), true);
    growth::table();
}

/// The same work on each engine.
fn compare(runtime: &Runtime, bare: f64, count: usize, to_the_end: bool) {
    let beside = Some(("bare, 64 a sync", bare));
    let other = |what, start: fn(&Path) -> Writer| {
        let dir = tempfile::tempdir().expect("a directory");
        let took = runtime.block_on(on_other(start(dir.path()), count, to_the_end));
        row(what, count, took, beside)
    };
    let redb = other("redb, Durability::Immediate", |dir| {
        Writer::start(Redb::create(dir))
    });
    let sqlite = other("SQLite, WAL, synchronous = FULL", |dir| {
        Writer::start(Sqlite::create(dir))
    });
    let dir = tempfile::tempdir().expect("a directory");
    let took = runtime.block_on(on_poulpe(dir.path(), count, to_the_end));
    let poulpe = row("poulpe, embedded store", count, took, beside);
    println!(
        "  poulpe: {:.2} × redb, {:.2} × SQLite",
        poulpe / redb,
        poulpe / sqlite
    );
}

async fn on_other(writer: Writer, count: usize, to_the_end: bool) -> Duration {
    let writer = Arc::new(writer);
    by_callers(count, move |_, _| {
        let writer = writer.clone();
        async move {
            writer.ask(Ask::Enqueue(vec![7; RECORD])).await;
            if to_the_end {
                let (key, _) = writer.ask(Ask::Claim).await.expect("a job");
                writer.ask(Ask::Settle(key)).await;
            }
        }
    })
    .await
}

async fn on_poulpe(dir: &Path, count: usize, to_the_end: bool) -> Duration {
    let (store, _) = store_in(Some(dir));
    by_callers(count, move |number, lane| {
        let store = store.clone();
        async move {
            enqueue(&*store, [job(number, RECORD)], Due::NOW).await;
            if to_the_end {
                run(&*store, number, lane).await;
            }
        }
    })
    .await
}

/// Claims one job and settles it.
async fn run(store: &dyn JobStore, number: usize, lane: Lane) {
    let claim = Claim {
        incarnation: Incarnation(1),
        request: number as u64,
        idle: vec![lane],
        prefetch: 0,
        lease: Duration::from_secs(60),
    };
    let claimed = store.claim(claim).await.expect("it claims");
    assert_eq!(claimed.jobs.len(), 1, "as many are claimed as enqueued");
    complete(store, claimed.jobs.into_iter().map(|job| job.lease)).await;
}

/// Does something so many times, by all callers at once, each with a lane of its own.
async fn by_callers<F>(
    count: usize,
    once: impl Fn(usize, Lane) -> F + Clone + Send + 'static,
) -> Duration
where
    F: Future<Output = ()> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let tasks: Vec<_> = (0..CALLERS)
        .map(|lane| {
            let (next, once) = (next.clone(), once.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Relaxed);
                    if number >= count {
                        return;
                    }
                    once(number, lane as Lane).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    begin.elapsed()
}
