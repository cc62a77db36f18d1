//! Builds the mail that goes over the wire. Never checks; the letter was. Called once an attempt.
//!
//! `Message-ID` is the same in every attempt of a job, `Date` as far as the job tells (see [`date`]); the boundary
//! between parts isn't. Everything is 7-bit ASCII but for addresses that aren't.

use crate::address::Mailbox;
use crate::letter::Letter;
use mail_send::mail_builder::MessageBuilder;
use mail_send::mail_builder::headers::address::Address;
use mail_send::mail_builder::headers::date::Date;
use mail_send::mail_builder::headers::message_id::MessageId;
use mail_send::mail_builder::headers::raw::Raw;
use mail_send::mail_builder::headers::text::Text;
use poulpe_core::{Job, Timestamp};
use std::fmt::Write;

/// The bytes of a mail, without the dot that ends it and the line break before.
pub(crate) fn build(letter: &Letter, job: &Job, attempt: u32) -> Vec<u8> {
    let mut builder = MessageBuilder::new()
        .from(address(&letter.from))
        .to(addresses(&letter.to));
    if !letter.cc.is_empty() {
        builder = builder.cc(addresses(&letter.cc));
    }
    if !letter.reply_to.is_empty() {
        builder = builder.reply_to(addresses(&letter.reply_to));
    }
    let seconds = date(job, attempt).as_millis().div_euclid(1_000);
    builder = builder
        .subject(Text::new(&*letter.title))
        .date(Date::new(seconds))
        .message_id(MessageId::new(message_id(&letter.from, job)))
        .header("Poulpe-Job-Id", Raw::new(encode(job.id.as_str(), ".@:/+")))
        .header("Poulpe-Attempt", Raw::new(attempt.to_string()))
        .text_body(wire_lines(&letter.body));
    if let Some(html) = &letter.html {
        builder = builder.html_body(wire_lines(html));
    }
    let mut bytes = Vec::new();
    builder.serialize(&mut bytes);
    // The end of the last line belongs to the dot that ends the mail.
    if bytes.ends_with(b"\r\n") {
        bytes.truncate(bytes.len() - 2);
    }
    bytes
}

fn address(mailbox: &Mailbox) -> Address<'_> {
    Address::new_address(mailbox.name.as_deref(), &*mailbox.address)
}

fn addresses(mailboxes: &[Mailbox]) -> Address<'_> {
    Address::new_list(mailboxes.iter().map(address).collect())
}

/// Text with the line breaks of mails. A carriage return on its own is a line break as well: servers differ in whether it ends a line, and a line that
/// begins for one of them only is how mails are smuggled.
fn wire_lines(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .replace('\n', "\r\n")
}

/// Unique like the job: its id may be used again, but not at the same time.
fn message_id(from: &Mailbox, job: &Job) -> String {
    format!(
        "{}.{}@{}",
        encode(job.id.as_str(), ""),
        job.accepted_at.as_millis(),
        encode(from.domain(), ".")
    )
}

/// When the mail was ready to be sent: when its job was accepted, or, if that was delayed, when it fell due. A retry
/// moves the due time, so what is due within the time that the attempts so far may have taken counts as not delayed.
fn date(job: &Job, attempt: u32) -> Timestamp {
    let interval = job.retry_interval.saturating_mul(2);
    let earlier_attempts = attempt.saturating_sub(1);
    let taken = job
        .timeout
        .saturating_add(interval)
        .saturating_mul(earlier_attempts);
    let was_delayed = job.due.since(job.accepted_at) > taken;
    if was_delayed {
        return job.due;
    }
    job.accepted_at
}

/// Percent-encodes all but letters, digits, `-`, `_` and what is in `kept`: what is left means nothing in a header, and
/// can stand in a `Message-ID`.
fn encode(text: &str, kept: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let char = char::from(byte);
        let is_plain = char.is_ascii_alphanumeric() || "-_".contains(char) || kept.contains(char);
        if is_plain {
            encoded.push(char);
            continue;
        }
        // Writing to a String can't fail.
        let _ = write!(encoded, "%{byte:02X}");
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use poulpe_core::{Digest, Door, JobId, Kind, Params, Priority};
    use std::time::Duration;

    fn job(id: &str, accepted_at: i64, due: i64) -> Job {
        Job {
            id: JobId::new(id).expect("an id"),
            id_chosen: true,
            digest: Digest([0; 16]),
            kind: Kind::MAIL_TO,
            name: "mail".into(),
            params: Params::Text(String::new()),
            headers: Vec::new(),
            lanes: poulpe_core::LaneSet::default(),
            priority: Priority::default(),
            timeout: Duration::from_secs(60),
            max_retry: 3,
            retry_interval: Duration::from_secs(10),
            door: Door::Http,
            accepted_at: Timestamp::from_millis(accepted_at),
            due: Timestamp::from_millis(due),
        }
    }

    fn id_of(id: &str, from: &str, accepted_at: i64) -> String {
        let from = Mailbox::parse(from).expect("an address");
        message_id(&from, &job(id, accepted_at, 0))
    }

    #[test]
    fn a_message_id_tells_jobs_apart_and_holds_nothing_that_ends_it() {
        for (id, from, accepted_at, expected) in [
            ("a", "x@y.z", 5, "a.5@y.z"),
            ("a", "x@y.z", 6, "a.6@y.z"),
            ("a b>%", "x@y.z", 5, "a%20b%3E%25.5@y.z"),
            ("a.5", "x@y.z", 5, "a%2E5.5@y.z"),
            ("a", "x@[127.0.0.1]", 5, "a.5@%5B127.0.0.1%5D"),
            ("ü", "x@ü.z", 5, "%C3%BC.5@%C3%BC.z"),
        ] {
            assert_eq!(id_of(id, from, accepted_at), expected);
        }
    }

    #[test]
    fn the_date_is_that_of_acceptance_unless_the_job_was_delayed() {
        for (due, attempt, expected) in [
            (1_000, 1, 1_000),
            (71_000, 2, 1_000),
            (500_000, 1, 500_000),
            (500_000, 2, 500_000),
            (5_000_000, 100, 1_000),
            (i64::MAX, u32::MAX, i64::MAX),
        ] {
            let date = date(&job("a", 1_000, due), attempt);
            assert_eq!(date.as_millis(), expected, "{due} {attempt}");
        }
    }
}
