//! What people see of a job: what the table knows, and the record.

use super::{Medium, Shared};
use crate::table::{Found, Known, Life, Record, Stored};
use crate::{JobView, StoreError, StoreResult};
use poulpe_job::{JobId, Lane, Progress, State};

impl<M: Medium> Shared<M> {
    pub(super) fn look(&self, id: &JobId) -> Known<M::Place> {
        self.table().look(id, self.now())
    }

    pub(super) fn view(&self, found: Found<M::Place>) -> StoreResult<JobView> {
        let Found {
            sequence,
            state,
            place,
            progress,
            lane,
        } = found;
        match self.medium.load(&place)? {
            Stored::Record(record) => Ok(view_of(record, sequence, state, progress, lane)),
            Stored::End(end) => Ok(JobView {
                sequence,
                state,
                id: end.id,
                job: None,
                progress: Progress::default(),
                lane: None,
                result: end.result,
            }),
            Stored::Checkpoint(_) => Err(StoreError::failed(
                "the index points at a record of another kind",
            )),
        }
    }
}

fn view_of(
    record: Record,
    sequence: u64,
    state: State,
    counters: Option<Progress>,
    lane: Option<Lane>,
) -> JobView {
    let Record {
        job,
        progress,
        life,
    } = record;
    let progress = match counters {
        Some(counters) => Progress {
            errors: progress.errors,
            ..counters
        },
        None => progress,
    };
    let result = match life {
        Life::Dead { result, .. } | Life::Unsent { result } => Some(result),
        Life::Living => None,
    };
    JobView {
        sequence,
        state,
        id: job.id.clone(),
        job: Some(*job),
        progress,
        lane,
        result,
    }
}
