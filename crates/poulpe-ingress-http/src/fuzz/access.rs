//! What must hold of every list of tokens and every `Host`, whatever they hold. For the fuzzer.

use crate::role::Need;
use crate::site::Site;
use crate::tokens::Tokens;
use hyper::Request;
use hyper::header::HOST;
use std::net::Ipv4Addr;

/// Takes text as a file of tokens. If it is taken, only secrets that stand in it are known, and none of its words is shown but
/// names and roles; if not, no secret is repeated. Takes it as a host as well: none that isn't ours is known.
///
/// # Panics
/// If any of that doesn't hold.
pub fn tokens(text: &str) {
    host(text);
    let last_words = text
        .lines()
        .filter_map(|line| line.split_ascii_whitespace().next_back());
    match Tokens::parse(text) {
        Ok(tokens) => {
            assert!(!tokens.is_empty() && tokens.len() <= text.lines().count());
            assert!(
                tokens.find(b"").is_none()
                    && tokens
                        .find(text.as_bytes())
                        .is_none_or(|_| tokens.len() == 1)
            );
            let known = last_words
                .filter(|word| !word.starts_with("sha256:"))
                .filter(|word| {
                    tokens
                        .find(word.as_bytes())
                        .is_some_and(|token| token.roles.meet(Need::Any))
                });
            assert!(known.count() <= text.lines().count());
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            // Words of our own sentences may be secrets too; longer ones can't.
            for word in last_words.filter(|word| word.len() > 64) {
                assert!(
                    !problems.iter().any(|problem| problem.contains(word)),
                    "{word}"
                );
            }
        }
    }
}

fn host(text: &str) {
    let site = Site::new(Ipv4Addr::LOCALHOST.into(), false, &[], &[]).expect("a good site");
    let Ok(request) = Request::builder().uri("/").header(HOST, text).body(()) else {
        return;
    };
    if site.check_host(&request).is_ok() {
        let text = text.to_ascii_lowercase();
        let is_ours = [
            "localhost",
            "127.",
            "[::1]",
            "[0",
            "[::ffff:127.",
            "[::ffff:7f",
            "::1",
        ]
        .iter()
        .any(|ours| text.starts_with(ours));
        assert!(is_ours, "{text:?}");
    }
}
