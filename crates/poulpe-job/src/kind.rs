//! The kind of a job, which selects its executor.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// Selects the executor of a job; `method` on the wire. Upper case throughout, so that `get` and `GET` are one kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(Cow<'static, str>);

impl Kind {
    /// An HTTP GET.
    pub const GET: Kind = Kind(Cow::Borrowed("GET"));
    /// An HTTP POST.
    pub const POST: Kind = Kind(Cow::Borrowed("POST"));
    /// A local command.
    pub const EXEC: Kind = Kind(Cow::Borrowed("EXEC"));
    /// An e-mail.
    pub const MAIL_TO: Kind = Kind(Cow::Borrowed("MAIL_TO"));

    /// The kind with this name, in any case. Any name is a kind; whether an executor is registered for it is the
    /// scheduler's question.
    pub fn new(name: &str) -> Self {
        for known in [Self::GET, Self::POST, Self::EXEC, Self::MAIL_TO] {
            if name.eq_ignore_ascii_case(known.as_str()) {
                return known;
            }
        }
        Self(Cow::Owned(name.to_ascii_uppercase()))
    }

    /// The name in upper case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Kind;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the name of a kind")
            }
            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Kind, E> {
                Ok(Kind::new(name))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_one_in_any_case() {
        assert_eq!(Kind::new("get"), Kind::GET);
        assert_eq!(Kind::new("Mail_To"), Kind::MAIL_TO);
        assert_eq!(Kind::new("resize").as_str(), "RESIZE");
    }
}
