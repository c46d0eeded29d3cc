//! A parcel: what a lane carries to a service, a play or a statement.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::delivery::Delivery;
use crate::identity::awaits_library;
use crate::media::MediaItem;
use crate::names::{NotAName, PlayId};
use crate::play::Play;
use crate::service::Service;
use crate::statement::{Statement, StatementId};

/// The name of what a lane carries. Plays come before statements.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ParcelId {
    /// A play.
    Play(PlayId),
    /// A statement.
    Statement(StatementId),
}

impl ParcelId {
    /// The play, where it is one.
    pub const fn play(&self) -> Option<&PlayId> {
        match self {
            Self::Play(id) => Some(id),
            Self::Statement(_) => None,
        }
    }

    /// The statement, where it is one.
    pub const fn statement(&self) -> Option<&StatementId> {
        match self {
            Self::Statement(id) => Some(id),
            Self::Play(_) => None,
        }
    }
}

impl fmt::Display for ParcelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Play(id) => id.fmt(f),
            Self::Statement(id) => id.fmt(f),
        }
    }
}

impl FromStr for ParcelId {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        match text.parse() {
            Ok(id) => Ok(Self::Statement(id)),
            Err(_) => text.parse().map(Self::Play),
        }
    }
}

impl TryFrom<String> for ParcelId {
    type Error = NotAName;
    fn try_from(text: String) -> Result<Self, NotAName> {
        text.parse()
    }
}

impl From<ParcelId> for String {
    fn from(id: ParcelId) -> Self {
        id.to_string()
    }
}

impl From<PlayId> for ParcelId {
    fn from(id: PlayId) -> Self {
        Self::Play(id)
    }
}

impl From<StatementId> for ParcelId {
    fn from(id: StatementId) -> Self {
        Self::Statement(id)
    }
}

/// What a lane carries.
#[derive(Debug, Clone, PartialEq)]
pub enum Parcel {
    /// Something that happened.
    Play(Box<Play>),
    /// Something that holds.
    Statement(Box<Statement>),
}

impl Parcel {
    /// Its name.
    pub fn id(&self) -> ParcelId {
        match self {
            Self::Play(play) => play.id.clone().into(),
            Self::Statement(statement) => statement.id.clone().into(),
        }
    }

    /// What it is about.
    pub const fn media(&self) -> &MediaItem {
        match self {
            Self::Play(play) => &play.media,
            Self::Statement(statement) => &statement.media,
        }
    }

    /// Says whether nobody but the media server knows what it is about, so that nobody can be told.
    pub fn awaits_library(&self) -> bool {
        let (item, media) = match self {
            Self::Play(play) => (&play.item, &play.media),
            Self::Statement(statement) => (&statement.id.item, &statement.media),
        };
        awaits_library(item, media)
    }

    /// Its deliveries.
    pub const fn deliveries(&self) -> &BTreeMap<Service, Delivery> {
        match self {
            Self::Play(play) => &play.deliveries,
            Self::Statement(statement) => &statement.deliveries,
        }
    }

    /// Its delivery to a service.
    pub fn delivery(&self, service: Service) -> Option<&Delivery> {
        self.deliveries().get(&service)
    }

    /// Says whether anything is still to be done at a service.
    pub fn is_open_at(&self, service: Service) -> bool {
        match self {
            Self::Play(play) => play.is_open_at(service),
            Self::Statement(statement) => statement
                .deliveries
                .get(&service)
                .is_some_and(|delivery| !delivery.state.is_settled()),
        }
    }

    /// When the hub learned of it.
    pub const fn created_at(&self) -> DateTime<Utc> {
        match self {
            Self::Play(play) => play.created_at,
            Self::Statement(statement) => statement.created_at,
        }
    }

    /// The time by which a lane sorts it: when it was watched, or said.
    pub const fn at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Play(play) => play.watched_at,
            Self::Statement(statement) => Some(statement.since),
        }
    }

    /// The play, where it is one.
    pub const fn play(&self) -> Option<&Play> {
        match self {
            Self::Play(play) => Some(play),
            Self::Statement(_) => None,
        }
    }

    /// The statement, where it is one.
    pub const fn statement(&self) -> Option<&Statement> {
        match self {
            Self::Statement(statement) => Some(statement),
            Self::Play(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_apart_and_plays_come_first() {
        let play: ParcelId = "20261120T133951250Z-1f2e3d4c5b6a7988".parse().unwrap();
        let said: ParcelId = "~rating#movie:imdb:tt0133093".parse().unwrap();
        assert!(play.play().is_some() && said.statement().is_some());
        assert!(play < said && play.to_string() < said.to_string());
        assert!("neither".parse::<ParcelId>().is_err());
    }
}
