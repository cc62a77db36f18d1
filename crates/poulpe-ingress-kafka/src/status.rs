//! How this door does, for people and for readiness. A trouble is logged once when it comes and once when it goes.

use crate::trouble::Trouble;
use poulpe_core::{FeedPart, FeedView, Taken};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Whose trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Of {
    /// The topic as a whole.
    Topic,
    /// The sharing of partitions.
    Group,
    /// A partition of it.
    Partition(i32),
    /// The topic for results.
    Results,
}

impl std::fmt::Display for Of {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Of::Topic => f.write_str("tasks"),
            Of::Group => f.write_str("sharing partitions"),
            Of::Partition(number) => write!(f, "partition {number}"),
            Of::Results => f.write_str("results"),
        }
    }
}

#[derive(Default)]
struct State {
    troubles: BTreeMap<Of, String>,
    parts: BTreeMap<i32, FeedPart>,
    view: FeedView,
}

/// What is known.
#[derive(Default)]
pub(crate) struct Status {
    state: Mutex<State>,
    changed: Notify,
}

impl Status {
    pub(crate) fn new(place: String) -> Self {
        let status = Self::default();
        let mut state = status.state();
        (state.view.name, state.view.place) = ("kafka", place);
        drop(state);
        status
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_one();
    }

    /// Something doesn't work.
    pub(crate) fn trouble(&self, of: Of, trouble: &Trouble) {
        let text = trouble.to_string();
        self.change(|state| {
            let known = state.troubles.get(&of);
            // The same again may name other figures; the words say whether it is news.
            if known.is_none_or(|known| !is_alike(known, &text)) {
                tracing::warn!(of = %of, reason = text, "trouble with kafka, to be tried again");
            }
            state.troubles.insert(of, text);
        });
    }

    /// It works.
    pub(crate) fn works(&self, of: Of) {
        let mut state = self.state();
        if state.troubles.remove(&of).is_some() {
            tracing::info!(of = %of, "kafka works again");
            drop(state);
            self.changed.notify_one();
        }
    }

    /// A partition isn't ours any more.
    pub(crate) fn left(&self, partition: i32) {
        self.change(|state| {
            state.troubles.remove(&Of::Partition(partition));
        });
    }

    /// What is known of a partition.
    pub(crate) fn part(&self, partition: i32, set: impl FnOnce(&mut FeedPart)) {
        self.change(|state| {
            let part = state.parts.entry(partition).or_default();
            part.part = partition;
            set(part);
        });
    }

    pub(crate) fn taken(&self, taken: Taken) {
        self.change(|state| {
            let sum = &mut state.view.taken;
            sum.accepted += taken.accepted;
            sum.duplicates += taken.duplicates;
            sum.letters += taken.letters;
        });
    }

    pub(crate) fn sent(&self, results: u64, cut: u64) {
        self.change(|state| {
            state.view.sent += results;
            state.view.cut += cut;
        });
    }

    pub(crate) fn paused(&self, paused: bool) {
        if self.state().view.paused != paused {
            self.change(|state| state.view.paused = paused);
        }
    }

    /// Returns when something has changed.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// All of it.
    pub(crate) fn view(&self) -> FeedView {
        let state = self.state();
        let troubles = state.troubles.iter();
        FeedView {
            troubles: troubles.map(|(of, text)| format!("{of}: {text}")).collect(),
            parts: state.parts.values().cloned().collect(),
            ..state.view.clone()
        }
    }
}

/// Whether two texts differ in digits alone.
fn is_alike(one: &str, other: &str) -> bool {
    let words = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    words(one) == words(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_shown_until_it_is_over() {
        let status = Status::new("tasks at a:1".into());
        status.trouble(Of::Topic, &Trouble::NoTopic("tasks".into()));
        let shown = status.view().troubles;
        assert_eq!(shown.len(), 1);
        assert!(
            shown[0].starts_with("tasks: topic tasks isn't there"),
            "{shown:?}"
        );
        status.works(Of::Topic);
        assert!(status.view().troubles.is_empty());
    }
}
