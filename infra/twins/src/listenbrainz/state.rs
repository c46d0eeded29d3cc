//! What ListenBrainz keeps: accounts, their listens, and what they love.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::Flavor;
use crate::limits::FixedWindow;
use crate::page::{Mint, uuid_of};

/// Requests an address in each window of ten seconds.
const REQUESTS: u32 = 30;

/// The length of a window, in seconds.
const WINDOW_SECONDS: i64 = 10;

/// How long a "playing now" of unknown length is shown.
const SHOWN: TimeDelta = TimeDelta::minutes(10);

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) flavor: Flavor,
    pub(crate) users: BTreeMap<String, Account>,
    pub(crate) requests: FixedWindow,
    pub(crate) enforces_limits: bool,
    /// Koito only: the listen of the next batch at which it stops with a 500.
    pub(crate) stops_at: Option<usize>,
    /// What the metadata lookup finds.
    pub(crate) recordings: Vec<Recording>,
    pub(crate) mint: Mint,
}

/// One recording that MusicBrainz knows.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    pub(crate) artist: String,
    pub(crate) name: String,
    pub(crate) mbid: String,
}

impl Recording {
    /// How well names fit: exactly, or as far as a fuzzy lookup would take it for the same.
    pub(crate) fn fits(&self, artist: &str, name: &str, is_fuzzy: bool) -> bool {
        let (known, asked) = (self.name.to_lowercase(), name.to_lowercase());
        let is_name = if is_fuzzy {
            known.starts_with(&asked) || asked.starts_with(&known)
        } else {
            known == asked
        };
        is_name && self.artist.to_lowercase() == artist.to_lowercase()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) token: String,
    /// Without a verified e-mail address, or paused by the people who run the service.
    pub(crate) is_paused: bool,
    pub(crate) listens: Vec<Listen>,
    /// Second and names of each: stored once.
    known: HashSet<(DateTime<Utc>, String)>,
    pub(crate) playing: Option<Playing>,
    pub(crate) feedback: Vec<Feedback>,
    pub(crate) deletions: Vec<Deletion>,
}

/// One listen in a user's history.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listen {
    /// When the track began, to the second.
    pub listened_at: DateTime<Utc>,
    /// The artist's name.
    pub artist: String,
    /// The track's name.
    pub track: String,
    /// The release's name, if it was sent.
    pub release: Option<String>,
    /// The service's id of these names, this number and this length.
    pub recording_msid: String,
    /// What else was said about the track.
    pub additional_info: Value,
    /// When it was taken.
    pub inserted_at: DateTime<Utc>,
}

/// What a user is listening to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Playing {
    /// The artist's name.
    pub artist: String,
    /// The track's name.
    pub track: String,
    /// The release's name, if it was sent.
    pub release: Option<String>,
    /// The service's id of these names.
    pub recording_msid: String,
    /// What else was said about the track.
    pub additional_info: Value,
    /// When it was sent.
    pub since: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
}

/// Love or hate for a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Feedback {
    /// The MusicBrainz recording, if it was named.
    pub recording_mbid: Option<String>,
    /// The service's own id, if it was named.
    pub recording_msid: Option<String>,
    /// 1 love, -1 hate.
    pub score: i64,
    /// When it was given.
    pub created: DateTime<Utc>,
}

#[derive(Debug)]
pub(crate) struct Deletion {
    pub(crate) listened_at: i64,
    pub(crate) recording_msid: String,
    /// Carried out shortly after the hour.
    pub(crate) due_at: DateTime<Utc>,
}

/// The parts of a listen that a service checks and keeps.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    pub(crate) artist: String,
    pub(crate) track: String,
    pub(crate) release: Option<String>,
    pub(crate) additional_info: Value,
}

impl Track {
    /// The length that was sent, whichever way.
    pub(crate) fn length(&self) -> Option<TimeDelta> {
        let number = |name| self.additional_info.get(name).and_then(whole_number);
        let milliseconds = number("duration_ms").or_else(|| number("duration")?.checked_mul(1000));
        milliseconds.and_then(TimeDelta::try_milliseconds)
    }

    /// The same names in any case, the same number and the same length have the same id.
    pub(crate) fn recording_msid(&self) -> String {
        let number = self
            .additional_info
            .get("tracknumber")
            .map(|number| match number.as_str() {
                Some(text) => text.to_owned(),
                None => number.to_string(),
            });
        let length = self.length().map(|length| length.num_milliseconds());
        let text = format!(
            "{:?} {:?} {:?} {number:?} {length:?}",
            self.artist, self.track, self.release
        );
        uuid_of(&text.to_lowercase())
    }
}

/// An integer, or a string that spells one.
pub(crate) fn whole_number(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_str()?.trim().parse().ok())
}

impl State {
    pub(crate) fn new(flavor: Flavor, salt: &str) -> State {
        State {
            flavor,
            users: BTreeMap::new(),
            requests: FixedWindow::new(REQUESTS, WINDOW_SECONDS),
            enforces_limits: flavor == Flavor::ListenBrainz,
            stops_at: None,
            recordings: Vec::new(),
            mint: Mint::new(salt),
        }
    }

    /// Opens an account with a token of its own, unless it is there.
    pub(crate) fn account(&mut self, user: &str) -> &mut Account {
        if !self.users.contains_key(user) {
            let token = uuid_of(&self.mint.secret());
            self.users.insert(
                user.to_owned(),
                Account {
                    token,
                    ..Account::default()
                },
            );
        }
        self.users.entry(user.to_owned()).or_default()
    }

    pub(crate) fn owner(&self, token: &str) -> Option<&str> {
        self.users
            .iter()
            .find(|(_, account)| account.token == token)
            .map(|(user, _)| user.as_str())
    }

    /// Everything it holds, for people and tests; no token.
    pub(crate) fn shown(&self, now: DateTime<Utc>) -> Value {
        let users: serde_json::Map<String, Value> = self
            .users
            .iter()
            .map(|(user, account)| {
                let shown = json!({"listens": account.oldest_first(), "playing_now": account.playing(now),
                    "feedback": account.feedback});
                (user.clone(), shown)
            })
            .collect();
        json!({"service": self.flavor.name(), "users": users})
    }
}

impl Account {
    /// Stores a listen; false if this second has these names already.
    pub(crate) fn insert(
        &mut self,
        listened_at: DateTime<Utc>,
        track: Track,
        now: DateTime<Utc>,
    ) -> bool {
        let recording_msid = track.recording_msid();
        let is_new = self.known.insert((listened_at, recording_msid.clone()));
        if is_new {
            self.listens.push(Listen {
                listened_at,
                artist: track.artist,
                track: track.track,
                release: track.release,
                recording_msid,
                additional_info: track.additional_info,
                inserted_at: now,
            });
        }
        is_new
    }

    /// Shows a track until its end, or for ten minutes.
    pub(crate) fn play(&mut self, track: Track, now: DateTime<Utc>) {
        self.playing = Some(Playing {
            recording_msid: track.recording_msid(),
            since: now,
            expires_at: now + track.length().unwrap_or(SHOWN),
            artist: track.artist,
            track: track.track,
            release: track.release,
            additional_info: track.additional_info,
        });
    }

    pub(crate) fn playing(&self, now: DateTime<Utc>) -> Option<&Playing> {
        self.playing
            .as_ref()
            .filter(|playing| playing.expires_at > now)
    }

    /// Carries out the deletions whose hour has come.
    pub(crate) fn delete_what_is_due(&mut self, now: DateTime<Utc>) {
        let (due, later): (Vec<_>, Vec<_>) = self
            .deletions
            .drain(..)
            .partition(|deletion| deletion.due_at <= now);
        self.deletions = later;
        if due.is_empty() {
            return;
        }
        let known = &mut self.known;
        self.listens.retain(|listen| {
            let is_kept = !due.iter().any(|deletion| {
                deletion.listened_at == listen.listened_at.timestamp()
                    && deletion.recording_msid == listen.recording_msid
            });
            if !is_kept {
                known.remove(&(listen.listened_at, listen.recording_msid.clone()));
            }
            is_kept
        });
    }

    pub(crate) fn oldest_first(&self) -> Vec<Listen> {
        let mut listens = self.listens.clone();
        listens.sort_by_key(|listen| listen.listened_at);
        listens
    }
}

/// When a deletion asked for now is carried out: five minutes past the next hour. "Shortly after the hour" is all
/// that is documented.
pub(crate) fn hour_of_deletion(now: DateTime<Utc>) -> DateTime<Utc> {
    let second = (now.timestamp().div_euclid(3600) + 1) * 3600 + 300;
    DateTime::from_timestamp(second, 0).unwrap_or(now)
}
