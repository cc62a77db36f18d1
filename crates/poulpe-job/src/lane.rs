//! Lanes: the numbers of the workers, and sets of them that confine a job.

use serde::{Deserialize, Serialize};

/// The number of a worker, counted from 0.
pub type Lane = u16;

/// The most lanes that one daemon may have.
pub const MAX_LANES: u16 = 1024;

/// The lanes that a job may run on. The empty set means any lane. Sorted and free of repeats, so equal sets compare
/// equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct LaneSet(Box<[Lane]>);

/// Why a text isn't a set of lanes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not a lane; give lane numbers from 0 separated by spaces, such as \"1 3\"")]
pub struct BadLanes {
    /// The word that isn't a number of a lane.
    pub word: String,
}

impl LaneSet {
    /// The set that allows every lane.
    pub fn any() -> Self {
        Self::default()
    }

    /// A set of these lanes; no lane at all means any.
    pub fn new(lanes: impl IntoIterator<Item = Lane>) -> Self {
        let mut lanes: Vec<Lane> = lanes.into_iter().collect();
        lanes.sort_unstable();
        lanes.dedup();
        Self(lanes.into())
    }

    /// Reads the `cc` of the contract: lane numbers separated by white space.
    ///
    /// ```
    /// # use poulpe_job::LaneSet;
    /// assert_eq!(LaneSet::parse(" 3 1 3 "), Ok(LaneSet::new([1, 3])));
    /// assert!(LaneSet::parse("-1").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, BadLanes> {
        let mut lanes = Vec::new();
        for word in text.split_whitespace() {
            let digits_only = word.bytes().all(|b| b.is_ascii_digit());
            match word.parse::<Lane>() {
                Ok(lane) if digits_only && lane < MAX_LANES => lanes.push(lane),
                _ => {
                    return Err(BadLanes {
                        word: word.chars().take(40).collect(),
                    });
                }
            }
        }
        Ok(Self::new(lanes))
    }

    /// Whether the job may run anywhere.
    pub fn is_any(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a job with this set may run on `lane`.
    pub fn allows(&self, lane: Lane) -> bool {
        self.is_any() || self.0.binary_search(&lane).is_ok()
    }

    /// The lanes in ascending order; empty for the set that allows any.
    pub fn lanes(&self) -> &[Lane] {
        &self.0
    }

    /// The form of the contract: numbers separated by one space.
    pub fn to_text(&self) -> String {
        self.0
            .iter()
            .map(Lane::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_lanes_means_any_lane() {
        assert!(LaneSet::parse("").is_ok_and(|set| set.allows(77)));
        assert!(LaneSet::parse(" \t").is_ok_and(|set| set.is_any()));
    }

    #[test]
    fn words_that_are_no_lanes_are_named() {
        for bad in ["-1", "x", "+1", "1,2", "1.5", "99999999999", "1024"] {
            assert_eq!(LaneSet::parse(bad), Err(BadLanes { word: bad.into() }));
        }
    }
}
