//! A play: one finished play of one item by one user, the hub's own history.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::delivery::{Delivery, State};
use crate::media::MediaItem;
use crate::names::{ItemKey, PlayId, UserId};
use crate::service::Service;

/// How exactly the time of a play is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// To the second.
    Second,
    /// To the minute.
    Minute,
    /// To the day, in the user's time zone.
    Day,
    /// Not at all; unknown is a value, never "now".
    Unknown,
}

/// Who reported a play.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sighting {
    /// The road: a session's key, `queue`, `mark`, or `import:<service>`.
    pub road: String,
    /// The time it told: the viewing's start for a session.
    pub at: DateTime<Utc>,
}

/// One finished play of one item by one user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Play {
    /// Its name for all time.
    pub id: PlayId,
    /// Whose it is.
    pub user: UserId,
    /// What was played, as the hub names it.
    pub item: ItemKey,
    /// What was played.
    pub media: MediaItem,
    /// When it began, as well as it is known.
    pub started_at: Option<DateTime<Utc>>,
    /// When the threshold was met, or the end where that is the first we heard of it.
    pub watched_at: Option<DateTime<Utc>>,
    /// How exactly that is known.
    pub precision: Precision,
    /// How far into the item its user was when the play was made, 0–100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_percent: Option<f64>,
    /// A person marked it by hand.
    #[serde(default)]
    pub manual: bool,
    /// Who reported it.
    #[serde(default)]
    pub sightings: Vec<Sighting>,
    /// When the hub learned of it.
    pub created_at: DateTime<Utc>,
    /// Its deliveries.
    #[serde(default)]
    pub deliveries: BTreeMap<Service, Delivery>,
    /// When its user took it back. It stays, unseen, so that no late copy of an event brings it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<DateTime<Utc>>,
}

impl Play {
    /// Says whether anything is still to be done.
    pub fn is_open(&self) -> bool {
        self.deliveries
            .keys()
            .any(|service| self.is_open_at(*service))
    }

    /// Says whether anything is still to be done at a service: to deliver it, or to take it back there.
    pub fn is_open_at(&self, service: Service) -> bool {
        self.deliveries
            .get(&service)
            .is_some_and(|delivery| !delivery.state.is_settled() || self.is_to_be_undone(delivery))
    }

    /// Says whether the service still has what its user took back.
    pub fn is_to_be_undone(&self, delivery: &Delivery) -> bool {
        let is_there = matches!(delivery.state, State::Delivered | State::AlreadyThere);
        self.removed_at.is_some() && is_there && !delivery.undo
    }

    /// The time by which plays are put in order and told to a service that stamps a listen at its start.
    pub fn listened_at(&self) -> Option<DateTime<Utc>> {
        self.started_at.or(self.watched_at)
    }
}
