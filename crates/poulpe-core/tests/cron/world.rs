//! One world: a store, a cron file, some daemons, and what happens to them.

use crate::daemon::{Daemon, Faults, Stopped, now_or_never};
use crate::model::Model;
use poulpe_core::cron::{CronFile, Defaults, Zone};
use poulpe_core::store::{
    Claim, Incarnation, Limits, ManualTime, MemoryStore, Settlement, Store, TimeSource,
};
use poulpe_core::{FileContents, JobResult, Outcome, ScheduleFile, State, Timestamp, Verdict};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;
use std::time::Duration;

const LINES: [&str; 7] = [
    "* * * * * * * x GET",
    "*/7 * * * * * * x GET",
    "0 * * * * * * x GET",
    "30 */5 * * * * * x GET",
    "0 30 2 * * * * x GET",
    "0 15 * * * * * x GET",
    "0,1,2,3 0/2 * * * * * x GET",
];

/// 2027-03-28T00:58:00Z: two minutes before the clocks of Berlin are changed.
const START: i64 = 1_806_195_480_000;

pub(crate) struct World {
    seed: u64,
    dice: StdRng,
    time: Arc<ManualTime>,
    store: MemoryStore,
    /// The lines of the file, and whether each is in it now.
    lines: Vec<(String, bool)>,
    is_file_there: bool,
    daemons: Vec<Option<Daemon>>,
    models: Vec<Model>,
    store_is_away: bool,
    /// When the file was last seen through.
    file_decided_to: i64,
    requests: u64,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let time = Arc::new(ManualTime::new(START));
        // Ids are guarded for a moment only: nothing may rest on them.
        let limits = Limits {
            result_ttl: Duration::from_secs(5),
            ..Limits::default()
        };
        let store = MemoryStore::in_memory(limits, time.clone());
        let count = dice.random_range(1..=4);
        let mut lines = Vec::new();
        for number in 0..count {
            let zone = ["UTC", "Europe/Berlin"][dice.random_range(0..2)];
            let misfire = ["once", "once:1h", "skip", "all"][dice.random_range(0..4)];
            let overlap = ["allow", "allow", "skip"][dice.random_range(0..3)];
            let line = LINES[dice.random_range(0..LINES.len())];
            let text = format!(
                "CRON_TZ={zone}\nMISFIRE={misfire}\nOVERLAP={overlap}\nID=s{number}\n{line}\n"
            );
            lines.push((text, true));
        }
        let mut world = Self {
            seed,
            dice,
            time,
            store,
            lines,
            is_file_there: true,
            daemons: vec![None, None],
            models: Vec::new(),
            store_is_away: false,
            file_decided_to: START,
            requests: 0,
        };
        let all: String = world.lines.iter().map(|(line, _)| line.as_str()).collect();
        let entries = CronFile::parse(all.as_bytes(), &world.defaults()).entries;
        let models = entries.into_iter().map(|entry| Model::new(entry, START));
        world.models = models.collect();
        world
    }

    pub(crate) fn jobs(&self) -> usize {
        self.models.iter().map(|model| model.jobs.len()).sum()
    }

    pub(crate) fn missed(&self) -> u64 {
        self.models.iter().map(|model| model.missed).sum()
    }

    fn now(&self) -> i64 {
        self.time.wall().floor().as_millis()
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            zone: Zone::utc(),
            now: Timestamp::from_millis(START),
        }
    }

    fn files(&self) -> Vec<ScheduleFile> {
        let contents = if self.is_file_there {
            let there = self.lines.iter().filter(|(_, is_there)| *is_there);
            let text: String = there.map(|(line, _)| line.as_str()).collect();
            let file = CronFile::parse(text.as_bytes(), &self.defaults());
            assert_eq!(file.problems, []);
            FileContents::Read {
                entries: file.entries,
                problems: file.problems,
            }
        } else {
            FileContents::Missing("there is no such file".into())
        };
        vec![ScheduleFile {
            name: "/etc/cron".into(),
            contents,
        }]
    }

    pub(crate) fn run(&mut self) {
        self.daemons[0] = Some(Daemon::new(self.files()));
        self.settle_down();
        for _ in 0..40 {
            self.happen();
        }
        self.settle_down();
    }

    /// A quiet moment in which everything is seen through.
    fn settle_down(&mut self) {
        self.store_is_away = false;
        self.is_file_there = true;
        let files = self.files();
        for daemon in self.daemons.iter_mut().flatten() {
            daemon.set(files.clone());
        }
        if self.daemons.iter().all(Option::is_none) {
            self.daemons[0] = Some(Daemon::new(files));
        }
        self.step(false);
    }

    fn happen(&mut self) {
        match self.dice.random_range(0..20) {
            0..8 => self.pass(10, 5_000),
            8 => self.pass(10_000, 80_000),
            9 => {
                // An outage.
                self.daemons = vec![None, None];
                let long = [50, 200, 4_000, 30_000][self.dice.random_range(0..4)];
                self.time
                    .advance(Duration::from_secs(self.dice.random_range(1..long)));
            }
            10 => self.store_is_away = !self.store_is_away,
            11 => {
                let by = [3_600_000, -3_600_000, 30_000, -30_000][self.dice.random_range(0..4)];
                self.time.jump(by);
                // What has fired nothing yet may start anew by the clock that was set back.
                let new = self.models.iter_mut().filter(|model| model.jobs.is_empty());
                new.for_each(|model| model.closed_to = i64::MIN);
            }
            12 | 13 => {
                let which = self.dice.random_range(0..2);
                self.daemons[which] = match self.daemons[which].take() {
                    None => Some(Daemon::new(self.files())),
                    Some(_) => None,
                };
            }
            14 | 16 => self.edit(),
            15 => {
                self.is_file_there = !self.is_file_there;
                self.tell();
            }
            _ => self.work(),
        }
    }

    /// A line goes or comes back. All daemons that are up see it at once: when each would see it otherwise is another
    /// question.
    fn edit(&mut self) {
        if !self.is_file_there || self.store_is_away {
            return;
        }
        self.step(false);
        let is_seen = self.daemons.iter().any(Option::is_some);
        let which = self.dice.random_range(0..self.lines.len());
        let is_there = !self.lines[which].1;
        self.lines[which].1 = is_there;
        let now = self.now();
        if is_there {
            // It starts where the version before was: now, a moment later if that was driven ahead. What the last daemon
            // told the store may lie a little before what is known here.
            let model = &mut self.models[which];
            let start = if is_seen { now } else { self.file_decided_to };
            model.decided_to = start.max(model.decided_to);
            if is_seen {
                let is_new = model.jobs.is_empty();
                model.closed_to = if is_new { now } else { model.decided_to };
            }
            model.is_vague = true;
        }
        self.tell();
        self.step(false);
    }

    fn tell(&mut self) {
        let files = self.files();
        for daemon in self.daemons.iter_mut().flatten() {
            daemon.set(files.clone());
        }
    }

    /// Some milliseconds pass; daemons wake when they want to.
    fn pass(&mut self, least: i64, most: i64) {
        let end = self.now() + self.dice.random_range(least..most);
        self.step(true);
        while self.now() < end {
            let wake = self.daemons.iter().flatten().filter_map(Daemon::wake_at);
            let next = wake.min().unwrap_or(end).clamp(self.now() + 1, end);
            let left = next - self.now();
            self.time.advance(Duration::from_millis(left as u64));
            self.step(true);
        }
    }

    /// Every daemon does what it has to.
    fn step(&mut self, may_fail: bool) {
        for which in 0..self.daemons.len() {
            let Some(mut daemon) = self.daemons[which].take() else {
                continue;
            };
            let is_bad_day = may_fail && self.dice.random_bool(0.05);
            let faults = Faults {
                store_is_away: self.store_is_away,
                dies: if is_bad_day { 0.3 } else { 0.0 },
                loses_answer: if is_bad_day { 0.3 } else { 0.0 },
            };
            let now = self.now();
            let mut new = Vec::new();
            let ended = daemon.step(&self.store, now, faults, &mut self.dice, &mut new);
            for (schedule, fire) in new {
                let model = self.models.iter_mut();
                let mut it = model.filter(|model| model.entry.id.as_str() == schedule);
                let accepted = it.next().expect("a schedule of ours").accepted(fire, now);
                accepted.unwrap_or_else(|wrong| self.fail(&schedule, &wrong));
            }
            match ended {
                Ok(()) => {
                    self.daemons[which] = Some(daemon);
                    self.decided(now);
                }
                Err(stopped) => {
                    self.models
                        .iter_mut()
                        .for_each(|model| model.is_vague = true);
                    if matches!(stopped, Stopped::NoAnswer) {
                        self.daemons[which] = Some(daemon);
                    }
                }
            }
        }
    }

    fn decided(&mut self, now: i64) {
        if !self.is_file_there {
            return;
        }
        self.file_decided_to = self.file_decided_to.max(now);
        for index in 0..self.models.len() {
            if !self.lines[index].1 {
                continue;
            }
            let decided = self.models[index].decided(now);
            let schedule = self.models[index].entry.id.to_string();
            decided.unwrap_or_else(|wrong| self.fail(&schedule, &wrong));
        }
    }

    /// Ready jobs run and end.
    fn work(&mut self) {
        loop {
            self.requests += 1;
            let claim = Claim {
                incarnation: Incarnation(1),
                request: self.requests,
                idle: Vec::new(),
                prefetch: 1_000,
                lease: Duration::from_secs(60),
            };
            let claimed = now_or_never(Store::claim(&self.store, claim));
            if claimed.jobs.is_empty() {
                return;
            }
            let now = self.time.wall().floor();
            let result = JobResult {
                outcome: Outcome::Ok,
                reason: String::new(),
                state: State::Done,
                output: String::new(),
                status: None,
                attempts: 1,
                started_at: Some(now),
                finished_at: now,
            };
            for job in &claimed.jobs {
                let (schedule, _) = job.job.id.as_str().split_once('@').expect("a fire time");
                let model = self.models.iter_mut();
                let mut it = model.filter(|model| model.entry.id.as_str() == schedule);
                let model = it.next().expect("a schedule of ours");
                model.jobs.insert(job.job.due.as_millis(), true);
            }
            let settlements = claimed.jobs.into_iter().map(|job| Settlement {
                lease: job.lease,
                verdict: Verdict::Complete(result.clone()),
            });
            now_or_never(self.store.settle(settlements.collect()));
        }
    }

    fn fail(&self, schedule: &str, wrong: &str) -> ! {
        panic!("seed {}: violation: {schedule}: {wrong}", self.seed)
    }
}
