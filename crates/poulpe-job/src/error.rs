//! Why a task is refused: the field, and a sentence a person can act on.

use std::borrow::Cow;

/// A task that can't be accepted. Displays as `` `field`: reason ``, or the reason alone when no one field is to blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadTask {
    /// The field of the contract that is wrong; empty when the task as a whole is.
    pub field: Cow<'static, str>,
    /// What is wrong with it and what would be right.
    pub reason: String,
}

impl BadTask {
    /// A refusal that names `field`.
    pub fn new(field: impl Into<Cow<'static, str>>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
        }
    }
}

impl std::fmt::Display for BadTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.field.is_empty() {
            return f.write_str(&self.reason);
        }
        write!(f, "`{}`: {}", self.field, self.reason)
    }
}

impl std::error::Error for BadTask {}
