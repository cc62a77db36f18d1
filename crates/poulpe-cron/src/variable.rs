//! The variable lines of a cron file, which apply to the entries below them. A bad value is remembered as such: entries
//! below it are left out, for running at a wrong time or on a wrong lane is worse than not running.

use crate::entry::{Misfire, Options, Overlap};
use crate::expression::{BadSchedule, short};
use crate::identity::ScheduleId;
use crate::near;
use crate::zone::Zone;
use poulpe_job::LaneSet;
use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

/// The longest `TIMEOUT` and window of `MISFIRE`, as in a task: 365 days.
const MAX_DURATION: Duration = Duration::from_secs(365 * 86_400);

/// The highest `MAX_RETRY`, as in a task.
const MAX_RETRY: u32 = 1_000_000;

const NAMES: [&str; 7] = [
    "CRON_TZ",
    "CC",
    "MISFIRE",
    "OVERLAP",
    "TIMEOUT",
    "MAX_RETRY",
    "ID",
];

/// A line `NAME=value`.
#[derive(Debug, Clone)]
pub(crate) struct Line<'a> {
    name: &'a str,
    name_span: Range<usize>,
    value: &'a str,
    value_span: Range<usize>,
}

/// Takes a line apart if it sets a variable. No entry looks like one: no field has a `=`.
pub(crate) fn split(line: &str) -> Option<Line<'_>> {
    let (before, after) = line.split_once('=')?;
    let name = before.trim_matches([' ', '\t']);
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        return None;
    }
    let start = before.len() - before.trim_start_matches([' ', '\t']).len();
    let value = after.trim_matches([' ', '\t']);
    let value_start =
        before.len() + 1 + (after.len() - after.trim_start_matches([' ', '\t']).len());
    let quoted = ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    Some(Line {
        name,
        name_span: start..start + name.len(),
        value: quoted.unwrap_or(value),
        value_span: value_start..value_start + value.len(),
    })
}

/// The values in force.
#[derive(Debug)]
pub(crate) struct Variables {
    default_zone: Zone,
    zone: Option<Zone>,
    lanes: Option<LaneSet>,
    misfire: Option<Misfire>,
    overlap: Option<Overlap>,
    timeout: Option<Option<Duration>>,
    max_retry: Option<Option<u32>>,
    next_id: NextId,
    /// Zones that were asked for: reading one takes longer than reading a line.
    zones: HashMap<Box<str>, Result<Zone, String>>,
}

/// The id of the next entry.
#[derive(Debug)]
enum NextId {
    Hashed,
    Chosen(ScheduleId, usize),
    Bad,
}

/// What the next entry takes from the lines above it.
pub(crate) struct Taken {
    pub(crate) zone: Zone,
    pub(crate) options: Options,
    pub(crate) id: Option<ScheduleId>,
}

impl Variables {
    pub(crate) fn new(default_zone: Zone) -> Self {
        Self {
            zone: Some(default_zone.clone()),
            default_zone,
            lanes: Some(LaneSet::any()),
            misfire: Some(Misfire::default()),
            overlap: Some(Overlap::default()),
            timeout: Some(None),
            max_retry: Some(None),
            next_id: NextId::Hashed,
            zones: HashMap::new(),
        }
    }

    /// What the entry on the next line gets; `None` when a value above is bad. Uses up the id.
    pub(crate) fn take(&mut self) -> Option<Taken> {
        let id = match std::mem::replace(&mut self.next_id, NextId::Hashed) {
            NextId::Hashed => None,
            NextId::Chosen(id, _) => Some(id),
            NextId::Bad => return None,
        };
        Some(Taken {
            zone: self.zone.clone()?,
            options: Options {
                lanes: self.lanes.clone()?,
                misfire: self.misfire?,
                overlap: self.overlap?,
                timeout: self.timeout?,
                max_retry: self.max_retry?,
            },
            id,
        })
    }

    /// The line of an `ID` that no entry has used.
    pub(crate) fn unused_id(&self) -> Option<usize> {
        match &self.next_id {
            NextId::Chosen(_, line) => Some(*line),
            _ => None,
        }
    }

    /// Applies a line. An empty value goes back to the default.
    pub(crate) fn set(&mut self, line: &Line, number: usize) -> Result<(), BadSchedule> {
        let value = Some(line.value).filter(|value| !value.is_empty());
        let bad = |reason: String| BadSchedule::new(line.value_span.clone(), reason);
        let until_set = |reason: String| {
            bad(format!(
                "{reason}; the entries below are left out until {} is set again",
                line.name
            ))
        };
        match line.name {
            "CRON_TZ" => {
                let zone =
                    value.map_or(Ok(self.default_zone.clone()), |name| self.zone_named(name));
                keep(&mut self.zone, zone).map_err(until_set)
            }
            "CC" => {
                let lanes = LaneSet::parse(line.value).map_err(|error| error.to_string());
                keep(&mut self.lanes, lanes).map_err(until_set)
            }
            "MISFIRE" => {
                let misfire = value.map_or(Ok(Misfire::default()), misfire);
                keep(&mut self.misfire, misfire).map_err(until_set)
            }
            "OVERLAP" => {
                let overlap = match line.value.to_ascii_lowercase().as_str() {
                    "allow" | "" => Ok(Overlap::Allow),
                    "skip" => Ok(Overlap::Skip),
                    other => Err(format!(
                        "{:?} is no OVERLAP: write allow or skip",
                        short(other)
                    )),
                };
                keep(&mut self.overlap, overlap).map_err(until_set)
            }
            "TIMEOUT" => {
                let timeout = value.map(duration).transpose();
                keep(&mut self.timeout, timeout).map_err(until_set)
            }
            "MAX_RETRY" => {
                let max_retry = value.map(max_retry).transpose();
                keep(&mut self.max_retry, max_retry).map_err(until_set)
            }
            "ID" => {
                let unused = self.unused_id();
                self.next_id = NextId::Bad;
                let id = ScheduleId::new(line.value).map_err(|error| {
                    bad(format!(
                        "this ID can't be used: it {}; the next entry is left out",
                        id_reason(&error)
                    ))
                })?;
                self.next_id = NextId::Chosen(id, number);
                match unused {
                    Some(above) => Err(bad(format!(
                        "another ID stands on line {above}, and no entry between them: this one counts"
                    ))),
                    None => Ok(()),
                }
            }
            unknown => Err(BadSchedule::new(
                line.name_span.clone(),
                unknown_variable(unknown),
            )),
        }
    }

    fn zone_named(&mut self, name: &str) -> Result<Zone, String> {
        // As many as there are zones and aliases: misspelt ones are not to pile up.
        const MAX_KEPT: usize = 1_000;
        if let Some(known) = self.zones.get(name) {
            return known.clone();
        }
        let zone = Zone::named(name).map_err(|error| error.to_string());
        if self.zones.len() < MAX_KEPT {
            self.zones.insert(name.into(), zone.clone());
        }
        zone
    }
}

fn keep<T>(place: &mut Option<T>, value: Result<T, String>) -> Result<(), String> {
    match value {
        Ok(value) => {
            *place = Some(value);
            Ok(())
        }
        Err(reason) => {
            *place = None;
            Err(reason)
        }
    }
}

fn id_reason(error: &poulpe_job::BadId) -> String {
    match error {
        poulpe_job::BadId::Empty => "is empty".into(),
        poulpe_job::BadId::TooLong(_) => {
            "is longer than 179 bytes, and a fire time must fit behind it".into()
        }
        other => other.to_string(),
    }
}

fn misfire(text: &str) -> Result<Misfire, String> {
    let lower = text.to_ascii_lowercase();
    if let Some(window) = lower.strip_prefix("once:") {
        return Ok(Misfire::Once {
            window: duration(window.trim())?,
        });
    }
    match lower.as_str() {
        "once" => Ok(Misfire::default()),
        "skip" => Ok(Misfire::Skip),
        "all" => Ok(Misfire::All),
        _ => Err(format!(
            "{:?} is no MISFIRE: write once, once:6h, skip or all",
            short(text)
        )),
    }
}

/// Seconds, or a number with a unit: `90`, `1.5`, `15m`, `6h`, `2d`.
fn duration(text: &str) -> Result<Duration, String> {
    let units = [("s", 1.0), ("m", 60.0), ("h", 3_600.0), ("d", 86_400.0)];
    let lower = text.to_ascii_lowercase();
    let (digits, unit) = units
        .into_iter()
        .find_map(|(unit, size)| Some((lower.strip_suffix(unit)?, size)))
        .unwrap_or((&lower, 1.0));
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = digits.parse::<f64>().ok().filter(|_| is_number);
    let Some(number) = number else {
        return Err(format!(
            "{:?} is no duration: write seconds, or a number and s, m, h or d, such as 6h",
            short(text)
        ));
    };
    match Duration::try_from_secs_f64(number * unit) {
        Ok(Duration::ZERO) => Err("a duration is more than 0".into()),
        Ok(duration) if duration <= MAX_DURATION => Ok(duration),
        _ => Err(format!(
            "{:?} is too long: a duration is at most 365d",
            short(text)
        )),
    }
}

fn max_retry(text: &str) -> Result<u32, String> {
    let has_digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u32>() {
        Ok(number) if has_digits_only && number <= MAX_RETRY => Ok(number),
        _ => Err(format!(
            "{:?} is no MAX_RETRY: write a whole number from 0 to {MAX_RETRY}",
            short(text)
        )),
    }
}

fn unknown_variable(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    let advice = match upper.as_str() {
        "TZ" => "did you mean CRON_TZ?".into(),
        "RETRY" | "RETRIES" | "MAX_RETRIES" => "did you mean MAX_RETRY?".into(),
        "MAILTO" | "MAILFROM" => "an e-mail is an entry of its own, with the method MAIL_TO".into(),
        "SHELL" | "PATH" | "HOME" | "LOGNAME" | "USER" => {
            "there is no shell, and the environment of commands is the daemon's to set".into()
        }
        _ => match near::nearest(&upper, NAMES.into_iter().map(String::from)) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("variables are {}", NAMES.join(", ")),
        },
    };
    format!("there is no variable {:?}; {advice}", short(name))
}
