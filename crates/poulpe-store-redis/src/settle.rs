//! Ending leases: `settle.lua`.

use crate::args::Args;
use crate::error::strange;
use crate::link::Link;
use crate::record;
use crate::reply::Reply;
use poulpe_job::{ReleaseReason, Verdict};
use poulpe_store::{Hold, Settlement, StoreResult};

/// How many bytes weigh as much as one more settlement.
const BYTES_A_SETTLEMENT: usize = 2_048;

/// What a settlement costs Redis, in settlements.
pub(crate) fn cost(settlement: &Settlement) -> usize {
    let output = match &settlement.verdict {
        Verdict::Complete(result) | Verdict::Bury { result, .. } => result.output.len(),
        Verdict::Retry { .. } | Verdict::Release { .. } => 0,
    };
    1 + output / BYTES_A_SETTLEMENT
}

/// Ends leases in one call.
pub(crate) async fn settle(link: &Link, settlements: Vec<Settlement>) -> StoreResult<Vec<Hold>> {
    let mut args = link.args();
    for settlement in &settlements {
        args.lease(&settlement.lease);
        add_verdict(&mut args, &settlement.verdict)?;
    }
    let answer = link.change(&link.scripts.settle, args).await?;
    holds(answer, settlements.len())
}

fn add_verdict(args: &mut Args, verdict: &Verdict) -> StoreResult<()> {
    match verdict {
        Verdict::Complete(result) => args
            .word("c")
            .bytes(record::of_result(result)?)
            .text(result.finished_at.as_millis().to_string())
            .word(""),
        Verdict::Retry { due, error } => args
            .word("r")
            .due(*due)
            .bytes(record::of_error(error)?)
            .word(""),
        Verdict::Release { due, reason } => {
            let word = match reason {
                ReleaseReason::NotStarted => "n",
                ReleaseReason::Interrupted => "i",
            };
            args.word(word).due(*due).word("").word("")
        }
        Verdict::Bury { result, error } => args
            .word("b")
            .bytes(record::of_result(result)?)
            .text(result.finished_at.as_millis().to_string())
            .bytes(record::of_error(error)?),
    };
    Ok(())
}

/// As many holds as were asked for.
pub(crate) fn holds(answer: fred::types::Value, many: usize) -> StoreResult<Vec<Hold>> {
    let mut words = Reply::of(answer)?;
    let mut holds = Vec::with_capacity(many);
    for _ in 0..many {
        holds.push(match words.text()?.as_str() {
            "H" => Hold::Held,
            "C" => Hold::Cancelled,
            "L" => Hold::Lost,
            other => return Err(strange(other)),
        });
    }
    Ok(holds)
}
