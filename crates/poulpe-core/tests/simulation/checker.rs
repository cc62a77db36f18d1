//! Judges histories: each promise of DESIGN.md section 1 is a rule that sees the entries one after the other. Knows
//! nothing of the implementation. Called once for each world, after its end.

use crate::history::Entry;
use crate::promise::{Accepted, Due, Fence, Lanes, Liveness, Outcome};
use poulpe_core::JobId;

/// A broken promise.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) job: Option<JobId>,
    pub(crate) text: String,
}

pub(crate) type Verdict = Result<(), Violation>;

/// Gives up on a history.
pub(crate) fn broken(job: &JobId, text: impl Into<String>) -> Verdict {
    Err(Violation {
        job: Some(job.clone()),
        text: format!("{job}: {}", text.into()),
    })
}

/// A promise.
pub(crate) trait Rule {
    fn see(&mut self, entry: &Entry) -> Verdict;

    /// What must hold once the world has come to rest.
    fn end(&mut self) -> Verdict {
        Ok(())
    }
}

/// The first violation, and the number of entries up to it.
pub(crate) fn check(entries: &[Entry]) -> Result<(), (usize, Violation)> {
    let mut rules: [Box<dyn Rule>; 6] = [
        Box::new(Fence::default()),
        Box::new(Outcome::default()),
        Box::new(Due::default()),
        Box::new(Lanes::default()),
        Box::new(Liveness::default()),
        Box::new(Accepted::default()),
    ];
    for (index, entry) in entries.iter().enumerate() {
        for rule in &mut rules {
            rule.see(entry)
                .map_err(|violation| (index + 1, violation))?;
        }
    }
    for rule in &mut rules {
        rule.end().map_err(|violation| (entries.len(), violation))?;
    }
    Ok(())
}
