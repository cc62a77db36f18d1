//! The JSON contract: the same for every door.

mod answer;
mod task;
mod time_text;

pub use answer::{Answer, AnswerKind};
pub use task::{MAX_BATCH_TASKS, MAX_DELAY, MAX_WAIT, parse_batch, parse_task};
pub use time_text::{parse_rfc3339, rfc3339};
