//! What must hold of every message that a client may write on a socket. For the fuzzer and for tests.

use crate::ws::fuzz::{Message, Named, Told, text};
use poulpe_core::{JobId, State};
use serde_json::Value;

/// Reads a message as a socket does and answers it: every task, watch or refusal has an answer in JSON, which names the
/// id that the message gave, and a refusal has a reason.
///
/// # Panics
/// If any of that doesn't hold.
pub fn message(given: &str) {
    match Message::parse(given) {
        Message::Watch(id) => told(&Told::watching(&id, None), Some(&id), "OK"),
        Message::Bad(reason, named) => refused(&named, reason),
        Message::Tasks(tasks, is_array) => {
            assert!(is_array || matches!(&tasks[..], [Ok(_)]), "one task");
            for task in tasks {
                match task {
                    Err((bad, named)) => refused(&named, bad.to_string()),
                    Ok(task) => {
                        let Some(id) = task.id else { continue };
                        told(&Told::accepted(&id, State::Ready), Some(&id), "OK");
                    }
                }
            }
        }
    }
}

fn refused(named: &Named, reason: String) {
    assert!(!reason.is_empty(), "a refusal without a reason");
    told(&Told::unread(named, reason), named.0.as_ref(), "Fail");
}

fn told(told: &Told, id: Option<&JobId>, result: &str) {
    let json: Value = serde_json::from_str(&text(told)).expect("JSON");
    let id = id.map_or("", JobId::as_str);
    assert_eq!((&json["id"], &json["request_id"]), (&id.into(), &id.into()));
    assert_eq!(json["result"], result);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    /// Texts of what means something in messages.
    fn nasty() -> impl Strategy<Value = String> {
        let pieces = [
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\\",
            "\"watch\"",
            "\"id\"",
            "\"method\"",
            "\"name\"",
            "\"GET\"",
            "\"a\"",
            "null",
            "7",
            "-1",
            "1e9",
            "true",
            " ",
            "\n",
            "\0",
            "\\u0000",
            "\\ud800",
            "é",
            "🐙",
            "\"watch\":\"a\"",
            "{\"watch\":\"b\"}",
            "{\"id\":\"a\",\"method\":\"GET\",\"name\":\"x\"}",
        ];
        proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..12)
            .prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn every_message_is_answered(text in nasty()) {
            super::message(&text);
            super::message(&format!("{{{text}}}"));
            super::message(&format!("[{text}]"));
        }
    }
}
