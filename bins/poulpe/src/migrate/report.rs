//! What a move came to, for people and for scripts.

use super::end::End;
use poulpe_core::store::Sum;
use serde::Serialize;

/// The two stores, state by state.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    from: String,
    to: String,
    states: Vec<Row>,
    /// Whether they keep the same.
    pub(super) same: bool,
    /// What to start next.
    next: String,
}

/// A state.
#[derive(Debug, Serialize)]
struct Row {
    state: &'static str,
    from: Side,
    to: Side,
    same: bool,
}

/// What one of them keeps in a state.
#[derive(Debug, Serialize)]
struct Side {
    count: u64,
    digest: String,
}

impl Side {
    fn new(sum: Sum) -> Self {
        Self {
            count: sum.count,
            digest: format!("{:032x}", sum.digest),
        }
    }
}

impl Report {
    pub(super) fn new(
        from: &End,
        to: &End,
        source: &[(&'static str, Sum)],
        target: &[(&'static str, Sum)],
    ) -> Self {
        let both = source.iter().zip(target);
        let row = |((state, one), (_, other)): (&(&'static str, Sum), &(&'static str, Sum))| Row {
            state,
            from: Side::new(*one),
            to: Side::new(*other),
            // The embedded store guards ids by a hash: it can't name them.
            same: one == other || (*state == "guards" && !to.is_redis()),
        };
        let states: Vec<Row> = both.map(row).collect();
        Self {
            from: from.place(),
            to: to.place(),
            same: states.iter().all(|row| row.same),
            states,
            next: to.start_hint(),
        }
    }

    pub(super) fn print(&self, json: bool) -> String {
        if json {
            return crate::output::json(self);
        }
        let mut text = format!("from         {}\nto           {}\n", self.from, self.to);
        for row in &self.states {
            let verdict = match row.same {
                true => row.from.digest.clone(),
                false => format!("DIFFERENT: {} there", row.to.count),
            };
            text += &format!("{:12} {:<10} {verdict}\n", row.state, row.from.count);
        }
        if self.same {
            return text
                + &format!(
                    "\ndone; start with: {}\n{} stays as it was; no daemon starts on it any more\n",
                    self.next, self.from
                );
        }
        text + &format!(
            "\nNOT done: {} doesn't hold what {} does. Nothing was lost: the source is as it was. Empty the target and run this again\n",
            self.to, self.from
        )
    }
}
