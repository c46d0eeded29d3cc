//! What is on at this moment: worth sending only while fresh, never stored as history.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::media::MediaItem;
use crate::units::optional_millis;

/// How old a live signal may be.
pub const FRESH: TimeDelta = TimeDelta::minutes(2);

/// What a player is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Playing {
    /// It plays.
    Started,
    /// It is paused.
    Paused,
    /// It has stopped, or the play is finished.
    Stopped,
}

/// The present state of one session, as a service is told it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveState {
    /// What the player is doing.
    pub playing: Playing,
    /// What it plays.
    pub media: MediaItem,
    /// How far it is, where that is known.
    #[serde(
        default,
        with = "optional_millis",
        rename = "position_ms",
        skip_serializing_if = "Option::is_none"
    )]
    pub position: Option<TimeDelta>,
    /// How far it is, 0–100, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_percent: Option<f64>,
    /// The percentage at which this connection counts the item as played.
    pub threshold_percent: f64,
    /// When the state began.
    pub at: DateTime<Utc>,
}

impl LiveState {
    /// Says whether it is too old to be worth sending.
    pub fn is_stale(&self, now: DateTime<Utc>) -> bool {
        now - self.at > FRESH
    }
}
