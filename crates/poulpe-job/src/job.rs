//! A job: a task that a store has accepted, and how far it has come.

use crate::{AttemptError, JobId, Kind, LaneSet, Params, Priority, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The fingerprint of a task; see [`Task::digest`](crate::Task::digest).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Digest(pub [u8; 16]);

/// The way a task came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Door {
    /// HTTP.
    Http,
    /// WebSocket.
    WebSocket,
    /// Kafka.
    Kafka,
    /// A cron file.
    Cron,
    /// The program that embeds the scheduler.
    Library,
    /// Kafka, by a daemon that sends results to a topic: how the job ends is kept in the outbox until it is sent.
    KafkaReply,
}

impl Door {
    /// All that differ by name; see [`place`](Self::place).
    pub const ALL: [Door; 5] = [
        Door::Http,
        Door::WebSocket,
        Door::Kafka,
        Door::Cron,
        Door::Library,
    ];

    /// Where in [`ALL`](Self::ALL) the door with this name is.
    pub fn place(self) -> usize {
        match self {
            Door::KafkaReply => Door::Kafka as usize,
            other => other as usize,
        }
    }

    /// The name in the contract, logs and dead letters.
    pub fn as_str(self) -> &'static str {
        match self {
            Door::Http => "http",
            Door::WebSocket => "websocket",
            Door::Kafka | Door::KafkaReply => "kafka",
            Door::Cron => "cron",
            Door::Library => "library",
        }
    }

    /// Whether the result of a job that came this way is sent somewhere.
    pub fn replies(self) -> bool {
        self == Door::KafkaReply
    }
}

/// A task that a store has accepted. Nothing in it changes while the job lives, but `due`, which a retry moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Unique while the job lives.
    pub id: JobId,
    /// Whether the client chose the id, so that it stays guarded after the end.
    pub id_chosen: bool,
    /// Fingerprint of the task, to tell a repeat from a conflict.
    pub digest: Digest,
    /// Selects the executor.
    pub kind: Kind,
    /// URL, command or mail name.
    pub name: String,
    /// Query string, body or arguments.
    pub params: Params,
    /// Extra headers of GET and POST.
    pub headers: Vec<(String, String)>,
    /// The lanes it is confined to.
    pub lanes: LaneSet,
    /// Rank among ready jobs.
    pub priority: Priority,
    /// The time an attempt may take.
    pub timeout: Duration,
    /// How many failed attempts are followed by another one.
    pub max_retry: u32,
    /// The time between a failed attempt and the next.
    pub retry_interval: Duration,
    /// The way it came in.
    pub door: Door,
    /// When the store accepted it; the store fills it in.
    pub accepted_at: Timestamp,
    /// When it may be claimed next; the store fills it in.
    pub due: Timestamp,
}

/// How far a job has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// How often it was handed out; never reset.
    pub claims: u32,
    /// How often an executor was started for it: the number of its latest attempt. Never reset.
    pub attempts: u32,
    /// How many attempts failed since it was accepted or revived.
    pub failures: u32,
    /// How many started attempts vanished with their worker since it was accepted or revived.
    pub losses: u32,
    /// Somebody asked for it to be cancelled while it ran.
    pub cancel_requested: bool,
    /// What went wrong so far, oldest first.
    pub errors: Vec<AttemptError>,
}

/// Where a job is in its life. Derived from due time, claims and lease; not stored twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not due yet, and never attempted.
    Delayed,
    /// Due, waiting for a free lane.
    Ready,
    /// Under a lease.
    Running,
    /// An attempt failed; waiting for the next one.
    Retrying,
    /// Buried: given up, kept for people.
    Dead,
    /// Ended; only its result is left.
    Done,
}

impl State {
    /// Every state, in the order of a job's life.
    pub const ALL: [State; 6] = [
        State::Delayed,
        State::Ready,
        State::Running,
        State::Retrying,
        State::Dead,
        State::Done,
    ];

    /// The name in the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Delayed => "delayed",
            State::Ready => "ready",
            State::Running => "running",
            State::Retrying => "retrying",
            State::Dead => "dead",
            State::Done => "done",
        }
    }

    /// The state with this name in the contract.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_door_is_at_the_place_of_its_name() {
        let doors = Door::ALL.into_iter().chain([Door::KafkaReply]);
        for door in doors {
            assert_eq!(Door::ALL[door.place()].as_str(), door.as_str());
        }
    }
}
