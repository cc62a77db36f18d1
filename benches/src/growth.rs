//! How the costs of the embedded store grow with what is queued. Each cell of the table is measured in a process of its
//! own, so that its memory is not what another one has left.

use crate::{amount, complete, enqueue, job, store_in};
use poulpe_core::store::{Claim, ClaimedJob, Incarnation};
use poulpe_core::{Due, Job, JobStore, LaneSet, Priority};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Before the shape and the two amounts, on the command line of the process that measures a cell.
const CELL: &str = "growth-cell";

/// Short jobs, as most are.
const RECORD: usize = 150;

/// What is queued while the fresh jobs come and go.
const SHAPES: [(&str, &str); 4] = [
    ("ready", "ready, fresh ones more urgent"),
    ("in-turn", "ready, fresh ones wait their turn"),
    ("delayed", "delayed by a year"),
    ("blocked", "confined to a lane that is never idle"),
];

/// µs a job for enqueue, claim and settle; bytes of memory a queued job; ms to reopen.
type Figures = [f64; 5];

/// Measures and prints the table.
pub fn table() {
    println!("growth, embedded store: 20,000 short jobs come and go beside those queued");
    println!("  µs a job to enqueue (100 a call), claim (1 lane + 64 ahead), settle (65 a call);");
    println!(
        "  bytes of memory a queued job; ms to drop and open, files in the page cache. At 1 k these two are"
    );
    println!(
        "  mostly what an empty store takes and the records of the jobs that have come and gone"
    );
    for (shape, what) in SHAPES {
        println!(
            "  {what:<39} {:>8} {:>8} {:>8} {:>8} {:>10}",
            "enqueue", "claim", "settle", "bytes", "reopen"
        );
        let sizes = [1_000, 100_000, 1_000_000];
        let figures = sizes.map(|queued| {
            let figures = in_a_process(shape, amount(queued));
            line(&format!("{} queued", amount(queued)), figures, 0);
            figures
        });
        let [first, .., last] = figures;
        line(
            "1 M beside 1 k",
            std::array::from_fn(|column| last[column] / first[column]),
            2,
        );
    }
}

fn line(what: &str, figures: Figures, places: usize) {
    let [enqueue, claim, settle, memory, reopen] = figures;
    println!(
        "    {what:<37} {enqueue:>8.2} {claim:>8.2} {settle:>8.2} {memory:>8.places$} {reopen:>10.places$}"
    );
}

fn in_a_process(shape: &str, queued: usize) -> Figures {
    let this = std::env::current_exe().expect("a path");
    let fresh = amount(20_000);
    let output = Command::new(this)
        .args([CELL, shape, &queued.to_string(), &fresh.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", output.status);
    let text = String::from_utf8(output.stdout).expect("text");
    let figures: Vec<f64> = text
        .split_whitespace()
        .map(|word| word.parse().expect("a number"))
        .collect();
    figures.try_into().expect("as many as there are columns")
}

/// Whether this process is to measure one cell.
pub fn is_cell() -> bool {
    std::env::args().nth(1).as_deref() == Some(CELL)
}

/// Measures the cell that the command line names, and prints its figures.
pub async fn measure_cell() {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let [shape, queued, fresh] = arguments.as_slice() else {
        panic!("a cell is a shape and two amounts");
    };
    let queued: usize = queued.parse().expect("a number");
    let fresh: usize = fresh.parse().expect("a number");
    let dir = tempfile::tempdir().expect("a directory");
    let (store, _) = store_in(Some(dir.path()));
    let before = resident();
    fill(&*store, shape, queued).await;
    let memory = (resident() - before) / queued as f64;
    let [enqueue, claim, settle] = run_beside(&*store, shape, queued, fresh).await;
    let begin = Instant::now();
    drop(store);
    let (store, _) = store_in(Some(dir.path()));
    let reopen = begin.elapsed().as_secs_f64() * 1e3;
    let counts = store.counts().await.expect("it counts");
    assert_eq!(counts.ready + counts.delayed, queued as u64, "{counts:?}");
    println!("{enqueue} {claim} {settle} {memory} {reopen}");
}

async fn fill(store: &dyn JobStore, shape: &str, queued: usize) {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);
    let due = match shape {
        "delayed" => Due::In(YEAR),
        _ => Due::NOW,
    };
    let lanes = match shape {
        "blocked" => LaneSet::new([7]),
        _ => LaneSet::any(),
    };
    let numbers: Vec<usize> = (0..queued).collect();
    for batch in numbers.chunks(1_000) {
        let jobs = batch.iter().map(|number| Job {
            lanes: lanes.clone(),
            ..job(*number, RECORD)
        });
        enqueue(store, jobs, due).await;
    }
}

/// Enqueues jobs, and claims and settles as many, in µs a job.
async fn run_beside(store: &dyn JobStore, shape: &str, queued: usize, fresh: usize) -> [f64; 3] {
    let priority = match shape {
        "in-turn" => Priority::default(),
        _ => Priority::new(0).expect("the most urgent"),
    };
    let numbers: Vec<usize> = (queued..queued + fresh).collect();
    let mut enqueuing = Duration::ZERO;
    for batch in numbers.chunks(100) {
        let jobs: Vec<Job> = batch
            .iter()
            .map(|number| Job {
                priority,
                ..job(*number, RECORD)
            })
            .collect();
        let begin = Instant::now();
        enqueue(store, jobs, Due::NOW).await;
        enqueuing += begin.elapsed();
    }
    let (mut claiming, mut settling) = (Duration::ZERO, Duration::ZERO);
    let mut left = fresh;
    let mut request = 0;
    while left > 0 {
        request += 1;
        let begin = Instant::now();
        let jobs = claim(store, request, left.min(65)).await;
        claiming += begin.elapsed();
        assert!(!jobs.is_empty(), "{left} jobs can't be claimed");
        left -= jobs.len();
        let begin = Instant::now();
        complete(store, jobs.into_iter().map(|job| job.lease)).await;
        settling += begin.elapsed();
    }
    [enqueuing, claiming, settling].map(|took| took.as_secs_f64() * 1e6 / fresh as f64)
}

async fn claim(store: &dyn JobStore, request: u64, max: usize) -> Vec<ClaimedJob> {
    let claim = Claim {
        incarnation: Incarnation(1),
        request,
        idle: vec![0],
        prefetch: max - 1,
        lease: Duration::from_secs(60),
    };
    store.claim(claim).await.expect("it claims").jobs
}

/// The memory of this process that is in use, in bytes.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<f64>().ok())
        .expect("a number")
        * 1_024.0
}
