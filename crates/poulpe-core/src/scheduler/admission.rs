//! Bounds the tasks on their way to the store, and closes the door at a shutdown. Never waits for room, and collects
//! nothing itself: a store writes what arrived during its previous write with one sync, so that a second queue in front
//! of it would only add a wait.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The tasks handed in and not yet answered.
#[derive(Default)]
pub(crate) struct Admission {
    tasks: AtomicUsize,
    closed: AtomicBool,
}

/// Why tasks weren't taken.
pub(crate) enum NotTaken {
    Full,
    Closed,
}

/// Room for some tasks, given back when it is dropped.
pub(crate) struct Permit<'a> {
    admission: &'a Admission,
    tasks: usize,
}

impl Admission {
    /// Takes room for so many tasks, or says why not.
    pub(crate) fn enter(&self, tasks: usize, max: usize) -> Result<Permit<'_>, NotTaken> {
        if self.closed.load(Ordering::Acquire) {
            return Err(NotTaken::Closed);
        }
        // One call may be larger than what is left: else an array could never be taken on a busy system.
        let permit = Permit {
            admission: self,
            tasks,
        };
        if self.tasks.fetch_add(tasks, Ordering::AcqRel) >= max {
            return Err(NotTaken::Full);
        }
        Ok(permit)
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn tasks(&self) -> usize {
        self.tasks.load(Ordering::Acquire)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.admission.tasks.fetch_sub(self.tasks, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_door_opens_again_when_something_was_answered() {
        let admission = Admission::default();
        let first = admission.enter(7, 5);
        assert!(first.is_ok() && matches!(admission.enter(1, 5), Err(NotTaken::Full)));
        drop(first);
        assert!(admission.enter(1, 5).is_ok() && admission.tasks() == 0);
        admission.close();
        assert!(matches!(admission.enter(1, 5), Err(NotTaken::Closed)));
    }
}
