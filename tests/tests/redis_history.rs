//! A history of many jobs over three daemons that share a store in Redis, while daemons are killed, stopped and continued
//! and Redis is killed: nothing is lost, early, or twice on a lane. Longer by
//! `POULPE_HISTORY_JOBS=20000 cargo test -p poulpe-tests --test redis_history`.

use poulpe_tests::{Call, Daemon, Home, Recorder, RedisServer, Signal, eventually, say};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

/// How many jobs, unless told otherwise.
const JOBS: usize = 3_000;

const CLIENTS: usize = 8;

/// How long a call takes: long enough that two on one lane would meet.
const TAKES: Duration = Duration::from_millis(3);

/// How long some jobs wait.
const DELAY: Duration = Duration::from_millis(700);

/// A lease, and some more.
const PAST_THE_LEASE: Duration = Duration::from_secs(17);

/// How long a daemon that was stopped may take to find out that it has lost its leases.
const GOES_ON: Duration = Duration::from_secs(3);

/// How long a client leaves a daemon alone that didn't take a job.
const AVOIDED: Duration = Duration::from_secs(10);

/// How many lanes a daemon has.
const WORKERS: usize = 4;

/// What clients did.
#[derive(Default)]
struct Clients {
    next: AtomicUsize,
    accepted: AtomicUsize,
    refused: AtomicUsize,
    /// When each job was sent first.
    sent: Mutex<HashMap<String, Instant>>,
}

impl Clients {
    fn id(number: usize) -> String {
        format!("h-{number}")
    }

    fn task(number: usize, recorder: &Recorder) -> Value {
        let id = Self::id(number);
        let url = &recorder.url;
        match number % 4 {
            0 => json!({"id": id, "method": "GET", "name": format!("{url}/lane"), "cc": "1"}),
            1 => {
                json!({"id": id, "method": "GET", "name": format!("{url}/later"), "delay": DELAY.as_secs_f64()})
            }
            _ => json!({"id": id, "method": "GET", "name": format!("{url}/any")}),
        }
    }

    /// Submits until all jobs have been accepted, each again and again wherever it goes.
    fn run(&self, jobs: usize, daemons: &RwLock<Vec<Option<Daemon>>>, recorder: &Recorder) {
        let mut avoided: [Option<Instant>; 3] = [None; 3];
        loop {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            if number >= jobs {
                return;
            }
            let task = Self::task(number, recorder);
            let now = Instant::now();
            self.sent
                .lock()
                .expect("no panic")
                .insert(Self::id(number), now);
            let mut turn = number;
            loop {
                let daemon = turn % 3;
                turn += 1;
                if avoided[daemon].is_some_and(|since| since.elapsed() < AVOIDED) {
                    continue;
                }
                if send(&daemons.read().expect("no panic")[daemon], &task) {
                    break;
                }
                self.refused.fetch_add(1, Ordering::SeqCst);
                if avoided.iter().all(Option::is_none) {
                    avoided[daemon] = Some(Instant::now());
                } else {
                    avoided = [None; 3];
                    std::thread::park_timeout(Duration::from_millis(20));
                }
            }
            self.accepted.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn wait_for(&self, accepted: usize) {
        eventually("enough jobs are accepted", || {
            self.accepted.load(Ordering::SeqCst) >= accepted
        });
    }
}

fn send(daemon: &Option<Daemon>, task: &Value) -> bool {
    daemon
        .as_ref()
        .is_some_and(|daemon| daemon.try_submit(task))
}

/// Calls on the lane that overlap another one.
fn overlaps(calls: &[Call]) -> Vec<(&Call, &Call)> {
    let mut on_lane: Vec<&Call> = calls.iter().filter(|call| call.path == "lane").collect();
    on_lane.sort_by_key(|call| call.begin);
    let pairs = on_lane.windows(2).map(|pair| (pair[0], pair[1]));
    pairs.filter(|(one, next)| next.begin < one.end).collect()
}

#[test]
fn nothing_is_lost_early_or_twice_on_a_lane() {
    let jobs =
        std::env::var("POULPE_HISTORY_JOBS").map_or(JOBS, |jobs| jobs.parse().expect("a number"));
    let mut redis = RedisServer::start();
    let url = redis.url();
    let recorder = Recorder::start(TAKES);
    let homes = [(); 3].map(|()| Home::new());
    let flags = ["--redis", url.as_str(), "--result_max", "1000000"];
    let start = |n: usize| Some(homes[n].start_impatient(&flags));
    let daemons = RwLock::new(vec![start(0), start(1), start(2)]);
    let clients = Clients::default();
    let mut stopped = (Instant::now(), Instant::now());
    let begin = Instant::now();
    let kill = |n: usize| {
        let mut daemons = daemons.write().expect("no panic");
        daemons[n].take().expect("it runs").kill();
        daemons[n] = start(n);
    };
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| clients.run(jobs, &daemons, &recorder));
        }
        clients.wait_for(jobs / 6);
        kill(0);
        clients.wait_for(jobs * 2 / 6);
        let signal = |signal| {
            let daemons = daemons.read().expect("no panic");
            daemons[1].as_ref().expect("it runs").signal(signal);
        };
        stopped.0 = Instant::now();
        signal(Signal::STOP);
        clients.wait_for(jobs * 3 / 6);
        kill(2);
        clients.wait_for(jobs * 4 / 6);
        redis.kill();
        redis.restart();
        clients.wait_for(jobs * 5 / 6);
        eventually("its leases have ended", || {
            stopped.0.elapsed() > PAST_THE_LEASE
        });
        signal(Signal::CONT);
        stopped.1 = Instant::now();
    });
    let daemons = daemons.read().expect("no panic");
    let daemon = daemons[1].as_ref().expect("it runs");
    eventually("nothing is left to run", || {
        let counts = &daemon.get("/sys_info").json["counts"];
        ["delayed", "ready", "running", "retrying"]
            .iter()
            .all(|state| counts[*state] == 0)
    });
    let calls = recorder.calls();
    let ran: HashSet<&str> = calls.iter().map(|call| call.id.as_str()).collect();
    let lost = (0..jobs).filter(|number| !ran.contains(Clients::id(*number).as_str()));
    let lost = lost.count();
    let sent = clients.sent.lock().expect("no panic");
    let is_early = |call: &&Call| call.path == "later" && call.begin < sent[&call.id] + DELAY;
    let early = calls.iter().filter(is_early).count();
    let attempts: HashSet<(&str, &str)> = calls
        .iter()
        .map(|call| (call.id.as_str(), call.attempt.as_str()))
        .collect();
    let again = calls.len() - ran.len();
    // A process that is stopped can't stop what it runs: a call that it goes on with may meet the one of the daemon that
    // took over.
    let goes_on = stopped.1..stopped.1 + GOES_ON;
    let (of_stopped, overlaps): (Vec<_>, Vec<_>) = overlaps(&calls)
        .into_iter()
        .partition(|(one, next)| goes_on.contains(&one.begin) || goes_on.contains(&next.begin));
    say(&format!(
        "{jobs} jobs in {:.0?}: {} submits refused, {lost} lost, {early} early, {again} run again, {} overlaps of the lane, {} \
         more of the stopped daemon",
        begin.elapsed(),
        clients.refused.load(Ordering::SeqCst),
        overlaps.len(),
        of_stopped.len(),
    ));
    assert_eq!((lost, early), (0, 0));
    assert!(overlaps.is_empty(), "{overlaps:?}");
    assert_eq!(attempts.len(), calls.len(), "two runs share a number");
    // Only what ran, or had no durable verdict yet, when its daemon was killed or stopped.
    assert!(again <= 3 * 16 * WORKERS, "{again} runs too many");
}
