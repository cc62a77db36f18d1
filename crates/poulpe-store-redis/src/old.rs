//! What poulpe 0.2 left in Redis: a record a task, and three sets that say where each is. Reads it, and puts aside what was
//! taken over; understands no record, and deletes none.

use crate::link::Link;
use crate::reply::{self, Reply};
use fred::types::Value;
use poulpe_store::StoreResult;
use std::collections::BTreeMap;

/// The sets of poulpe 0.2.
const WORKING: &str = "task||working";
const WRONG: &str = "task||wrong";
const DELAYED: &str = "task||delayed";

/// The records of tasks, and of what came from cron files.
const RECORDS: [&str; 2] = ["task-*", "ST:[0-9]*-[0-9]*"];

/// What a record is called once it was taken over.
const TAKEN: &str = "taken||";

/// How many members or keys one step looks at.
const STEP: &str = "1000";

/// Where poulpe 0.2 had a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldPlace {
    /// Ready, or running when it stopped.
    Working,
    /// An attempt failed, another may follow.
    Wrong,
    /// Due at this second since the epoch.
    Delayed(i64),
    /// In none of its sets: it would never have run.
    Nowhere,
}

/// A task of poulpe 0.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldTask {
    /// The key of its record.
    pub key: String,
    /// Where it was.
    pub place: OldPlace,
    /// The members of the set of delayed ones that name it.
    pub members: Vec<String>,
}

/// All that poulpe 0.2 left, without the records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OldTasks {
    /// The tasks, by key.
    pub tasks: Vec<OldTask>,
    /// Members of the set of delayed ones that say no time.
    pub strange: Vec<String>,
}

/// Looks for all of them.
pub(crate) async fn tasks(link: &Link) -> StoreResult<OldTasks> {
    let mut found: BTreeMap<String, OldTask> = BTreeMap::new();
    let mut strange = Vec::new();
    let task = |key: &str, place| OldTask {
        key: key.into(),
        place,
        members: Vec::new(),
    };
    for pattern in RECORDS {
        let more = ["MATCH", pattern, "COUNT", STEP, "TYPE", "string"];
        for key in scan(link, "SCAN", None, &more).await? {
            found.insert(key.clone(), task(&key, OldPlace::Nowhere));
        }
    }
    for member in scan(link, "SSCAN", Some(DELAYED), &["COUNT", STEP]).await? {
        let split = member.rsplit_once(' ');
        let Some((key, Ok(second))) = split.map(|(key, at)| (key, at.parse::<i64>())) else {
            strange.push(member);
            continue;
        };
        let known = found.entry(key.into());
        let known = known.or_insert_with(|| task(key, OldPlace::Nowhere));
        // Submitted twice, it ran at the first of its times.
        let first = match known.place {
            OldPlace::Delayed(other) => second.min(other),
            _ => second,
        };
        known.place = OldPlace::Delayed(first);
        known.members.push(member);
    }
    for (set, place) in [(WRONG, OldPlace::Wrong), (WORKING, OldPlace::Working)] {
        for key in scan(link, "SSCAN", Some(set), &["COUNT", STEP]).await? {
            let known = found.entry(key.clone());
            known.or_insert_with(|| task(&key, place)).place = place;
        }
    }
    let tasks = found.into_values().collect();
    Ok(OldTasks { tasks, strange })
}

/// All that a scan gives, some of it perhaps twice.
async fn scan(
    link: &Link,
    command: &'static str,
    key: Option<&str>,
    more: &[&str],
) -> StoreResult<Vec<String>> {
    let mut all = Vec::new();
    let mut cursor = "0".to_string();
    loop {
        let mut args: Vec<String> = key.into_iter().map(String::from).collect();
        args.push(cursor);
        args.extend(more.iter().map(ToString::to_string));
        let mut step = Reply::of(link.command(command, args).await?)?;
        cursor = step.text()?;
        let mut found = step.list()?;
        while !found.is_empty() {
            all.push(found.text()?);
        }
        if cursor == "0" {
            return Ok(all);
        }
    }
}

/// The records behind these keys, as far as they are there and are texts.
pub(crate) async fn records(link: &Link, keys: Vec<String>) -> StoreResult<Vec<Option<String>>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let Value::Array(values) = link.command("MGET", keys).await? else {
        return Err(crate::error::strange("no list of records"));
    };
    let texts = values.iter().map(|value| match value {
        Value::Null => Ok(None),
        text => reply::text(text).map(Some),
    });
    texts.collect()
}

/// Puts aside what is left of tasks that were taken over.
pub(crate) async fn put_aside(link: &Link, tasks: Vec<OldTask>) -> StoreResult<()> {
    let mut args = link.args();
    for task in tasks {
        args.text(format!("{TAKEN}{}", task.key))
            .text(task.key)
            .text(task.members.len().to_string());
        for member in task.members {
            args.text(member);
        }
    }
    link.call(&link.scripts.take_old, args).await?;
    Ok(())
}
