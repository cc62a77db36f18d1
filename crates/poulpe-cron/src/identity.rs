//! The id of a schedule, from which those of its jobs are made. The same line has the same id on every machine and in
//! every version: a change here makes schedules fire twice or never at an upgrade.

use crate::calendar::{DAY, END, date};
use poulpe_job::{BadId, JobId, Kind, Params, Timestamp};
use siphasher::sip128::{Hash128, Hasher128, SipHasher13};
use std::hash::Hasher;
use std::sync::Arc;

/// The id of a schedule: a hash of its line, or the `ID` it was given. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScheduleId(Arc<str>);

impl ScheduleId {
    /// Takes an id that was chosen. It must leave room for a fire time in the id of a job.
    pub fn new(text: &str) -> Result<Self, BadId> {
        if text.is_empty() {
            return Err(BadId::Empty);
        }
        let id = Self(text.into());
        JobId::new(&id.with_time(Timestamp::from_millis(0)))?;
        Ok(id)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the job for a fire time: `<schedule id>@2027-03-28T01:00:00Z`.
    pub fn job_id(&self, fire: Timestamp) -> JobId {
        JobId::new(&self.with_time(fire))
            .expect("checked when the schedule's id was taken: every time is as long")
    }

    fn with_time(&self, fire: Timestamp) -> String {
        // Fire times lie in the calendar of schedules; whatever else is asked for gets its nearest time.
        let seconds = fire.as_millis().div_euclid(1_000).clamp(0, END);
        let day = date(u32::try_from(seconds / DAY).unwrap_or(0));
        let time = seconds % DAY;
        let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
        format!(
            "{}@{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z",
            self.0, day.year, day.month, day.day
        )
    }
}

impl std::fmt::Display for ScheduleId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What makes two lines the same schedule, but for how often it was seen before.
pub(crate) fn digest(fields: &str, zone: &str, kind: &Kind, name: &str, params: &Params) -> u128 {
    let mut hash = SipHasher13::new();
    let mut text = |tag: u8, text: &str| {
        hash.write(&[tag]);
        hash.write(&(text.len() as u64).to_le_bytes());
        hash.write(text.as_bytes());
    };
    text(1, fields);
    text(2, zone);
    text(3, kind.as_str());
    text(4, name);
    match params {
        Params::Text(params) => text(5, params),
        Params::List(words) => {
            for word in words {
                text(6, word);
            }
        }
    }
    number(hash.finish128())
}

/// The id of the line that is the same as `count` ones above it. 64 bits are enough: ids of one set of files are compared
/// with each other, and a clash is reported.
pub(crate) fn hashed(digest: u128, count: u32) -> ScheduleId {
    let mut hash = SipHasher13::new();
    hash.write(&digest.to_le_bytes());
    hash.write(&count.to_le_bytes());
    ScheduleId(format!("{:016x}", number(hash.finish128()) as u64).into())
}

fn number(hash: Hash128) -> u128 {
    u128::from(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &str, zone: &str, kind: &Kind, name: &str, params: &Params) -> u128 {
        digest(fields, zone, kind, name, params)
    }

    #[test]
    fn every_part_of_a_line_is_part_of_its_id() {
        let text = |text: &str| Params::Text(text.into());
        let digests = [
            of("0 * * * * * *", "UTC", &Kind::GET, "a", &text("b")),
            of("1 * * * * * *", "UTC", &Kind::GET, "a", &text("b")),
            of("0 * * * * * *", "Asia/Tokyo", &Kind::GET, "a", &text("b")),
            of("0 * * * * * *", "UTC", &Kind::POST, "a", &text("b")),
            of("0 * * * * * *", "UTC", &Kind::GET, "ab", &text("")),
            of("0 * * * * * *", "UTC", &Kind::GET, "a", &text("c")),
            of(
                "0 * * * * * *",
                "UTC",
                &Kind::GET,
                "a",
                &Params::List(vec!["b".into()]),
            ),
        ];
        let mut ids: Vec<ScheduleId> = digests.iter().map(|digest| hashed(*digest, 0)).collect();
        ids.push(hashed(digests[0], 1));
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), digests.len() + 1);
    }

    #[test]
    fn an_id_is_the_same_in_every_version() {
        let digest = of(
            "0 * * * * * *",
            "UTC",
            &Kind::GET,
            "http://localhost/",
            &Params::Text("a=1".into()),
        );
        assert_eq!(
            (hashed(digest, 0).as_str(), hashed(digest, 1).as_str()),
            ("e7608d762b7a96a2", "9c684695036434d6")
        );
    }

    #[test]
    fn the_id_of_a_job_ends_with_its_fire_time() {
        let id = ScheduleId::new("nightly").unwrap();
        let job = id.job_id(Timestamp::from_millis(1_806_195_600_000));
        assert_eq!(job.as_str(), "nightly@2027-03-28T01:00:00Z");
    }

    #[test]
    fn a_chosen_id_leaves_room_for_the_time() {
        assert!(ScheduleId::new(&"x".repeat(179)).is_ok());
        assert!(ScheduleId::new(&"x".repeat(180)).is_err());
        assert!(ScheduleId::new("").is_err());
        assert!(ScheduleId::new("a\tb").is_err());
    }
}
