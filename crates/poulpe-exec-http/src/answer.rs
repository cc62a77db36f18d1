//! What an answer means: success or failure, when to try again, and what is kept of its body. Never reads more of a
//! body than is kept. Called by the executor with the last answer of an attempt.

use poulpe_core::{Failure, Output, RetryAdvice};
use std::io::{self, Read};
use std::time::{Duration, SystemTime};
use ureq::http::{HeaderMap, StatusCode, header::RETRY_AFTER};

/// The longest `Retry-After` that is honoured.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3_600);

/// What was kept of a body.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) text: String,
    /// Why the body ended before its end, if not because enough was read.
    pub(crate) broken: Option<io::Error>,
}

/// Reads at most `limit` bytes, and one more to see whether the body ends there: only a body that was read to its end
/// leaves a connection that can be used again.
pub(crate) fn read_body(body: impl Read, limit: usize) -> Kept {
    let mut bytes = Vec::new();
    let more_than_kept = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let outcome = body.take(more_than_kept).read_to_end(&mut bytes);
    let is_cut = bytes.len() > limit;
    bytes.truncate(limit);
    let is_full = bytes.len() == limit;
    Kept {
        text: String::from_utf8(bytes)
            .unwrap_or_else(|error| lossy_text(error.as_bytes(), is_cut, limit)),
        // What breaks behind the part that is kept doesn't matter.
        broken: outcome.err().filter(|_| !is_full),
    }
}

/// Bytes as text. Each broken sequence becomes one U+FFFD, but for the last of a text that was cut: it is the start of
/// a character whose rest was cut off.
fn lossy_text(bytes: &[u8], is_cut: bool, limit: usize) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut chunks = bytes.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        text.push_str(chunk.valid());
        let is_rest = is_cut && chunks.peek().is_none();
        if !chunk.invalid().is_empty() && !is_rest {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    // A replacement is longer than what it replaces.
    text.truncate(text.floor_char_boundary(limit));
    text
}

/// The verdict on an answer of `place`.
pub(crate) fn judge(
    place: &str,
    status: StatusCode,
    headers: &HeaderMap,
    text: String,
    now: SystemTime,
) -> Result<Output, Failure> {
    let code = Some(i32::from(status.as_u16()));
    if status.is_success() {
        return Ok(Output { text, status: code });
    }
    let name = status.canonical_reason().unwrap_or("");
    let reason = format!("{place} answered {} {name}", status.as_u16());
    Err(Failure {
        reason: reason.trim_end().to_owned(),
        status: code,
        output: text,
        retry: advice(status, headers, now),
    })
}

fn advice(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> RetryAdvice {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if header("poulpe-retry").is_some_and(|value| value.trim().eq_ignore_ascii_case("never")) {
        return RetryAdvice::Never;
    }
    let may_ask_to_wait = matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    );
    if !may_ask_to_wait {
        return RetryAdvice::Later;
    }
    match header(RETRY_AFTER.as_str()).and_then(|value| retry_after(value.trim(), now)) {
        Some(wait) => RetryAdvice::After(wait.min(MAX_RETRY_AFTER)),
        None => RetryAdvice::Later,
    }
}

fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let digits_only = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    if digits_only {
        // More seconds than fit are more than the longest wait anyway.
        return Some(value.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    // A date that has passed asks for no wait.
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_cut_at_a_character() {
        let text = "äöü".as_bytes();
        for (limit, kept) in [
            (0, ""),
            (1, ""),
            (2, "ä"),
            (3, "ä"),
            (5, "äö"),
            (6, "äöü"),
            (9, "äöü"),
        ] {
            assert_eq!(read_body(text, limit).text, kept, "{limit}");
        }
    }

    #[test]
    fn broken_utf8_is_replaced_and_stays_within_the_limit() {
        assert_eq!(read_body(&b"a\xffb\xc3"[..], 10).text, "a\u{fffd}b\u{fffd}");
        assert_eq!(read_body(&[0xff_u8; 100][..], 100).text.len(), 99);
    }

    #[test]
    fn not_a_byte_more_than_needed_is_read() {
        let mut endless = io::repeat(b'x').take(1_000);
        read_body(&mut endless, 10);
        assert_eq!(endless.limit(), 989);
    }

    #[test]
    fn what_breaks_behind_the_part_that_is_kept_does_not_matter() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let broken = |limit| read_body(b"abc".chain(Broken), limit).broken.is_some();
        assert_eq!((broken(2), broken(3), broken(4)), (false, false, true));
    }

    #[test]
    fn only_2xx_is_success() {
        let judged = |code: u16| {
            let status = StatusCode::from_u16(code).unwrap();
            judge(
                "h:80",
                status,
                &HeaderMap::new(),
                String::new(),
                SystemTime::UNIX_EPOCH,
            )
        };
        for code in [200, 201, 202, 204, 206, 299] {
            assert!(judged(code).is_ok(), "{code}");
        }
        for (code, reason) in [
            (101, "h:80 answered 101 Switching Protocols"),
            (304, "h:80 answered 304 Not Modified"),
            (404, "h:80 answered 404 Not Found"),
            (500, "h:80 answered 500 Internal Server Error"),
            (599, "h:80 answered 599"),
        ] {
            let failure = judged(code).unwrap_err();
            assert_eq!(
                (failure.reason.as_str(), failure.status),
                (reason, Some(i32::from(code)))
            );
        }
    }

    #[test]
    fn the_target_says_when_to_try_again() {
        let after = |seconds| RetryAdvice::After(Duration::from_secs(seconds));
        let later = RetryAdvice::Later;
        // 1970-01-01T00:01:40Z
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        for (code, name, value, expected) in [
            (503, "retry-after", "7", after(7)),
            (429, "retry-after", " 7 ", after(7)),
            (429, "retry-after", "0", after(0)),
            (429, "retry-after", "3601", after(3_600)),
            (429, "retry-after", "99999999999999999999999", after(3_600)),
            (
                429,
                "retry-after",
                "Thu, 01 Jan 1970 00:02:00 GMT",
                after(20),
            ),
            (
                429,
                "retry-after",
                "Thu, 01 Jan 1970 00:00:00 GMT",
                after(0),
            ),
            (
                429,
                "retry-after",
                "Fri, 02 Jan 1970 00:00:00 GMT",
                after(3_600),
            ),
            (429, "retry-after", "-7", later),
            (429, "retry-after", "soon", later),
            (429, "retry-after", "", later),
            (500, "retry-after", "7", later),
            (404, "poulpe-retry", "never", RetryAdvice::Never),
            (503, "poulpe-retry", " Never", RetryAdvice::Never),
            (503, "poulpe-retry", "always", later),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            let status = StatusCode::from_u16(code).unwrap();
            assert_eq!(
                advice(status, &headers, now),
                expected,
                "{code} {name} {value}"
            );
        }
    }
}
