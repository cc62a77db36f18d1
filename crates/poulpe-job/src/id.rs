//! The unique name of a job.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// The longest id that a client may choose, in bytes.
pub const MAX_ID_BYTES: usize = 200;

/// The unique name of a job: 1 to [`MAX_ID_BYTES`] bytes of UTF-8 without control characters. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(Arc<str>);

/// Why a text can't be a job's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// Nothing is left to name the job by.
    #[error("must not be empty; leave the field out to have an id generated")]
    Empty,
    /// The length in bytes that was given.
    #[error("is {0} bytes long, at most {MAX_ID_BYTES} are allowed")]
    TooLong(usize),
    /// A line break, tab or other control character.
    #[error("must not contain control characters such as line breaks or tabs")]
    ControlCharacter,
}

impl JobId {
    /// Checks and takes an id.
    ///
    /// ```
    /// # use poulpe_job::JobId;
    /// assert!(JobId::new("order/17 🐙").is_ok());
    /// assert!(JobId::new("two\nlines").is_err());
    /// ```
    pub fn new(text: &str) -> Result<Self, BadId> {
        if text.is_empty() {
            return Err(BadId::Empty);
        }
        if text.len() > MAX_ID_BYTES {
            return Err(BadId::TooLong(text.len()));
        }
        if text.chars().any(char::is_control) {
            return Err(BadId::ControlCharacter);
        }
        Ok(Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Debug for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JobId({:?})", &*self.0)
    }
}

impl Serialize for JobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = JobId;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a job id")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<JobId, E> {
                JobId::new(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_bounded_in_bytes_not_characters() {
        assert!(JobId::new(&"🐙".repeat(50)).is_ok());
        assert_eq!(JobId::new(&"🐙".repeat(51)), Err(BadId::TooLong(204)));
    }

    #[test]
    fn slashes_spaces_and_dots_are_allowed_control_characters_are_not() {
        for good in ["a/b", "a b", "../../etc/passwd", ".", "%2F", "ü"] {
            assert!(JobId::new(good).is_ok(), "{good}");
        }
        for bad in ["a\nb", "\r", "tab\t", "\0", "\u{85}", "\u{7f}"] {
            assert_eq!(JobId::new(bad), Err(BadId::ControlCharacter), "{bad:?}");
        }
        assert_eq!(JobId::new(""), Err(BadId::Empty));
    }
}
