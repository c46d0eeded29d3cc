//! What Last.fm keeps: accounts, their scrobbles, and who may act for them.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::auth::{Session, Token};
use super::scrobble::OldAnswer;
use crate::limits::SlidingWindow;
use crate::page::Mint;

/// Scrobbles stored a day and account; between the 600 that always worked and the 800 that nobody reports.
const DAILY_LIMIT: usize = 700;

/// Requests an address in five minutes: five a second on average.
const REQUESTS: usize = 1500;

#[derive(Debug)]
pub(crate) struct State {
    /// Secrets by API key.
    pub(crate) apps: BTreeMap<String, String>,
    pub(crate) users: BTreeMap<String, Account>,
    pub(crate) tokens: HashMap<String, Token>,
    pub(crate) sessions: HashMap<String, Session>,
    pub(crate) requests: SlidingWindow,
    pub(crate) enforces_limits: bool,
    pub(crate) daily_limit: usize,
    pub(crate) old_answer: OldAnswer,
    pub(crate) mint: Mint,
}

#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) scrobbles: Vec<Scrobble>,
    /// Second, artist and track: stored once.
    pub(crate) known: HashSet<(i64, String, String)>,
    /// When those of the last day were stored.
    pub(crate) stored_at: VecDeque<DateTime<Utc>>,
    pub(crate) now_playing: Option<NowPlaying>,
    pub(crate) loved: BTreeMap<(String, String), DateTime<Utc>>,
    pub(crate) hides_recent: bool,
}

/// One scrobble in a user's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scrobble {
    /// The artist as sent.
    pub artist: String,
    /// The track as sent.
    pub track: String,
    /// The album, if it was sent.
    pub album: Option<String>,
    /// The album's artist, if it was sent.
    pub album_artist: Option<String>,
    /// When the track began, to the second.
    pub timestamp: DateTime<Utc>,
    /// The track's length in seconds, if it was sent.
    pub duration: Option<i64>,
    /// The number on the album, if it was sent.
    pub track_number: Option<String>,
    /// The MusicBrainz track id, if it was sent.
    pub mbid: Option<String>,
    /// False for radio and other automatic choices.
    pub chosen_by_user: bool,
    /// When Last.fm took it.
    pub received_at: DateTime<Utc>,
}

/// What a user is listening to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NowPlaying {
    /// The artist as sent.
    pub artist: String,
    /// The track as sent.
    pub track: String,
    /// The album, if it was sent.
    pub album: Option<String>,
    /// When it was sent.
    pub since: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
}

impl State {
    pub(crate) fn new(salt: &str) -> State {
        State {
            apps: BTreeMap::new(),
            users: BTreeMap::new(),
            tokens: HashMap::new(),
            sessions: HashMap::new(),
            requests: SlidingWindow::new(REQUESTS, TimeDelta::minutes(5)),
            enforces_limits: true,
            daily_limit: DAILY_LIMIT,
            old_answer: OldAnswer::Code3,
            mint: Mint::new(salt),
        }
    }

    pub(crate) fn account(&mut self, user: &str) -> &mut Account {
        self.users.entry(user.to_owned()).or_default()
    }

    /// Everything it holds, for people and tests; no session key.
    pub(crate) fn shown(&self, now: DateTime<Utc>) -> Value {
        let users: serde_json::Map<String, Value> = self
            .users
            .iter()
            .map(|(user, account)| {
                let loved: Vec<_> = account.loved.keys().collect();
                let playing = account.playing(now);
                (user.clone(), json!({"scrobbles": account.oldest_first(), "now_playing": playing, "loved": loved}))
            })
            .collect();
        json!({"service": "lastfm", "users": users})
    }
}

impl Account {
    pub(crate) fn playing(&self, now: DateTime<Utc>) -> Option<&NowPlaying> {
        self.now_playing
            .as_ref()
            .filter(|playing| playing.expires_at > now)
    }

    pub(crate) fn oldest_first(&self) -> Vec<Scrobble> {
        let mut scrobbles = self.scrobbles.clone();
        scrobbles.sort_by_key(|scrobble| scrobble.timestamp);
        scrobbles
    }
}
