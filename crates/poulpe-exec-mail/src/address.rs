//! Mail addresses with display names, read and checked. Never guesses: what isn't plainly an address is refused, since
//! a line break in one would be a command of its own to the server. Used to read the params of a task.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest address that fits into the path of an SMTP command.
const MAX_ADDRESS: usize = 254;
const MAX_LOCAL: usize = 64;
const MAX_LABEL: usize = 63;
/// More than any name that people read, and a header line that every server takes.
const MAX_NAME: usize = 500;

/// Who a mail comes from or goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mailbox {
    /// What people read.
    pub(crate) name: Option<String>,
    /// `local@domain`.
    pub(crate) address: String,
}

impl Mailbox {
    /// Reads `a@b` or `Name <a@b>`. The error reads after "is not an address: ".
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim_matches(' ');
        if text.chars().any(char::is_control) {
            return Err("it contains a line break or another control character".into());
        }
        let Some(rest) = text.strip_suffix('>') else {
            check_address(text)?;
            return Ok(Self {
                name: None,
                address: text.into(),
            });
        };
        let Some((name, address)) = rest.rsplit_once('<') else {
            return Err("a < is missing before its >".into());
        };
        check_address(address)?;
        let name = read_name(name.trim_matches(' '))?;
        Ok(Self {
            name: Some(name).filter(|name| !name.is_empty()),
            address: address.into(),
        })
    }

    /// What follows the `@`.
    pub(crate) fn domain(&self) -> &str {
        self.address
            .rsplit_once('@')
            .map_or("", |(_, domain)| domain)
    }

    /// Whether both mean the same mailbox for sure: domains have no case, what comes before them may.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let local = |mailbox: &Self| mailbox.address.len() - mailbox.domain().len();
        local(self) == local(other)
            && self.address[..local(self)] == other.address[..local(other)]
            && self.domain().eq_ignore_ascii_case(other.domain())
    }
}

/// Splits a list at its commas, but not those in quotes.
pub(crate) fn split_list(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut in_quotes, mut is_escaped) = (0, false, false);
    for (at, char) in text.char_indices() {
        match char {
            _ if is_escaped => is_escaped = false,
            '\\' if in_quotes => is_escaped = true,
            '"' => in_quotes = !in_quotes,
            ',' if !in_quotes => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn read_name(text: &str) -> Result<String, String> {
    if text.len() > MAX_NAME {
        return Err(format!("its name is longer than {MAX_NAME} bytes"));
    }
    let Some(quoted) = text.strip_prefix('"') else {
        if text.contains(['"', '<', '>']) {
            return Err("a name with quotes or angle brackets must stand in quotes".into());
        }
        return Ok(text.into());
    };
    let mut name = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next() {
            Some('\\') => name.extend(chars.next()),
            Some('"') => break,
            Some(char) => name.push(char),
            None => return Err("the closing quote of its name is missing".into()),
        }
    }
    if !chars.as_str().is_empty() {
        return Err("something stands between its name and its <".into());
    }
    Ok(name)
}

fn check_address(address: &str) -> Result<(), String> {
    if address.is_empty() {
        return Err("it is empty".into());
    }
    if address.len() > MAX_ADDRESS {
        return Err(format!("it is longer than {MAX_ADDRESS} bytes"));
    }
    let Some((local, domain)) = address.rsplit_once('@') else {
        return Err("it has no @".into());
    };
    if local.len() > MAX_LOCAL {
        return Err(format!("before its @ are more than {MAX_LOCAL} bytes"));
    }
    if local.starts_with('"') {
        return Err("quotes before the @ aren't supported".into());
    }
    let is_atom = |part: &str| !part.is_empty() && part.chars().all(is_atom_char);
    if !local.split('.').all(is_atom) {
        return Err(
            "what comes before its @ is empty, or has a character or dots that can't stand there"
                .into(),
        );
    }
    if !is_domain(domain) {
        return Err("what follows its @ is no domain".into());
    }
    Ok(())
}

/// RFC 5321 and, beyond ASCII, RFC 6531.
fn is_atom_char(char: char) -> bool {
    if char.is_ascii() {
        return char.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(char);
    }
    !char.is_control() && !char.is_whitespace()
}

fn is_domain(domain: &str) -> bool {
    if let Some(literal) = domain.strip_prefix('[') {
        let Some(literal) = literal.strip_suffix(']') else {
            return false;
        };
        return match literal.strip_prefix("IPv6:") {
            Some(v6) => v6.parse::<Ipv6Addr>().is_ok(),
            None => literal.parse::<Ipv4Addr>().is_ok(),
        };
    }
    domain.split('.').all(|label| {
        let is_bounded = (1..=MAX_LABEL).contains(&label.len());
        let has_edges = label.starts_with('-') || label.ends_with('-');
        let is_label_char = |char: char| {
            if char.is_ascii() {
                return char.is_ascii_alphanumeric() || "-_".contains(char);
            }
            // Beyond ASCII the server knows better than a table here what is a name.
            !char.is_control() && !char.is_whitespace()
        };
        is_bounded && !has_edges && label.chars().all(is_label_char)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(name: Option<&str>, address: &str) -> Mailbox {
        Mailbox {
            name: name.map(Into::into),
            address: address.into(),
        }
    }

    #[test]
    fn addresses_are_read_with_and_without_names() {
        for (text, name, address) in [
            ("a@b", None, "a@b"),
            (" a@b.example ", None, "a@b.example"),
            ("<a@b>", None, "a@b"),
            ("Ann <a@b>", Some("Ann"), "a@b"),
            ("Ann B. O'Hara <a@b>", Some("Ann B. O'Hara"), "a@b"),
            (r#""B, Ann" <a@b>"#, Some("B, Ann"), "a@b"),
            (r#""A \"B\" \\ C" <a@b>"#, Some(r#"A "B" \ C"#), "a@b"),
            (r#""<x@y>" <a@b>"#, Some("<x@y>"), "a@b"),
            ("Jürgen 🐙 <j@b>", Some("Jürgen 🐙"), "j@b"),
            ("jürgen@bücher.example", None, "jürgen@bücher.example"),
            ("o'hara+tag=x/y@b", None, "o'hara+tag=x/y@b"),
            ("a@[127.0.0.1]", None, "a@[127.0.0.1]"),
            ("a@[IPv6:::1]", None, "a@[IPv6:::1]"),
        ] {
            assert_eq!(Mailbox::parse(text), Ok(mailbox(name, address)), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        let long_local = format!("{}@b", "a".repeat(65));
        let long = format!("a@{}", "b.".repeat(130));
        let long_name = format!("{} <a@b>", "n".repeat(501));
        for (text, hint) in [
            ("", "empty"),
            ("a", "no @"),
            ("@b", "before its @"),
            ("a@", "no domain"),
            ("a@b@c", "before its @"),
            ("a b@c", "before its @"),
            ("a@b c", "no domain"),
            ("a..b@c", "before its @"),
            (".a@c", "before its @"),
            ("a@c..d", "no domain"),
            ("a@-c", "no domain"),
            ("a@b>c", "no domain"),
            ("a>@b", "before its @"),
            ("a@b\r\nRCPT TO:<x@y>", "control"),
            ("a@b\nx", "control"),
            ("a@b\0", "control"),
            ("a@b\u{85}", "control"),
            ("A\r\nBcc: x@y <a@b>", "control"),
            ("a\u{2028}b@c", "before its @"),
            ("a@b> SIZE=1 <c@d>", "quotes or angle"),
            ("a@b SMTPUTF8", "no domain"),
            ("<a@b", "before its @"),
            ("a@b>", "< is missing"),
            ("<>", "empty"),
            ("Ann <>", "empty"),
            (r#""Ann <a@b>"#, "closing quote"),
            (r#""Ann" x <a@b>"#, "between"),
            (r#""a b"@c"#, "quotes before"),
            ("a@[1.2.3]", "no domain"),
            ("a@[IPv6:1.2.3.4]", "no domain"),
            ("a@[127.0.0.1", "no domain"),
            (&long_local, "more than 64"),
            (&long, "longer than 254"),
            (&long_name, "longer than 500"),
        ] {
            let reason = Mailbox::parse(text).expect_err(text);
            assert!(reason.contains(hint), "{text:?}: {reason}");
        }
    }

    #[test]
    fn a_list_is_split_at_commas_outside_quotes() {
        for (text, parts) in [
            ("a@b", &["a@b"][..]),
            ("a@b, c@d", &["a@b", " c@d"]),
            (r#""B, \", A" <a@b>,c@d"#, &[r#""B, \", A" <a@b>"#, "c@d"]),
            ("a@b,", &["a@b", ""]),
        ] {
            assert_eq!(split_list(text), parts, "{text}");
        }
    }

    #[test]
    fn only_the_domain_has_no_case() {
        for (one, other, is_same) in [
            ("a@b.c", "a@B.C", true),
            ("a@b", "A@b", false),
            ("a@b", "a@bc", false),
            ("aa@b", "a@ab", false),
        ] {
            let same = mailbox(None, one).is_same(&mailbox(Some("x"), other));
            assert_eq!(same, is_same, "{one} {other}");
        }
    }
}
