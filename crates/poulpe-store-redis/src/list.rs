//! Lists of jobs by state, in order of acceptance. No order is kept for them: they are for people, and the hot path
//! shouldn't pay. So one pass goes over the members of the state's keys in bounded steps, and keeps those of one page.

use crate::inspect;
use crate::link::Link;
use crate::reply::{Reply, text};
use fred::types::Value;
use poulpe_job::State;
use poulpe_store::{Page, PageRequest, StoreResult};
use std::collections::BTreeSet;

/// How many members one step looks at.
const STEP: &str = "1000";

/// A sequence as the keys hold it: of one length, so that the order of texts is that of numbers.
pub(crate) fn padded(sequence: u64) -> String {
    format!("{sequence:015}")
}

pub(crate) async fn list(link: &Link, request: PageRequest) -> StoreResult<Page> {
    let wanted = request.limit.saturating_add(1);
    let after = request.after.unwrap_or(0);
    let mut jobs = if request.state == State::Dead {
        inspect::dead_behind(link, after, wanted).await?
    } else {
        inspect::tidy(link).await?;
        let sequences = first_behind(link, request.state, after, wanted).await?;
        inspect::by_sequences(link, &sequences).await?
    };
    let more = jobs.len() > request.limit;
    jobs.truncate(request.limit);
    let next = jobs.last().filter(|_| more).map(|last| last.sequence);
    // What has changed since belongs to another list by now.
    jobs.retain(|job| job.state == request.state);
    Ok(Page { jobs, next })
}

/// The lowest sequences of a state behind one, at most so many.
async fn first_behind(
    link: &Link,
    state: State,
    after: u64,
    many: usize,
) -> StoreResult<Vec<String>> {
    let after = padded(after);
    let mut first = BTreeSet::new();
    for key in keys_of(link, state).await? {
        let mut cursor = "0".to_string();
        loop {
            let step = vec![key.clone(), cursor, "COUNT".into(), STEP.into()];
            let mut reply = Reply::of(link.command("ZSCAN", step).await?)?;
            cursor = reply.text()?;
            let mut members = reply.list()?;
            while !members.is_empty() {
                let member = members.text()?;
                // Its score.
                members.next()?;
                if member > after {
                    first.insert(member);
                }
                if first.len() > many {
                    first.pop_last();
                }
            }
            if cursor == "0" {
                break;
            }
        }
    }
    Ok(first.into_iter().collect())
}

async fn keys_of(link: &Link, state: State) -> StoreResult<Vec<String>> {
    let keys = &link.keys;
    Ok(match state {
        State::Delayed => vec![keys.delayed()],
        State::Retrying => vec![keys.retrying()],
        State::Running => vec![keys.leases()],
        State::Done => vec![keys.done()],
        State::Dead => vec![],
        State::Ready => {
            let Value::Array(names) = link.command("SMEMBERS", vec![keys.filled()]).await? else {
                return Ok(Vec::new());
            };
            let names: StoreResult<Vec<String>> = names.iter().map(text).collect();
            names?.iter().map(|name| keys.ready(name)).collect()
        }
    })
}
