//! Clients that submit short and long delayed tasks until they are refused, and remember what they were promised.
//! Never forgives: what was answered OK has to be there.

use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Condvar, Mutex};

use crate::{Daemon, PATIENCE, Target, eventually};

/// How many clients submit many tasks at once.
const CLIENTS: usize = 3;

/// How many submit one task at a time and wait for its end.
const WAITERS: usize = 4;

/// How many seconds a client waits for its task's end. After that, or without an answer, it has had enough.
const WAIT: u64 = 3;

/// How many tasks of a request run at once, beside the one that is delayed.
const AT_ONCE: usize = 7;

#[derive(Default)]
struct Promises {
    /// Numbers of the tasks that were accepted to run at once.
    at_once: Vec<usize>,
    /// Numbers of those that were accepted to run in an hour.
    delayed: Vec<usize>,
    /// Numbers of those whose end was told.
    ended: Vec<usize>,
    next: usize,
    /// How many clients have not yet been refused.
    clients: usize,
}

/// What clients were promised, over the lives of many daemons.
pub struct Load {
    /// What each task carries.
    params: String,
    promises: Mutex<Promises>,
    changed: Condvar,
}

/// What has become of the promises.
#[derive(Debug, Default)]
pub struct Kept {
    /// How many tasks were accepted.
    pub accepted: usize,
    /// How many different ones ran.
    pub run: usize,
    /// How many were accepted, and neither ran nor wait for their time.
    pub lost: usize,
    /// How many runs there were beyond the first of each.
    pub again: u32,
    /// Of how many jobs the end was told to a client.
    pub told: usize,
    /// How many runs of those there were beyond the first of each. The others may have run again rightly: what ran at a
    /// kill, or had no durable verdict yet, does.
    pub doubled: u32,
}

impl Load {
    /// Clients whose tasks carry so many bytes each.
    pub fn of(bytes: usize) -> Self {
        Self {
            params: "x".repeat(bytes),
            promises: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Submits from several clients until each has been refused or the daemon is gone; `act` runs beside them.
    pub fn during(&self, daemon: &Daemon, target: &Target, act: impl FnOnce()) {
        self.promises.lock().expect("no panic").clients = CLIENTS;
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    while self.submit(daemon, target) {}
                    self.promises.lock().expect("no panic").clients -= 1;
                    self.changed.notify_all();
                });
            }
            for _ in 0..WAITERS {
                scope.spawn(|| while self.submit_and_wait(daemon, target) {});
            }
            act();
        });
    }

    /// Waits until so many tasks have been accepted in all.
    ///
    /// # Panics
    /// If every client has been refused before.
    pub fn wait_for(&self, accepted: usize) {
        let promises = self.promises.lock().expect("no panic");
        let is_missing = |p: &mut Promises| p.accepted() < accepted && p.clients > 0;
        let waiting = self
            .changed
            .wait_timeout_while(promises, PATIENCE, is_missing);
        let (promises, _) = waiting.expect("no panic");
        assert!(
            promises.accepted() >= accepted,
            "all clients were refused after {} of {accepted} tasks",
            promises.accepted()
        );
    }

    /// How many tasks have been accepted in all.
    pub fn accepted(&self) -> usize {
        self.promises.lock().expect("no panic").accepted()
    }

    /// One request of many tasks; false if any of them was refused.
    fn submit(&self, daemon: &Daemon, target: &Target) -> bool {
        let numbers = self.numbers(AT_ONCE + 1);
        let tasks = numbers.iter().map(|number| {
            let is_delayed = *number == numbers[0];
            self.task(
                *number,
                target,
                json!({"delay": if is_delayed { 3_600 } else { 0 }}),
            )
        });
        let tasks: Vec<Value> = tasks.collect();
        let Some(answer) = daemon.try_send(&json!(tasks)) else {
            return false;
        };
        let answers = answer.json.as_array().cloned().unwrap_or_default();
        let oks: Vec<bool> = answers.iter().map(|one| one["result"] == "OK").collect();
        let mut promises = self.promises.lock().expect("no panic");
        for (number, _) in numbers.iter().zip(&oks).filter(|(_, ok)| **ok) {
            if *number == numbers[0] {
                promises.delayed.push(*number);
            } else {
                promises.at_once.push(*number);
            }
        }
        self.changed.notify_all();
        oks.len() == numbers.len() && oks.iter().all(|ok| *ok)
    }

    /// One task whose end is waited for, ahead of what earlier lives have left; false if it wasn't told.
    fn submit_and_wait(&self, daemon: &Daemon, target: &Target) -> bool {
        let number = self.numbers(1)[0];
        let answer =
            daemon.try_send(&self.task(number, target, json!({"wait": WAIT, "priority": 0})));
        let is_done = answer.is_some_and(|answer| answer.text("state") == "done");
        if is_done {
            let mut promises = self.promises.lock().expect("no panic");
            promises.at_once.push(number);
            promises.ended.push(number);
        }
        is_done
    }

    fn numbers(&self, count: usize) -> Vec<usize> {
        let mut promises = self.promises.lock().expect("no panic");
        let first = promises.next;
        promises.next += count;
        (first..first + count).collect()
    }

    fn task(&self, number: usize, target: &Target, fields: Value) -> Value {
        let mut task = fields;
        task["id"] = json!(id(number));
        task["method"] = json!("POST");
        task["name"] = json!(format!("{}{}", target.url, path(number)));
        task["params"] = json!(self.params);
        task
    }

    /// Waits until all that is due has run, then compares.
    pub fn kept(&self, daemon: &Daemon, target: &Target) -> Kept {
        eventually("nothing is left to run", || {
            let counts = &daemon.get("/sys_info").json["counts"];
            ["ready", "running", "retrying"]
                .iter()
                .all(|state| counts[*state] == 0)
        });
        let listed = delayed(daemon);
        let promises = self.promises.lock().expect("no panic");
        let calls = |number: &usize| target.calls(&path(*number));
        let lost_runs = promises.at_once.iter().filter(|number| calls(number) == 0);
        let lost_waits = promises.delayed.iter();
        let lost_waits = lost_waits.filter(|number| !listed.contains(&id(**number)));
        let ended = promises.ended.iter();
        Kept {
            accepted: promises.accepted(),
            run: target.distinct(),
            lost: lost_runs.count() + lost_waits.count(),
            again: target.total() - target.distinct() as u32,
            told: promises.ended.len(),
            doubled: ended.map(|number| calls(number).saturating_sub(1)).sum(),
        }
    }
}

impl Promises {
    fn accepted(&self) -> usize {
        self.at_once.len() + self.delayed.len()
    }
}

fn id(number: usize) -> String {
    format!("task-{number}")
}

fn path(number: usize) -> String {
    format!("/{number}")
}

/// The ids of all delayed jobs, page by page.
fn delayed(daemon: &Daemon) -> HashSet<String> {
    let mut ids = HashSet::new();
    let mut after = 0;
    loop {
        let page = daemon.get(&format!("/v1/jobs?state=delayed&limit=1000&after={after}"));
        assert_eq!(page.status, 200, "{page:?}");
        let jobs = page.json["jobs"].as_array().expect("jobs");
        ids.extend(
            jobs.iter()
                .filter_map(|job| job["id"].as_str().map(String::from)),
        );
        let Some(next) = page.json["next"].as_u64() else {
            return ids;
        };
        after = next;
    }
}
