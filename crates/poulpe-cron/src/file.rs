//! Reads cron files: comments, variables, entries. A bad line is a problem and the others go on; the work is bounded by
//! the size of the file. Never opens one: it is given the bytes.

use crate::entry::{Entry, Options};
use crate::expression::{BadSchedule, short};
use crate::identity::{self, ScheduleId};
use crate::line::{self, Line};
use crate::problem::Problem;
use crate::variable::{self, Taken, Variables};
use crate::zone::Zone;
use poulpe_job::Timestamp;
use std::collections::{HashMap, HashSet};

/// The largest file that is read: 40 times what 1,000 usual lines take.
pub const MAX_FILE_BYTES: usize = 4 << 20;

/// The most entries of a file.
pub const MAX_ENTRIES: usize = 20_000;

/// The most problems that are told of a file; reading ends with the last. Somebody has given a wrong file.
pub const MAX_PROBLEMS: usize = 1_000;

/// The longest line.
pub const MAX_LINE_BYTES: usize = 64 << 10;

/// What a file doesn't say itself.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// The zone of entries without `CRON_TZ`.
    pub zone: Zone,
    /// Entries whose last fire time lies before this, and can't be made up for either, are refused: they never fire.
    pub now: Timestamp,
}

/// What was read from a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CronFile {
    /// The entries that can run, in the order of their lines.
    pub entries: Vec<Entry>,
    /// What is wrong. Entries on other lines are not touched by it, but for those below a variable that can't be read.
    pub problems: Vec<Problem>,
    /// What is right, but perhaps not meant.
    pub notes: Vec<Problem>,
}

impl CronFile {
    /// Reads a file that stands alone.
    ///
    /// ```
    /// use poulpe_cron::{CronFile, Defaults, Zone};
    /// use poulpe_job::Timestamp;
    /// let defaults = Defaults { zone: Zone::utc(), now: Timestamp::from_millis(0) };
    /// let file = CronFile::parse(b"@hourly http://localhost/tick GET a=1\n0 60 * * * * * x GET\n", &defaults);
    /// assert_eq!(file.entries[0].schedule.fields(), "0 0 * * * * *");
    /// assert_eq!((file.problems[0].line, file.problems[0].column), (2, 3));
    /// ```
    pub fn parse(bytes: &[u8], defaults: &Defaults) -> Self {
        Reader::new(defaults.clone()).read(bytes)
    }
}

/// Reads several files whose schedules must not share an id. Identical lines are told apart by how many were read before.
#[derive(Debug)]
pub struct Reader {
    defaults: Defaults,
    /// How often each line was seen, by its digest.
    counts: HashMap<u128, u32>,
    ids: HashSet<ScheduleId>,
}

impl Reader {
    /// A reader that has seen no file yet.
    pub fn new(defaults: Defaults) -> Self {
        Self {
            defaults,
            counts: HashMap::new(),
            ids: HashSet::new(),
        }
    }

    /// Why no line of a file can be read, if none can.
    pub fn refuses(bytes: &[u8]) -> Option<String> {
        if bytes.len() > MAX_FILE_BYTES {
            let mib = MAX_FILE_BYTES >> 20;
            return Some(format!("the file is larger than {mib} MiB; split it"));
        }
        let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
        is_utf16.then(|| "the file is UTF-16; save it as UTF-8".into())
    }

    /// Reads the next file.
    pub fn read(&mut self, bytes: &[u8]) -> CronFile {
        let mut file = CronFile::default();
        if let Some(reason) = Self::refuses(bytes) {
            file.problems.push(Problem::whole(reason));
            return file;
        }
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let mut variables = Variables::new(self.defaults.zone.clone());
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let number = index + 1;
            if let Err(end) = self.read_line(number, line, &mut variables, &mut file) {
                file.problems.push(Problem::whole(end));
                return file;
            }
        }
        if let Some(line) = variables.unused_id() {
            let reason = format!("the ID on line {line} names no entry: none follows");
            file.problems.push(Problem::whole(reason));
        }
        file
    }

    /// Reads a line. An error ends the reading of the file.
    fn read_line(
        &mut self,
        number: usize,
        line: &[u8],
        variables: &mut Variables,
        file: &mut CronFile,
    ) -> Result<(), String> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some(first) = line.iter().find(|byte| !b" \t".contains(byte)) else {
            return Ok(());
        };
        if *first == b'#' {
            return Ok(());
        }
        if let Err(problem) = self.read_text(number, line, variables, file) {
            file.problems.push(problem);
        }
        if file.problems.len() >= MAX_PROBLEMS {
            return Err(format!(
                "{MAX_PROBLEMS} problems: reading ended at line {number}, is this a cron file?"
            ));
        }
        if file.entries.len() > MAX_ENTRIES {
            file.entries.truncate(MAX_ENTRIES);
            return Err(format!(
                "more than {MAX_ENTRIES} entries: reading ended at line {number}; split the file"
            ));
        }
        Ok(())
    }

    fn read_text(
        &mut self,
        number: usize,
        line: &[u8],
        variables: &mut Variables,
        file: &mut CronFile,
    ) -> Result<(), Problem> {
        if line.len() > MAX_LINE_BYTES {
            variables.take();
            let start = String::from_utf8_lossy(line.get(..200).unwrap_or(line));
            let reason = format!(
                "the line is {} bytes long, at most {MAX_LINE_BYTES} are read",
                line.len()
            );
            return Err(Problem::at(number, &start, &(0..1), reason));
        }
        let text = match std::str::from_utf8(line) {
            Ok(text) => text,
            Err(error) => {
                variables.take();
                let start = error.valid_up_to();
                let text = String::from_utf8_lossy(line);
                return Err(Problem::at(
                    number,
                    &text,
                    &(start..start + 1),
                    "the line is not UTF-8",
                ));
            }
        };
        let at = |bad: BadSchedule| Problem::at(number, text, &bad.span, bad.message);
        if let Some(line) = variable::split(text) {
            return variables.set(&line, number).map_err(at);
        }
        let taken = variables.take();
        let line = line::read(text).map_err(at)?;
        let Some(taken) = taken else {
            // Told where the variable stands.
            return Ok(());
        };
        if line.schedule.restricts_day_and_weekday() {
            let note = "day and weekday are both restricted: the entry fires only where both match";
            file.notes
                .push(Problem::at(number, text, &line.fields, note));
        }
        file.entries
            .push(self.entry(number, text, line, taken).map_err(at)?);
        Ok(())
    }

    fn entry(
        &mut self,
        number: usize,
        text: &str,
        line: Line,
        taken: Taken,
    ) -> Result<Entry, BadSchedule> {
        let Taken { zone, options, id } = taken;
        let since = before(self.defaults.now, &options);
        if line.schedule.next_after(since, &zone).is_none() {
            let reason = "never fires: all of its times are past";
            return Err(BadSchedule::new(line.fields, reason));
        }
        let id = match id {
            Some(id) => id,
            None => {
                let digest = identity::digest(
                    line.schedule.fields(),
                    zone.name(),
                    &line.kind,
                    line.name,
                    &line.params,
                );
                let count = self.counts.entry(digest).or_insert(0);
                *count += 1;
                identity::hashed(digest, *count - 1)
            }
        };
        if !self.ids.insert(id.clone()) {
            let reason = format!("another entry has the ID {:?} already", short(id.as_str()));
            return Err(BadSchedule::new(0..text.len(), reason));
        }
        Ok(Entry {
            line: number,
            text: text.into(),
            id,
            schedule: line.schedule,
            zone,
            kind: line.kind,
            name: line.name.into(),
            params: line.params,
            options,
        })
    }
}

/// The instant from which fire times can still run.
fn before(now: Timestamp, options: &Options) -> Timestamp {
    let reach = i64::try_from(options.misfire.reach().as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_sub(reach))
}
