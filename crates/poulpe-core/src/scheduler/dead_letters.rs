//! Copies dead letters to files, from the store's outbox. The store is the truth: a file that can't be written waits,
//! and readiness says so.

use super::Parts;
use poulpe_store::{JobView, OutboxItem, OutboxKind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How many dead letters are copied between two acknowledgements.
const BATCH: usize = 64;
/// How long to wait after a failed copy: the operator has to mend it, half a minute more doesn't matter.
const RETRY: Duration = Duration::from_secs(5);
/// A look without a wake-up, for jobs that the store itself buried.
const LOOK: Duration = Duration::from_secs(30);

/// Where dead letters are copied to. Called on a blocking thread.
pub trait DeadLetterFiles: Send + Sync {
    /// Writes the copy so that it survives a power cut; writing it again replaces it.
    fn write(&self, dead: &JobView) -> Result<(), String>;

    /// Removes the copy, if there is one.
    fn remove(&self, dead: &JobView) -> Result<(), String>;
}

/// The copying of dead letters.
pub(crate) struct DeadLetters {
    files: Option<Arc<dyn DeadLetterFiles>>,
    wake: Notify,
    /// Why copies wait, if they do.
    trouble: Mutex<Option<String>>,
    /// A copy isn't written while its dead letter is being revived, or it would be left behind.
    turn: tokio::sync::Mutex<()>,
}

impl DeadLetters {
    pub(crate) fn new(files: Option<Arc<dyn DeadLetterFiles>>) -> Self {
        Self {
            files,
            wake: Notify::new(),
            trouble: Mutex::new(None),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Keeps copies from being written while the guard lives.
    pub(crate) async fn pause(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Removes the copy of a dead letter that is dead no more.
    pub(crate) async fn remove(&self, dead: JobView) {
        let Some(files) = self.files.clone() else {
            return;
        };
        let id = dead.id.clone();
        let removed = tokio::task::spawn_blocking(move || files.remove(&dead)).await;
        if let Ok(Err(reason)) = removed {
            tracing::warn!(job = %id, reason, "the file of a dead letter could not be removed");
        }
    }

    fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// Copies until the task is aborted.
pub(crate) async fn run(parts: Arc<Parts>) {
    let letters = &parts.dead_letters;
    if letters.files.is_none() {
        return;
    }
    loop {
        let wait = match copy_all(&parts).await {
            Ok(()) => LOOK,
            Err(reason) => {
                tracing::error!(
                    reason,
                    "dead letters could not be copied, to be tried again"
                );
                letters.set_trouble(Some(reason));
                RETRY
            }
        };
        tokio::select! {
            () = letters.wake.notified() => {}
            () = parts.clock.sleep_until(parts.clock.monotonic() + wait) => {}
        }
    }
}

/// Copies everything that waits.
pub(crate) async fn copy_all(parts: &Parts) -> Result<(), String> {
    let letters = &parts.dead_letters;
    let Some(files) = &letters.files else {
        return Ok(());
    };
    loop {
        let _turn = letters.turn.lock().await;
        let taken = parts.store.take(OutboxKind::DeadLetter, BATCH).await;
        let items = taken.map_err(|e| e.to_string())?;
        if items.is_empty() {
            letters.set_trouble(None);
            return Ok(());
        }
        let files = files.clone();
        let written = tokio::task::spawn_blocking(move || write_all(&*files, items)).await;
        let (tokens, trouble) =
            written.map_err(|e| format!("the writer of dead letters stopped: {e}"))?;
        parts
            .store
            .acknowledge(OutboxKind::DeadLetter, tokens)
            .await
            .map_err(|e| e.to_string())?;
        if let Some(reason) = trouble {
            return Err(reason);
        }
    }
}

/// The tokens of what was written, and what went wrong with the next one.
fn write_all(files: &dyn DeadLetterFiles, items: Vec<OutboxItem>) -> (Vec<u64>, Option<String>) {
    let mut tokens = Vec::with_capacity(items.len());
    for item in items {
        if let Err(reason) = files.write(&item.job) {
            return (tokens, Some(reason));
        }
        tokens.push(item.token);
    }
    (tokens, None)
}
