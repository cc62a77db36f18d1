//! The thread that does what can be done beside the writer: makes the spare. Never appends.

use crate::log::Log;
use crate::spare::Chore;

/// Works until the log is closed.
pub(crate) fn run(log: &Log) {
    loop {
        match log.spare.next_chore() {
            Chore::Make => {
                if let Err(error) = log.spare.make(&*log.disk, log.segment_bytes) {
                    log.fail(format!("failed to make the next segment: {error}"));
                    log.spare.close();
                }
            }
            Chore::Stop => return,
        }
    }
}
