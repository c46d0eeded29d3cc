//! What AniList keeps: one entry a series, its progress a counter. No history of plays.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::score::ScoreFormat;
use crate::limits::SlidingWindow;
use crate::samples::Anime;
use crate::sign_in::SignIn;

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Being watched.
    Current,
    /// Planned.
    Planning,
    /// Seen to its end.
    Completed,
    /// Given up.
    Dropped,
    /// On hold.
    Paused,
    /// Being watched again.
    Repeating,
}

impl Status {
    pub(crate) const ALL: [Status; 6] = [
        Status::Current,
        Status::Planning,
        Status::Completed,
        Status::Dropped,
        Status::Paused,
        Status::Repeating,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Status::Current => "CURRENT",
            Status::Planning => "PLANNING",
            Status::Completed => "COMPLETED",
            Status::Dropped => "DROPPED",
            Status::Paused => "PAUSED",
            Status::Repeating => "REPEATING",
        }
    }

    pub(crate) fn read(word: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.word() == word)
    }

    /// The name of its list.
    pub(crate) fn list(self) -> &'static str {
        match self {
            Status::Current => "Watching",
            Status::Planning => "Planning",
            Status::Completed => "Completed",
            Status::Dropped => "Dropped",
            Status::Paused => "Paused",
            Status::Repeating => "Rewatching",
        }
    }
}

/// A date of which parts may be unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct FuzzyDate {
    /// Such as 2026.
    pub year: Option<i64>,
    /// 1 to 12.
    pub month: Option<i64>,
    /// 1 to 31.
    pub day: Option<i64>,
}

/// One entry of a user's anime list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The number of the entry itself.
    pub id: u64,
    /// AniList's number of the anime.
    pub media: u64,
    /// Where it stands.
    pub status: Status,
    /// 0 to 100; 0 is no score.
    pub score_raw: u32,
    /// How many episodes were watched.
    pub progress: u32,
    /// How many times it was watched again.
    pub repeat: u32,
    /// 0 to 255.
    pub priority: u32,
    /// Whether only its owner sees it.
    pub private: bool,
    /// Whether it is left out of the lists by status.
    pub hidden: bool,
    /// The user's notes.
    pub notes: Option<String>,
    /// When the user began.
    pub started_at: FuzzyDate,
    /// When the user was through.
    pub completed_at: FuzzyDate,
    /// The user's own lists that it is on.
    pub custom_lists: BTreeSet<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

pub(crate) struct State {
    pub(crate) sign_in: SignIn,
    pub(crate) users: BTreeMap<String, Account>,
    pub(crate) catalogue: BTreeMap<u64, Anime>,
    pub(crate) requests: SlidingWindow,
    pub(crate) enforces_limits: bool,
    /// Nobody is answered before: the pause after one request too many.
    pub(crate) paused_until: Option<DateTime<Utc>>,
    pub(crate) next_id: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) score_format: ScoreFormat,
    pub(crate) is_hidden: bool,
    /// By the number of the anime.
    pub(crate) entries: BTreeMap<u64, Entry>,
}

impl State {
    pub(crate) fn account(&mut self, user: &str) -> &mut Account {
        self.sign_in.open_account(user);
        self.users.entry(user.to_owned()).or_default()
    }

    /// The name of the account with that number or that name.
    pub(crate) fn user(&self, id: Option<u64>, name: Option<&str>) -> Option<String> {
        let is_meant = |(known, number): &(&String, &u64)| {
            id.map_or_else(
                || name.is_some_and(|name| name.eq_ignore_ascii_case(known)),
                |id| id == **number,
            )
        };
        let found = self.sign_in.accounts.iter().find(is_meant);
        found.map(|(name, _)| name.clone())
    }

    pub(crate) fn list(&self, user: &str) -> Vec<Entry> {
        self.users
            .get(user)
            .map(|account| account.entries.values().cloned().collect())
            .unwrap_or_default()
    }

    /// The entry of that number, and whose it is.
    pub(crate) fn entry(&self, id: u64) -> Option<(&str, &Entry)> {
        self.users.iter().find_map(|(user, account)| {
            let entry = account.entries.values().find(|entry| entry.id == id)?;
            Some((user.as_str(), entry))
        })
    }

    /// The entries before and after one, of the same show.
    pub(crate) fn relations(&self, media: u64) -> Vec<(&'static str, u64)> {
        let Some(show) = self.catalogue.get(&media).and_then(|anime| anime.tvdb_show) else {
            return Vec::new();
        };
        let mut row: Vec<_> = self
            .catalogue
            .values()
            .filter(|anime| anime.tvdb_show == Some(show))
            .filter_map(|anime| {
                let part = anime.parts.first()?;
                Some(((part.season, part.first), anime.anilist))
            })
            .collect();
        row.sort_unstable();
        let Some(at) = row.iter().position(|(_, id)| *id == media) else {
            return Vec::new();
        };
        let before = at.checked_sub(1).and_then(|before| row.get(before));
        let after = row.get(at + 1);
        let before = before.map(|(_, id)| ("PREQUEL", *id));
        let after = after.map(|(_, id)| ("SEQUEL", *id));
        before.into_iter().chain(after).collect()
    }

    /// Everything it holds, for people and tests; no token.
    pub(crate) fn shown(&self) -> Value {
        let users: serde_json::Map<String, Value> = self
            .users
            .iter()
            .map(|(user, account)| {
                let list: Vec<&Entry> = account.entries.values().collect();
                let shown = json!({"score_format": account.score_format, "list": list});
                (user.clone(), shown)
            })
            .collect();
        json!({"service": "anilist", "users": users})
    }
}
