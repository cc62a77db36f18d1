//! The headers of a call: the job's own, checked, and poulpe's. Never lets a job touch the framing of the request.
//! Used by the check of a task and to build the request.

use crate::target::{Legal, encode};
use poulpe_core::{BadTask, JobId};
use ureq::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

/// Names, values and four bytes each for `: ` and the line break; most servers take no more than 8 to 64 KiB.
const MAX_BYTES: usize = 32 * 1024;

const JOB_ID: HeaderName = HeaderName::from_static("poulpe-job-id");
const ATTEMPT: HeaderName = HeaderName::from_static("poulpe-attempt");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Set from the URL and the body, or an affair of the connection and not of the call.
const NOT_YOURS: [&str; 13] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "poulpe-job-id",
    "poulpe-attempt",
];

/// Of the job's own headers those that another host may see; all others may be secrets.
const HARMLESS: [&str; 5] = [
    "accept",
    "accept-language",
    "content-type",
    "idempotency-key",
    "user-agent",
];

/// The job's own headers.
pub(crate) fn own(headers: &[(String, String)]) -> Result<HeaderMap, BadTask> {
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.len() + value.len() + 4)
        .sum();
    if bytes > MAX_BYTES {
        return Err(bad(format!(
            "are {bytes} bytes long, at most {MAX_BYTES} are allowed"
        )));
    }
    let mut own = HeaderMap::new();
    for (name, value) in headers {
        let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
            return Err(bad(format!(
                "{name:?} is not a header name; use letters, digits and hyphens"
            )));
        };
        if NOT_YOURS.contains(&parsed.as_str()) {
            return Err(bad(format!("{name:?} is set by poulpe; leave it out")));
        }
        // The value may be a secret and isn't repeated.
        let parsed_value = HeaderValue::from_str(value)
            .ok()
            .filter(|_| value.is_ascii());
        let Some(value) = parsed_value else {
            return Err(bad(format!(
                "the value of {name:?} must be one line of printable ASCII; percent-encode anything else"
            )));
        };
        own.append(parsed, value);
    }
    Ok(own)
}

/// Adds poulpe's headers to the job's own.
pub(crate) fn add_ours(
    headers: &mut HeaderMap,
    id: &JobId,
    attempt: u32,
    has_body: bool,
) -> Result<(), BadTask> {
    let id = HeaderValue::from_str(&encode_id(id.as_str()))
        .map_err(|error| BadTask::new("id", format!("can't be sent in a header: {error}")))?;
    headers.insert(JOB_ID, id.clone());
    headers.insert(ATTEMPT, HeaderValue::from(attempt));
    headers.entry(IDEMPOTENCY_KEY).or_insert(id);
    if has_body {
        headers
            .entry(CONTENT_TYPE)
            .or_insert(HeaderValue::from_static("application/json"));
    }
    Ok(())
}

/// Takes away what another host must not see.
pub(crate) fn remove_secrets(headers: &mut HeaderMap, own: &HeaderMap) {
    for name in own.keys() {
        if !HARMLESS.contains(&name.as_str()) {
            headers.remove(name);
        }
    }
}

/// Takes away what describes a body.
pub(crate) fn remove_body(headers: &mut HeaderMap) {
    let of_body = |name: &HeaderName| name.as_str().starts_with("content-");
    let names: Vec<HeaderName> = headers
        .keys()
        .filter(|name| of_body(name))
        .cloned()
        .collect();
    for name in names {
        headers.remove(name);
    }
}

/// Makes an id fit into a header so that decoding gives it back and different ids stay different.
fn encode_id(id: &str) -> String {
    const PRINTABLE: Legal =
        Legal::beside_letters_and_digits(b" !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~");
    let encoded = encode(id, &PRINTABLE);
    // Servers strip white space around a value.
    let inner = encoded.trim_matches(' ');
    if inner.len() == encoded.len() {
        return encoded;
    }
    let start = encoded.len() - encoded.trim_start_matches(' ').len();
    let end = encoded.len() - start - inner.len();
    format!("{}{inner}{}", "%20".repeat(start), "%20".repeat(end))
}

fn bad(reason: String) -> BadTask {
    BadTask::new("headers", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(name: &str, value: &str) -> [(String, String); 1] {
        [(name.into(), value.into())]
    }

    #[test]
    fn headers_that_break_the_request_are_refused() {
        for (name, value) in [
            ("", "x"),
            ("a b", "x"),
            ("a:", "x"),
            ("a\r\nb", "x"),
            ("ü", "x"),
            ("x-a", "1\r\nHost: evil"),
            ("x-a", "1\n"),
            ("x-a", "\0"),
            ("x-a", "ü"),
            ("Host", "evil"),
            ("content-length", "0"),
            ("Transfer-Encoding", "chunked"),
            ("CONNECTION", "close"),
            ("Expect", "100-continue"),
            ("Upgrade", "websocket"),
            ("Poulpe-Attempt", "9"),
        ] {
            let error = own(&pairs(name, value)).unwrap_err();
            assert_eq!(error.field, "headers", "{name:?}: {value:?}");
        }
    }

    #[test]
    fn the_value_of_a_bad_header_is_not_repeated() {
        let error = own(&pairs("authorization", "Bearer s3cret\n")).unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }

    #[test]
    fn too_many_headers_are_refused() {
        let many = vec![("x".to_owned(), "y".repeat(1_000)); 40];
        assert!(own(&many).is_err());
        assert!(own(&many[..30]).is_ok());
    }

    #[test]
    fn ids_survive_the_header() {
        for (id, header) in [
            ("order/17", "order/17"),
            ("order 17", "order 17"),
            (" x  ", "%20x%20%20"),
            ("  ", "%20%20"),
            ("ü🐙", "%C3%BC%F0%9F%90%99"),
            ("%C3%BC", "%25C3%25BC"),
            ("a\"b\\c", "a\"b\\c"),
        ] {
            assert_eq!(encode_id(id), header);
        }
    }
}
