//! Reads what stands in a URL: ids in the path, numbers and names in the query. Never trusts any of it: each error
//! names the parameter and what would be right. Used by the routes.

use percent_encoding::percent_decode_str;
use poulpe_core::{JobId, State, wire::MAX_WAIT};
use std::borrow::Cow;
use std::time::Duration;

/// No store numbers a job higher; a cursor beyond it would only invite overflows.
const LAST_SEQUENCE: u64 = i64::MAX as u64;
/// How much of a wrong value an error repeats.
const SHOWN_CHARS: usize = 40;

/// The id in the rest of a path: percent-encoded, or as it is where the URL allows that (a slash does).
pub(crate) fn id(rest: &str) -> Result<JobId, String> {
    let text = percent_decode_str(rest)
        .decode_utf8()
        .map_err(|_| "`id`: is not UTF-8 after percent-decoding".to_string())?;
    JobId::new(&text).map_err(|error| format!("`id`: {error}"))
}

/// Seconds, as an integer or a fraction, at most an hour.
pub(crate) fn seconds(
    query: Option<&str>,
    name: &str,
    default: Duration,
) -> Result<Duration, String> {
    let Some(text) = value(query, name) else {
        return Ok(default);
    };
    // The parser would take "inf", "nan" and "1e3" too; the first two then fail the range.
    let duration = text.parse().ok().map(Duration::try_from_secs_f64);
    match duration {
        Some(Ok(duration)) if duration <= MAX_WAIT => Ok(duration),
        _ => Err(format!(
            "`{name}`: must be a number of seconds from 0 to {}, not {}",
            MAX_WAIT.as_secs(),
            shown(&text)
        )),
    }
}

/// How many entries of a list.
pub(crate) fn limit(query: Option<&str>, default: usize, most: usize) -> Result<usize, String> {
    let Some(text) = value(query, "limit") else {
        return Ok(default);
    };
    match text.parse() {
        Ok(number) if number <= most => Ok(number),
        _ => Err(format!(
            "`limit`: must be a whole number from 0 to {most}, not {}",
            shown(&text)
        )),
    }
}

/// The cursor of a list.
pub(crate) fn after(query: Option<&str>) -> Result<Option<u64>, String> {
    let Some(text) = value(query, "after") else {
        return Ok(None);
    };
    match text.parse() {
        Ok(sequence) if sequence <= LAST_SEQUENCE => Ok(Some(sequence)),
        _ => Err(format!(
            "`after`: must be the `next` of the previous page, not {}",
            shown(&text)
        )),
    }
}

/// A state by its name.
pub(crate) fn state(query: Option<&str>) -> Result<Option<State>, String> {
    let Some(text) = value(query, "state") else {
        return Ok(None);
    };
    State::parse(&text).map(Some).ok_or_else(|| {
        let names = State::ALL.map(State::as_str).join(", ");
        format!("`state`: must be one of {names}, not {}", shown(&text))
    })
}

/// The first value of this name. What can't be UTF-8 is replaced, and then refused as no number or name.
pub(crate) fn value<'a>(query: Option<&'a str>, name: &str) -> Option<Cow<'a, str>> {
    let pairs = query?.split('&');
    let mut named = pairs.filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then_some(value)
    });
    named
        .next()
        .map(|value| percent_decode_str(value).decode_utf8_lossy())
}

fn shown(text: &str) -> String {
    let short: String = text.chars().take(SHOWN_CHARS).collect();
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_percent_decoded_and_may_hold_slashes() {
        for (rest, text) in [
            ("a", "a"),
            ("a%2Fb", "a/b"),
            ("a/b", "a/b"),
            ("a%20b", "a b"),
            ("%F0%9F%90%99", "🐙"),
            ("a+b", "a+b"),
            ("100%", "100%"),
            ("%252F", "%2F"),
        ] {
            assert_eq!(id(rest).unwrap().as_str(), text, "{rest}");
        }
    }

    #[test]
    fn what_is_no_id_is_refused_by_name() {
        for rest in ["%ff", "a%0Ab", "%00", &"x".repeat(201)] {
            assert!(id(rest).unwrap_err().starts_with("`id`"), "{rest}");
        }
    }

    #[test]
    fn seconds_may_be_fractions_up_to_an_hour() {
        let of = |query| seconds(Some(query), "timeout", Duration::from_secs(60));
        assert_eq!(of("a=b"), Ok(Duration::from_secs(60)));
        assert_eq!(of("timeout=0"), Ok(Duration::ZERO));
        assert_eq!(of("a=1&timeout=0.25"), Ok(Duration::from_millis(250)));
        assert_eq!(of("timeout=3600"), Ok(MAX_WAIT));
        for bad in ["", "x", "-1", "3600.1", "nan", "inf", "1e300", "1s", "%ff"] {
            let query = format!("timeout={bad}");
            let reason = seconds(Some(&query), "timeout", Duration::ZERO).unwrap_err();
            assert!(reason.contains("`timeout`"), "{bad}");
        }
    }

    #[test]
    fn numbers_and_names_have_their_ranges() {
        assert_eq!(limit(None, 100, 1000), Ok(100));
        assert_eq!(limit(Some("limit=0"), 100, 1000), Ok(0));
        assert!(limit(Some("limit=1001"), 100, 1000).is_err());
        assert!(limit(Some("limit=-1"), 100, 1000).is_err());
        assert_eq!(after(Some("after=7")), Ok(Some(7)));
        for bad in ["x", "-1", "18446744073709551615"] {
            assert!(after(Some(&format!("after={bad}"))).is_err(), "{bad}");
        }
        assert_eq!(state(Some("state=dead")), Ok(Some(State::Dead)));
        assert!(state(Some("state=gone")).unwrap_err().contains("retrying"));
    }
}
