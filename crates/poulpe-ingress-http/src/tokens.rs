//! The tokens that let requests in: reads their list, finds the one that was sent. Keeps digests only and shows neither
//! those nor secrets. Filled by the binary, which reads the file; asked by the guard.

use crate::role::{Need, Role, Roles};
use ring::digest::{SHA256, digest};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use subtle::{ConditionallySelectable, ConstantTimeEq};

/// Digests instead of secrets: all of one length, so that comparing tells nothing, and nothing to steal from memory.
type Digest = [u8; 32];

/// The most bytes of a name: it stands in log lines.
const MAX_NAME_BYTES: usize = 64;
/// Bounds the comparing, which goes through all.
const MAX_TOKENS: usize = 1_000;

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) name: Arc<str>,
    pub(crate) roles: Roles,
}

/// A list of tokens.
#[derive(Clone, Default)]
pub struct Tokens {
    list: Vec<(Digest, Token)>,
}

impl Tokens {
    /// The one token that may do everything.
    pub fn admin(secret: &str) -> Result<Self, String> {
        let mut tokens = Self::default();
        tokens.add("token", Roles::of(&[Role::Admin]), secret)?;
        Ok(tokens)
    }

    /// Reads a list: a line a token, as `NAME ROLE[,ROLE] SECRET`, where `sha256:HEX` may stand for the secret; a lone word is
    /// the secret of an admin. Empty lines and those that begin with `#` are passed over. The error has every problem with
    /// its line, and no secret.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let mut tokens = Self::default();
        let mut problems = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Err(problem) = tokens.read_line(line) {
                problems.push(format!("line {}: {problem}", index + 1));
            }
        }
        if tokens.list.is_empty() && problems.is_empty() {
            problems.push("holds no token; write lines such as `ci submit SECRET`".into());
        }
        if problems.is_empty() {
            return Ok(tokens);
        }
        Err(problems)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn read_line(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            [secret] => self.add("token", Roles::of(&[Role::Admin]), secret),
            [name, roles, secret] => self.add(name, read_roles(roles)?, secret),
            _ => {
                Err("must be `NAME ROLE SECRET`, with spaces between them and none in them".into())
            }
        }
    }

    fn add(&mut self, name: &str, roles: Roles, secret: &str) -> Result<(), String> {
        let is_name = !name.is_empty()
            && name.len() <= MAX_NAME_BYTES
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        if !is_name {
            return Err(format!(
                "the name must be 1 to {MAX_NAME_BYTES} letters, digits, dots, hyphens or underscores"
            ));
        }
        if self.list.iter().any(|(_, token)| &*token.name == name) {
            return Err(format!("there is another token of the name {name}"));
        }
        if self.list.len() == MAX_TOKENS {
            return Err(format!("there can be {MAX_TOKENS} tokens at most"));
        }
        let digest = read_secret(secret)?;
        if let Some((_, other)) = self.list.iter().find(|(known, _)| *known == digest) {
            return Err(format!("{name} has the same secret as {}", other.name));
        }
        let name = name.into();
        self.list.push((digest, Token { name, roles }));
        Ok(())
    }

    /// The token whose secret this is. Takes the same time whichever it is, and for any guess of one length.
    pub(crate) fn find(&self, secret: &[u8]) -> Option<&Token> {
        let sent = of(secret);
        // All are looked at, also behind the right one.
        let mut place = u32::MAX;
        for (index, (digest, _)) in (0..).zip(&self.list) {
            place.conditional_assign(&index, sent.ct_eq(digest));
        }
        Some(&self.list.get(usize::try_from(place).ok()?)?.1)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By hand, so that no digest can reach a log.
        f.debug_list()
            .entries(self.list.iter().map(|(_, token)| token))
            .finish()
    }
}

/// A list of tokens that can be exchanged while requests are let in by it. A clone is the same list.
#[derive(Clone, Debug)]
pub struct TokenList(Arc<RwLock<Tokens>>);

impl TokenList {
    /// A list that begins with these.
    pub fn new(tokens: Tokens) -> Self {
        Self(Arc::new(RwLock::new(tokens)))
    }

    /// From now on these are the tokens.
    pub fn replace(&self, tokens: Tokens) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = tokens;
    }

    pub(crate) fn judge(&self, secret: &[u8], need: Need) -> Judged {
        let tokens = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match tokens.find(secret) {
            None => Judged::Unknown,
            Some(token) if token.roles.meet(need) => Judged::Allowed,
            Some(token) => Judged::Lacks(token.clone()),
        }
    }
}

/// What a secret is worth.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    Allowed,
    /// It is this token's, which may not do that.
    Lacks(Token),
    Unknown,
}

fn of(secret: &[u8]) -> Digest {
    let digest = digest(&SHA256, secret);
    let mut bytes = Digest::default();
    bytes.copy_from_slice(digest.as_ref());
    bytes
}

fn read_roles(words: &str) -> Result<Roles, String> {
    let roles: Option<Vec<Role>> = words.split(',').map(Role::parse).collect();
    // What stands there isn't repeated: in a line with its words in a wrong order it is the secret.
    let roles = roles.ok_or(
        "the second word must be submit, read or admin, or several of them with commas between",
    )?;
    Ok(Roles::of(&roles))
}

fn read_secret(secret: &str) -> Result<Digest, String> {
    if let Some(hex) = secret.strip_prefix("sha256:") {
        return read_hex(hex).ok_or("sha256: must be followed by 64 hexadecimal digits".into());
    }
    let can_be_sent = !secret.is_empty() && secret.bytes().all(|b| b.is_ascii_graphic());
    if !can_be_sent {
        return Err(
            "the token must be one or more visible ASCII characters without spaces, or no client could send it"
                .into(),
        );
    }
    Ok(of(secret.as_bytes()))
}

fn read_hex(hex: &str) -> Option<Digest> {
    let mut bytes = Digest::default();
    if hex.len() != 2 * bytes.len() || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# who may what\n\nci submit s3cret-1\n  board\tread  s3cret-2  \nops admin s3cret-3\n\
        both submit,read s3cret-4\nhashed read sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n";

    #[test]
    fn each_secret_is_found_with_its_name_and_roles() {
        let tokens = Tokens::parse(FILE).unwrap();
        let found = |secret: &str| {
            let token = tokens.find(secret.as_bytes())?;
            Some(format!("{} {}", token.name, token.roles))
        };
        for (secret, expected) in [
            ("s3cret-1", Some("ci submit")),
            ("s3cret-2", Some("board read")),
            ("s3cret-3", Some("ops admin")),
            ("s3cret-4", Some("both submit,read")),
            ("hello", Some("hashed read")),
            ("s3cret-", None),
            ("s3cret-11", None),
            ("", None),
            ("ci", None),
        ] {
            assert_eq!(found(secret).as_deref(), expected, "{secret}");
        }
    }

    #[test]
    fn a_lone_secret_is_an_admin() {
        let tokens = Tokens::parse("s3cret\n").unwrap();
        assert!(tokens.find(b"s3cret").unwrap().roles.meet(Need::Admin));
        assert!(Tokens::admin("s3cret").unwrap().find(b"s3cret").is_some());
    }

    #[test]
    fn every_bad_line_is_told_and_no_secret_is_repeated() {
        let text = "ci submit a1\nci read b2\ndup read a1\nx s3cret submit\nx y\nü read c3\nh read sha256:s3cret\n\
            e submit ü\nx owner d4\nw read,s3cret e5\n";
        let problems = Tokens::parse(text).unwrap_err();
        let expected = [
            "line 2: there is another token of the name ci",
            "line 3: dup has the same secret as ci",
            "line 4: the second word must be submit, read or admin",
            "line 5: must be `NAME ROLE SECRET`",
            "line 6: the name must be",
            "line 7: sha256: must be followed",
            "line 8: the token must be",
            "line 9: the second word",
            "line 10: the second word",
        ];
        assert_eq!(problems.len(), expected.len(), "{problems:?}");
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.starts_with(expected), "{problem}");
            assert!(!problem.contains("s3cret"), "{problem}");
        }
        assert!(Tokens::parse("\n# nothing\n").is_err());
        for bad in ["", " ", "a b", "a\n", "ü"] {
            assert!(Tokens::admin(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn neither_secrets_nor_digests_are_shown() {
        let tokens = TokenList::new(Tokens::parse(FILE).unwrap());
        let shown = format!("{tokens:?}");
        assert!(shown.contains("board"), "{shown}");
        assert!(
            !shown.contains("s3cret") && !shown.contains("2cf24"),
            "{shown}"
        );
        assert!(!shown.contains("44, 242"), "{shown}");
    }

    #[test]
    fn an_exchanged_list_holds_at_once() {
        let tokens = TokenList::new(Tokens::admin("old").unwrap());
        let same = tokens.clone();
        same.replace(Tokens::parse("n read new").unwrap());
        assert_eq!(tokens.judge(b"old", Need::Any), Judged::Unknown);
        assert_eq!(tokens.judge(b"new", Need::Read), Judged::Allowed);
        assert!(matches!(
            tokens.judge(b"new", Need::Admin),
            Judged::Lacks(_)
        ));
    }
}
