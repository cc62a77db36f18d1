//! What a store remembers of being moved, so that no daemon uses half of it, or what has been left.

use std::fmt;

/// What a store is to a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Its jobs go elsewhere.
    Source,
    /// Jobs come from elsewhere.
    Target,
}

/// The note of a move that lies with a store. While it is there, no daemon starts on the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// What the store is to the move.
    pub role: Role,
    /// Which move: the other store has the same.
    pub id: String,
    /// The move has come to its end.
    pub done: bool,
    /// The other store, for people.
    pub other: String,
}

/// The version of the text.
const VERSION: &str = "1";

impl Mark {
    /// The text that a store keeps.
    pub fn to_text(&self) -> String {
        let role = match self.role {
            Role::Source => "source",
            Role::Target => "target",
        };
        let state = if self.done { "done" } else { "begun" };
        format!("{VERSION} {role} {state} {} {}", self.id, self.other)
    }

    /// Reads that text. `None` if a newer poulpe wrote it, or somebody else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.trim_end().splitn(5, ' ');
        let mut word = || words.next();
        if word()? != VERSION {
            return None;
        }
        let role = match word()? {
            "source" => Role::Source,
            "target" => Role::Target,
            _ => return None,
        };
        let done = match word()? {
            "done" => true,
            "begun" => false,
            _ => return None,
        };
        Some(Self {
            role,
            done,
            id: word()?.into(),
            other: word()?.into(),
        })
    }
}

impl fmt::Display for Mark {
    /// What a daemon that may not start on the store is told.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let other = &self.other;
        match (self.role, self.done) {
            (Role::Source, true) => write!(
                f,
                "its jobs were moved to {other}; start with that one, for here they would run a second time"
            ),
            (Role::Source, false) => write!(
                f,
                "`poulpe store migrate` is moving its jobs to {other}; run it again until it says done"
            ),
            (Role::Target, _) => write!(
                f,
                "`poulpe store migrate` has not filled it to the end from {other}; run it again until it says done"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for role in [Role::Source, Role::Target] {
            for done in [true, false] {
                let mark = Mark {
                    role,
                    done,
                    id: "00ff".into(),
                    other: "/a b/c".into(),
                };
                assert_eq!(Mark::parse(&mark.to_text()), Some(mark));
            }
        }
    }

    #[test]
    fn what_is_something_else_is_not_read() {
        for text in [
            "",
            "1",
            "2 source done a b",
            "1 x done a b",
            "1 source x a b",
        ] {
            assert_eq!(Mark::parse(text), None, "{text}");
        }
    }
}
