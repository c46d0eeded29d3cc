//! What MyAnimeList keeps: one entry a series, its progress a counter. No history of plays.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use crate::limits::SlidingWindow;
use crate::samples::Anime;
use crate::sign_in::SignIn;

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Being watched.
    Watching,
    /// Seen to its end; being watched again is a switch beside it.
    Completed,
    /// On hold.
    OnHold,
    /// Given up.
    Dropped,
    /// Planned.
    PlanToWatch,
}

impl Status {
    const ALL: [Status; 5] = [
        Status::Watching,
        Status::Completed,
        Status::OnHold,
        Status::Dropped,
        Status::PlanToWatch,
    ];

    /// The word on the wire, such as `plan_to_watch`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Status::Watching => "watching",
            Status::Completed => "completed",
            Status::OnHold => "on_hold",
            Status::Dropped => "dropped",
            Status::PlanToWatch => "plan_to_watch",
        }
    }

    pub(crate) fn read(word: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.word() == word)
    }
}

/// One entry of a user's anime list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// MyAnimeList's number of the anime.
    pub anime: u64,
    /// Where it stands.
    pub status: Status,
    /// 0 to 10; 0 is no score.
    pub score: u32,
    /// How many episodes were watched: `num_watched_episodes` in a request, `num_episodes_watched` in an answer.
    pub episodes_watched: u32,
    /// Whether it is being watched again.
    pub is_rewatching: bool,
    /// How many times it was watched again.
    pub times_rewatched: u32,
    /// 0 to 2.
    pub priority: u32,
    /// 0 to 5.
    pub rewatch_value: u32,
    /// The user's tags.
    pub tags: Vec<String>,
    /// The user's notes.
    pub comments: String,
    /// When the user began.
    pub start_date: Option<NaiveDate>,
    /// When the user was through.
    pub finish_date: Option<NaiveDate>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

pub(crate) struct State {
    pub(crate) api_url: String,
    pub(crate) sign_in: SignIn,
    /// By user, then by the number of the anime.
    pub(crate) users: BTreeMap<String, BTreeMap<u64, Entry>>,
    pub(crate) catalogue: BTreeMap<u64, Anime>,
    /// Entries that only show with `nsfw=true`.
    pub(crate) adult: Vec<u64>,
    /// Entries that wait for their approval: nobody can list them.
    pub(crate) unapproved: Vec<u64>,
    pub(crate) requests: SlidingWindow,
    pub(crate) enforces_limits: bool,
    pub(crate) refuses_address: bool,
}

impl State {
    pub(crate) fn open_account(&mut self, user: &str) -> &mut BTreeMap<u64, Entry> {
        self.sign_in.open_account(user);
        self.users.entry(user.to_owned()).or_default()
    }

    pub(crate) fn entry(&self, user: &str, anime: u64) -> Option<&Entry> {
        self.users.get(user)?.get(&anime)
    }

    /// Everything it holds, for people and tests; no token.
    pub(crate) fn shown(&self) -> Value {
        let users: serde_json::Map<String, Value> = self
            .users
            .iter()
            .map(|(user, list)| {
                let list: Vec<&Entry> = list.values().collect();
                (user.clone(), json!({"list": list}))
            })
            .collect();
        json!({"service": "myanimelist", "users": users})
    }
}
