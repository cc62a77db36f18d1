//! What must hold of every mail that made-up params can bring about. For the fuzzer and for tests; nothing else calls it.

use crate::letter::Letter;
use crate::message;
use poulpe_core::{Digest, Door, Job, JobId, Kind, LaneSet, Params, Priority, Timestamp};
use std::time::Duration;

/// The headers that a mail may have; those of its parts are among them.
const HEADERS: [&str; 11] = [
    "From",
    "To",
    "Cc",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Poulpe-",
];

/// Takes the first line as a job's id and the rest as params. If they are accepted, the mail is built, and every header
/// of it is one of ours, its lines end in CRLF and none is too long, and no address holds what would end a command.
///
/// # Panics
/// If any of that doesn't hold.
pub fn mail(text: &str) {
    let (id, params) = text.split_once('\n').unwrap_or(("x", text));
    let Ok(id) = JobId::new(id) else { return };
    let params = Params::Text(params.into());
    let Ok(letter) = Letter::read(&params) else {
        return;
    };
    for mailbox in letter.recipients().into_iter().chain([&letter.from]) {
        let address = &mailbox.address;
        let ends_a_command = |c: char| c.is_control() || c.is_whitespace() || "<>,\"".contains(c);
        assert!(!address.contains(ends_a_command), "{address:?}");
    }
    let is_foreign = letter.has_foreign_address();
    let bytes = message::build(&letter, &job(id, params), 1);
    let mail = String::from_utf8(bytes).expect("UTF-8");
    assert!(mail.is_ascii() || is_foreign, "{mail:?}");
    let lines: Vec<&str> = mail.split("\r\n").collect();
    for line in &lines {
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        assert!(line.len() <= 998, "{} bytes: {line:?}", line.len());
    }
    let head = lines.iter().take_while(|line| !line.is_empty());
    for line in head.filter(|line| !line.starts_with([' ', '\t'])) {
        let is_ours = HEADERS.iter().any(|header| line.starts_with(header));
        assert!(is_ours && line.contains(": "), "{line:?}");
    }
}

fn job(id: JobId, params: Params) -> Job {
    Job {
        id,
        id_chosen: true,
        digest: Digest([0; 16]),
        kind: Kind::MAIL_TO,
        name: "mail".into(),
        params,
        headers: Vec::new(),
        lanes: LaneSet::default(),
        priority: Priority::default(),
        timeout: Duration::from_secs(60),
        max_retry: 3,
        retry_interval: Duration::from_secs(10),
        door: Door::Http,
        accepted_at: Timestamp::from_millis(1_800_000_000_000),
        due: Timestamp::from_millis(1_800_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    /// Texts of what means something to mail servers, headers and encodings.
    fn nasty() -> impl Strategy<Value = String> {
        let pieces = [
            "a",
            "B",
            "ü",
            "🐙",
            " ",
            "\t",
            "\r",
            "\n",
            "\r\n",
            ".",
            "@",
            "<",
            ">",
            "\"",
            "\\",
            ",",
            ";",
            ":",
            "=?utf-8?Q?",
            "?=",
            "=",
            "--",
            "\0",
            "\u{85}",
            "\u{2028}",
            "a@b",
            "Bcc: x@y",
            "x".repeat(90).leak(),
        ];
        proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..12)
            .prop_map(|pieces| pieces.concat())
    }

    fn address() -> impl Strategy<Value = String> {
        (nasty(), nasty(), any::<bool>()).prop_map(|(name, local, is_plain)| match is_plain {
            true => format!("{name} <a@b>"),
            false => format!("\"{name}\" <{local}@b>"),
        })
    }

    proptest! {
        #[test]
        fn no_params_bring_about_a_mail_that_is_more_than_one(
            id in nasty(), from in address(), to in address(), reply_to in address(), title in nasty(), body in nasty(),
        ) {
            let params = json!({
                "from_addr": from, "to_addr": [to], "reply_to": [reply_to], "title": title, "body": body, "html": body,
            });
            super::mail(&format!("{}\n{params}", id.replace('\n', "")));
            let params = json!({"from_addr": "a@b", "to_addr": "c@d", "title": title, "body": body});
            super::mail(&format!("x\n{params}"));
        }
    }
}
