//! The params of a task, read and checked: who a mail comes from, who it goes to, and what it says. Never builds the
//! mail; that is the message's. Read when a task is checked and again when its job is run.

use crate::address::{Mailbox, split_list};
use poulpe_core::{BadTask, Params};
use serde::Deserialize;
use serde_json::Value;

/// What every server must take in one mail (RFC 5321); more are several tasks.
pub(crate) const MAX_RECIPIENTS: usize = 100;
/// A long sentence, and far below what a reader's window shows.
const MAX_TITLE: usize = 2_000;

/// A mail as its task describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) from: Mailbox,
    pub(crate) to: Vec<Mailbox>,
    pub(crate) cc: Vec<Mailbox>,
    pub(crate) bcc: Vec<Mailbox>,
    pub(crate) reply_to: Vec<Mailbox>,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) html: Option<String>,
}

/// The fields as they come. Each is looked at by itself, so that an error can name it.
#[derive(Deserialize)]
struct Fields {
    from_addr: Option<Value>,
    to_addr: Option<Value>,
    cc: Option<Value>,
    bcc: Option<Value>,
    reply_to: Option<Value>,
    title: Option<Value>,
    body: Option<Value>,
    html: Option<Value>,
}

impl Letter {
    /// Reads params; the error names the field and the fix.
    pub(crate) fn read(params: &Params) -> Result<Self, BadTask> {
        let Params::Text(text) = params else {
            return Err(BadTask::new(
                "params",
                "must be one text, not a list: a JSON object with from_addr, to_addr, title and body",
            ));
        };
        // An array would do for the fields in order, as far as serde is concerned.
        if !text.trim_start().starts_with('{') {
            return Err(BadTask::new(
                "params",
                "must be the text of a JSON object with from_addr, to_addr, title and body",
            ));
        }
        let fields: Fields = serde_json::from_str(text)
            .map_err(|error| BadTask::new("params", format!("is not valid JSON: {error}")))?;
        let letter = Self {
            from: sender(fields.from_addr)?,
            to: mailboxes(
                "params.to_addr",
                required("params.to_addr", fields.to_addr)?,
            )?,
            cc: optional_mailboxes("params.cc", fields.cc)?,
            bcc: optional_mailboxes("params.bcc", fields.bcc)?,
            reply_to: optional_mailboxes("params.reply_to", fields.reply_to)?,
            title: title(required("params.title", fields.title)?)?,
            body: prose("params.body", required("params.body", fields.body)?)?,
            html: match fields.html {
                Some(html) => Some(prose("params.html", html)?),
                None => None,
            },
        };
        let recipients = letter.to.len() + letter.cc.len() + letter.bcc.len();
        let most = recipients.max(letter.reply_to.len());
        if most > MAX_RECIPIENTS {
            return Err(BadTask::new(
                "params",
                format!(
                    "has {most} addresses, at most {MAX_RECIPIENTS} are allowed; send several mails"
                ),
            ));
        }
        Ok(letter)
    }

    /// Everybody who gets it, each once.
    pub(crate) fn recipients(&self) -> Vec<&Mailbox> {
        let mut recipients: Vec<&Mailbox> = Vec::new();
        for mailbox in self.to.iter().chain(&self.cc).chain(&self.bcc) {
            if !recipients.iter().any(|known| known.is_same(mailbox)) {
                recipients.push(mailbox);
            }
        }
        recipients
    }

    /// Whether an address needs a server that takes more than ASCII.
    pub(crate) fn has_foreign_address(&self) -> bool {
        let shown = self.to.iter().chain(&self.cc).chain(&self.reply_to);
        shown
            .chain(&self.bcc)
            .chain([&self.from])
            .any(|mailbox| !mailbox.address.is_ascii())
    }
}

fn required(field: &'static str, value: Option<Value>) -> Result<Value, BadTask> {
    value.ok_or_else(|| {
        BadTask::new(
            field,
            "is missing; from_addr, to_addr, title and body are required",
        )
    })
}

fn text(field: &'static str, value: Value) -> Result<String, BadTask> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(BadTask::new(field, "must be a string")),
    }
}

fn sender(value: Option<Value>) -> Result<Mailbox, BadTask> {
    const FIELD: &str = "params.from_addr";
    let text = text(FIELD, required(FIELD, value)?)?;
    mailbox(FIELD, &text)
}

fn optional_mailboxes(field: &'static str, value: Option<Value>) -> Result<Vec<Mailbox>, BadTask> {
    match value {
        None => Ok(Vec::new()),
        Some(value) => mailboxes(field, value),
    }
}

/// One or more addresses: a text with commas, or an array of texts with one address each.
fn mailboxes(field: &'static str, value: Value) -> Result<Vec<Mailbox>, BadTask> {
    let mut found = Vec::new();
    match value {
        Value::String(text) => {
            for part in split_list(&text) {
                found.push(mailbox(field, part)?);
            }
        }
        Value::Array(parts) => {
            for part in parts {
                let Value::String(part) = part else {
                    return Err(BadTask::new(field, "must be an array of strings"));
                };
                found.push(mailbox(field, &part)?);
            }
        }
        _ => {
            let fix = "must be a string of addresses separated by commas, or an array of them";
            return Err(BadTask::new(field, fix));
        }
    }
    if found.is_empty() {
        return Err(BadTask::new(field, "is empty; give at least one address"));
    }
    Ok(found)
}

fn mailbox(field: &'static str, text: &str) -> Result<Mailbox, BadTask> {
    Mailbox::parse(text).map_err(|reason| {
        let shown: String = text.trim().chars().take(100).collect();
        BadTask::new(field, format!("{shown:?} is not an address: {reason}"))
    })
}

fn title(value: Value) -> Result<String, BadTask> {
    const FIELD: &str = "params.title";
    let title = text(FIELD, value)?;
    if title.chars().any(char::is_control) {
        let fix = "contains a line break or another control character, which no subject may";
        return Err(BadTask::new(FIELD, fix));
    }
    if title.len() > MAX_TITLE {
        let fix = format!(
            "is {} bytes long, at most {MAX_TITLE} are allowed",
            title.len()
        );
        return Err(BadTask::new(FIELD, fix));
    }
    Ok(title)
}

/// Text of any length with line breaks of any kind.
fn prose(field: &'static str, value: Value) -> Result<String, BadTask> {
    let text = text(field, value)?;
    if text.contains('\0') {
        let fix = "contains a NUL character, which servers refuse or cut at";
        return Err(BadTask::new(field, fix));
    }
    Ok(text)
}
