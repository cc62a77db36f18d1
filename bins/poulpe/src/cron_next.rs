//! `poulpe cron next`: when the entries of a file, or an expression, fire, and what changes of clocks do to them. Finds
//! no fire time itself.

use crate::cron_command::{NextFlags, Told};
use crate::cron_files;
use poulpe_core::Timestamp;
use poulpe_core::wire::rfc3339;
use poulpe_cron::{Defaults, Entry, Reader, Remark, Schedule, Zone};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::path::Path;
use std::time::Duration;

/// What fires: an entry of a file, or an expression alone.
struct Source {
    schedule: Schedule,
    zone: Zone,
    entry: Option<Entry>,
}

pub(crate) fn run(flags: &NextFlags, now: Timestamp) -> Result<Told, String> {
    let zone = match &flags.zone {
        Some(name) => Zone::named(name),
        None => Zone::host(),
    };
    let zone = zone.map_err(|error| error.to_string())?;
    let (sources, problems) = read(&flags.source, &zone, now)?;
    let start = match &flags.around {
        Some(text) => Start::parse(text, &zone, &sources)?,
        None => Start {
            from: now,
            middle: None,
        },
    };
    let fires = fires(&sources, start, flags.count as usize);
    Ok(Told {
        text: match flags.json {
            true => in_json(&sources, &fires),
            false => in_text(&sources, &fires, flags.count as usize),
        },
        is_good: problems.is_empty(),
        problems,
    })
}

/// What is given, and its problems as text.
fn read(given: &str, zone: &Zone, now: Timestamp) -> Result<(Vec<Source>, String), String> {
    let path = Path::new(given);
    let is_expression =
        given.starts_with('@') || given.trim().contains([' ', '\t']) || given.is_empty();
    if is_expression && !path.exists() {
        let schedule = Schedule::parse(given)
            .map_err(|error| error.render("expression", given).trim_end().to_string())?;
        let source = Source {
            schedule,
            zone: zone.clone(),
            entry: None,
        };
        return Ok((vec![source], String::new()));
    }
    let mut reader = Reader::new(Defaults {
        zone: zone.clone(),
        now,
    });
    let (mut sources, mut problems) = (Vec::new(), String::new());
    let told = |path: &Path, reason: String| format!("{}: {reason}", path.display());
    for path in cron_files::list(path).map_err(|reason| told(path, reason))? {
        let bytes = cron_files::read(&path).map_err(|reason| told(&path, reason))?;
        let file = reader.read(&bytes);
        for problem in &file.problems {
            problems += &problem.render(&path.display().to_string());
        }
        sources.extend(file.entries.into_iter().map(|entry| Source {
            schedule: entry.schedule.clone(),
            zone: entry.zone.clone(),
            entry: Some(entry),
        }));
    }
    Ok((sources, problems))
}

/// From when fire times are told.
#[derive(Debug, Clone, Copy)]
struct Start {
    from: Timestamp,
    /// Half of them are to lie before this.
    middle: Option<Timestamp>,
}

impl Start {
    fn parse(text: &str, zone: &Zone, sources: &[Source]) -> Result<Self, String> {
        let bad = || {
            format!(
                "--around: {text:?} is no day from 1970 to 2099, such as 2027-03-28 or 2027-03-28T01:30"
            )
        };
        let (day, time) = text
            .split_once(['T', ' '])
            .map_or((text, None), |(day, time)| (day, Some(time)));
        let date = three(day, '-').ok_or_else(bad)?;
        if let Some(time) = time {
            let time = three(time, ':')
                .or_else(|| three(&format!("{time}:00"), ':'))
                .ok_or_else(bad)?;
            let from = zone.first_at(date, time).ok_or_else(bad)?;
            return Ok(Self {
                from: just_before(from),
                middle: None,
            });
        }
        let mut zones = std::iter::once(zone).chain(sources.iter().map(|source| &source.zone));
        let middle = zones.find_map(|zone| {
            let begin = zone.first_at(date, (0, 0, 0))?;
            let change = zone.next_change(just_before(begin))?;
            // The zone may have jumped over midnight itself.
            let is_that_day =
                zone.local(change).date() == date || zone.local(just_before(change)).date() == date;
            is_that_day.then_some(change)
        });
        let from = zone.first_at(date, (0, 0, 0)).ok_or_else(bad)?;
        Ok(Self {
            from: just_before(from),
            middle,
        })
    }
}

fn three(text: &str, separator: char) -> Option<(u32, u32, u32)> {
    let mut numbers = text
        .split(separator)
        .map(|number| number.parse::<u32>().ok());
    let three = (numbers.next()??, numbers.next()??, numbers.next()??);
    numbers.next().is_none().then_some(three)
}

fn just_before(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.as_millis() - 1)
}

/// A fire time and the place of its source.
type Fire = (Timestamp, usize);

fn fires(sources: &[Source], start: Start, count: usize) -> Vec<Fire> {
    let Some(middle) = start.middle else {
        return merged(sources, start.from).take(count).collect();
    };
    // Nothing searches backwards: look from farther and farther away until enough lies before the change.
    const STEPS: [u64; 8] = [
        60,
        600,
        3_600,
        6 * 3_600,
        86_400,
        7 * 86_400,
        31 * 86_400,
        400 * 86_400,
    ];
    let wanted = count / 2;
    let mut before = VecDeque::new();
    for step in STEPS {
        let reach = i64::try_from(Duration::from_secs(step).as_millis()).unwrap_or(0);
        let from = Timestamp::from_millis(middle.as_millis() - reach - 1);
        before.clear();
        for fire in merged(sources, from).take_while(|(at, _)| *at < middle) {
            before.push_back(fire);
            if before.len() > wanted {
                before.pop_front();
            }
        }
        if before.len() == wanted {
            break;
        }
    }
    let after = merged(sources, just_before(middle)).take(count - before.len());
    before
        .iter()
        .copied()
        .chain(after.collect::<Vec<_>>())
        .collect()
}

/// The fire times of all sources strictly after an instant, in order.
fn merged(sources: &[Source], after: Timestamp) -> impl Iterator<Item = Fire> {
    let next = |place: usize, after| {
        let source: Option<&Source> = sources.get(place);
        source.and_then(|source| {
            Some(Reverse((
                source.schedule.next_after(after, &source.zone)?,
                place,
            )))
        })
    };
    let mut heap: BinaryHeap<Reverse<Fire>> = (0..sources.len())
        .filter_map(|place| next(place, after))
        .collect();
    std::iter::from_fn(move || {
        let Reverse((at, place)) = heap.pop()?;
        heap.extend(next(place, at));
        Some((at, place))
    })
}

fn in_text(sources: &[Source], fires: &[Fire], count: usize) -> String {
    let mut text = String::new();
    if let [
        Source {
            schedule,
            zone,
            entry: None,
        },
    ] = sources
    {
        text += &format!("{schedule}: {}, in {}\n", schedule.describe(), zone.name());
    }
    for (at, place) in fires {
        let Some(source) = sources.get(*place) else {
            continue;
        };
        let local = source.zone.local(*at);
        let (year, month, day) = local.date();
        let offset = local.utc_offset();
        let clock = local.clock();
        text += &format!(
            "{year:04}-{month:02}-{day:02} {clock} {offset:<6}  {}",
            utc(*at)
        );
        if let Some(entry) = &source.entry {
            text += &format!("  line {}  {} {}", entry.line, entry.kind, entry.name);
        }
        if let Some(remark) = source.schedule.remark(*at, &source.zone) {
            text += &format!("  {remark}");
        }
        text.push('\n');
    }
    if fires.is_empty() && sources.is_empty() {
        text += "no entries\n";
    } else if fires.len() < count {
        text += "nothing more before 2100\n";
    }
    text
}

fn in_json(sources: &[Source], fires: &[Fire]) -> String {
    let fires: Vec<Value> = fires
        .iter()
        .filter_map(|(at, place)| {
            let source = sources.get(*place)?;
            let remark = source.schedule.remark(*at, &source.zone);
            let clocks = remark.map(|remark| match remark {
                Remark::Gap { .. } => "gap",
                Remark::FirstPass => "fold first pass",
                Remark::SecondPass => "fold second pass",
            });
            let mut fire = json!({
                "local": source.zone.local(*at).to_string(),
                "utc": utc(*at),
                "zone": source.zone.name(),
                "clocks": clocks,
                "remark": remark.map(|remark| remark.to_string()),
            });
            if let Some(entry) = &source.entry {
                fire["line"] = json!(entry.line);
                fire["name"] = json!(entry.name);
                fire["method"] = json!(entry.kind.as_str());
                fire["job"] = json!(entry.job_id(*at).as_str());
            }
            Some(fire)
        })
        .collect();
    let words = match sources {
        [
            Source {
                schedule,
                entry: None,
                ..
            },
        ] => Some(schedule.describe()),
        _ => None,
    };
    format!("{:#}\n", json!({ "words": words, "fires": fires }))
}

/// Fire times have no fractions.
fn utc(at: Timestamp) -> String {
    rfc3339(at).replace(".000Z", "Z")
}
