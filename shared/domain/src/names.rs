//! Who and where: users, plays, sources, servers, accounts, players.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Why a name was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}")]
pub struct NotAName {
    /// What was expected.
    pub what: &'static str,
    /// What stood there.
    pub text: String,
}

impl NotAName {
    pub(crate) fn new(what: &'static str, text: &str) -> Self {
        Self {
            what,
            text: text.chars().take(80).collect(),
        }
    }
}

/// A user of the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub Uuid);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for UserId {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        Uuid::parse_str(text)
            .map(Self)
            .map_err(|_| NotAName::new("user id (a UUID)", text))
    }
}

/// The name of a play for all time: it begins with the first-seen start, so that the table's key follows from it.
///
/// `20261120T133951250Z-1f2e3d4c5b6a7988`; a play without a date begins with `undated`, and sorts before all others.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlayId(String);

const STAMP: &str = "%Y%m%dT%H%M%S%3fZ";
const UNDATED: &str = "00000000T000000000Z";

impl PlayId {
    /// Names the play of `user` and `item` that began at `started_at`.
    ///
    /// The same arguments give the same name, so a repeated message names the same play.
    pub fn new(user: UserId, item: &ItemKey, started_at: Option<DateTime<Utc>>) -> Self {
        let stamp =
            started_at.map_or_else(|| UNDATED.to_owned(), |at| at.format(STAMP).to_string());
        let mut hash = Sha256::new();
        hash.update(user.0.as_bytes());
        hash.update(item.as_str());
        let hash = hex::encode(&hash.finalize()[..8]);
        Self(format!("{stamp}-{hash}"))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first-seen start that the name begins with; none for an undated play.
    pub fn first_started_at(&self) -> Option<DateTime<Utc>> {
        let stamp = self.0.split('-').next()?;
        NaiveDateTime::parse_from_str(stamp, STAMP)
            .ok()
            .map(|at| at.and_utc())
    }
}

impl fmt::Display for PlayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<PlayId> for String {
    fn from(id: PlayId) -> Self {
        id.0
    }
}

impl TryFrom<String> for PlayId {
    type Error = NotAName;
    fn try_from(text: String) -> Result<Self, NotAName> {
        let well_formed = text.len() == 36
            && text.is_char_boundary(19)
            && text.as_bytes()[19] == b'-'
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if well_formed {
            Ok(Self(text))
        } else {
            Err(NotAName::new("play id", &text))
        }
    }
}

impl FromStr for PlayId {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        Self::try_from(text.to_owned())
    }
}

/// The hub's own name of an item of one user's history: the first alias it was ever seen under.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ItemKey(String);

impl ItemKey {
    /// Names an item by its first alias.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ItemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where events come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Plex Media Server's webhooks.
    Plex,
    /// Jellyfin: the official webhook plugin, its templates, and the unofficial plugin.
    Jellyfin,
    /// Emby's webhooks.
    Emby,
    /// Tautulli's webhook agent.
    Tautulli,
    /// Kodi's add-ons.
    Kodi,
    /// Our own event format: a media server that speaks to the hub itself.
    Canonical,
    /// A scrobble queued by hand.
    Queue,
}

impl Source {
    /// The sources that have a webhook address.
    pub const WEBHOOKS: [Source; 5] = [
        Self::Plex,
        Self::Jellyfin,
        Self::Emby,
        Self::Tautulli,
        Self::Kodi,
    ];

    /// The name in addresses and keys.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plex => "plex",
            Self::Jellyfin => "jellyfin",
            Self::Emby => "emby",
            Self::Tautulli => "tautulli",
            Self::Kodi => "kodi",
            Self::Canonical => "canonical",
            Self::Queue => "queue",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Source {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        let all = Self::WEBHOOKS
            .into_iter()
            .chain([Self::Canonical, Self::Queue]);
        all.into_iter()
            .find(|source| source.name() == text)
            .ok_or_else(|| NotAName::new("source", text))
    }
}

/// One media server: the source it is of, and its own id there (`-` where the source names none).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServerRef {
    /// What kind of server it is.
    pub source: Source,
    /// The server's own id, or `-`.
    pub id: String,
    /// Its name, for display.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl ServerRef {
    /// A server that tells its id.
    pub fn new(source: Source, id: impl Into<String>) -> Self {
        Self {
            source,
            id: id.into(),
            name: None,
        }
    }

    /// A server that names itself nowhere.
    pub fn unnamed(source: Source) -> Self {
        Self::new(source, "-")
    }

    /// Says whether its content ids are those of the media server that tells the hub its library.
    pub const fn has_library(&self) -> bool {
        matches!(self.source, Source::Canonical | Source::Queue)
    }
}

/// A person as the source knows them: a stable id, a name, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Account {
    /// The source's stable id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name shown to people; may change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Account {
    /// Says whether the source named nobody.
    pub fn is_unnamed(&self) -> bool {
        self.id.is_none() && self.name.is_none()
    }

    /// The key under which the account is kept: the stable id where there is one, else the name, folded.
    pub fn key(&self) -> Option<String> {
        match (&self.id, &self.name) {
            (Some(id), _) => Some(format!("id:{id}")),
            (None, Some(name)) => Some(format!("name:{}", fold_account_name(name))),
            (None, None) => None,
        }
    }
}

/// An account's name as it is compared: without white space around it and without case.
pub fn fold_account_name(name: &str) -> String {
    name.trim().to_lowercase()
}

/// The player or device on which something plays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Player {
    /// The source's id of the player.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name, for display.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> UserId {
        UserId(Uuid::from_u128(7))
    }

    #[test]
    fn a_play_id_keeps_its_stored_format() {
        let at = DateTime::parse_from_rfc3339("2026-11-20T13:39:51.250Z")
            .unwrap()
            .to_utc();
        let id = PlayId::new(user(), &ItemKey::new("movie:imdb:tt0133093"), Some(at));
        assert_eq!(id.as_str(), "20261120T133951250Z-fa27c9220fb55db2");
        assert_eq!(id.first_started_at(), Some(at));
        assert_eq!(id.as_str().parse::<PlayId>().as_ref(), Ok(&id));
    }

    #[test]
    fn an_undated_play_sorts_before_every_dated_one() {
        let item = ItemKey::new("book:isbn:9780261103573");
        let dated = PlayId::new(user(), &item, DateTime::from_timestamp(0, 0));
        let undated = PlayId::new(user(), &item, None);
        assert!(undated < dated);
        assert_eq!(undated.first_started_at(), None);
    }

    #[test]
    fn what_is_no_play_id_is_refused() {
        for text in [
            "",
            "20261120T133951250Z",
            "20261120T133951250Z-fa27c9220fb55db#",
            "ä",
        ] {
            assert!(text.parse::<PlayId>().is_err(), "{text}");
        }
    }
}
