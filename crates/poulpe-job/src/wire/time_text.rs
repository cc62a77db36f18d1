//! Points in time as RFC 3339 text.

use crate::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Reads an RFC 3339 time; a fraction finer than a millisecond is rounded up, so that nothing is due early.
pub fn parse_rfc3339(text: &str) -> Result<Timestamp, String> {
    let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|e| {
        format!("{text:?} is not an RFC 3339 time such as 2027-01-31T08:00:00Z ({e})")
    })?;
    let millis = at.unix_timestamp_nanos().div_euclid(1_000_000);
    let has_rest = at.unix_timestamp_nanos().rem_euclid(1_000_000) > 0;
    let millis = i64::try_from(millis).map_err(|_| format!("{text:?} is out of range"))?;
    Ok(Timestamp::from_millis(millis + i64::from(has_rest)))
}

/// Writes a point in time as RFC 3339 in UTC with milliseconds. Points beyond the year 9999 print as that year's end.
pub fn rfc3339(at: Timestamp) -> String {
    let nanos = i128::from(at.as_millis()) * 1_000_000;
    match OffsetDateTime::from_unix_timestamp_nanos(nanos) {
        Ok(t) => format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            t.year(),
            u8::from(t.month()),
            t.day(),
            t.hour(),
            t.minute(),
            t.second(),
            t.millisecond()
        ),
        Err(_) => "9999-12-31T23:59:59.999Z".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_survives_the_round_trip() {
        let at = Timestamp::from_millis(1_795_500_000_123);
        assert_eq!(parse_rfc3339(&rfc3339(at)), Ok(at));
        assert_eq!(
            parse_rfc3339("1970-01-01T01:00:00+01:00"),
            Ok(Timestamp::from_millis(0))
        );
    }

    #[test]
    fn a_finer_fraction_is_rounded_up() {
        assert_eq!(
            parse_rfc3339("1970-01-01T00:00:00.0000001Z"),
            Ok(Timestamp::from_millis(1))
        );
        assert_eq!(
            parse_rfc3339("1969-12-31T23:59:59.9999999Z"),
            Ok(Timestamp::from_millis(0))
        );
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in [
            "",
            "tomorrow",
            "2027-02-30T00:00:00Z",
            "2027-01-01",
            "2027-01-01T00:00:00",
        ] {
            assert!(parse_rfc3339(bad).is_err(), "{bad}");
        }
    }
}
