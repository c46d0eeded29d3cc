//! What Trakt keeps: accounts with their history, apps, sign-ins and codes.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::catalogue::{Catalogue, Key, runtime};
use super::ids::{Ids, Kind};
use super::limits::Limits;
use super::listed::Thing;
use crate::page::Mint;

/// History ids are 64-bit: beyond what 32 bits hold.
const FIRST_HISTORY_ID: i64 = 10_000_000_001;

/// How long the same item is not scrobbled again after a stop.
pub(crate) const DUPLICATE_GUARD: TimeDelta = TimeDelta::hours(1);

/// How many items a list of an account may hold that is not VIP; the documents' example of a free account.
const ITEMS_A_LIST: usize = 100;

/// How long a paused position is kept; the documents say six months.
const PLAYBACK_KEPT: TimeDelta = TimeDelta::days(183);

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) auth_url: String,
    pub(crate) apps: BTreeMap<String, App>,
    pub(crate) allows_http_redirects: bool,
    pub(crate) users: BTreeMap<String, Account>,
    pub(crate) codes: HashMap<String, super::oauth::Code>,
    pub(crate) devices: Vec<super::device::Device>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) catalogue: Catalogue,
    pub(crate) limits: Limits,
    pub(crate) mint: Mint,
    pub(crate) next_id: i64,
}

/// A registered app.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) secret: Option<String>,
    /// Empty: any address is taken for registered.
    pub(crate) redirect_uris: Vec<String>,
}

/// One sign-in of one user through one app; its tokens change, it stays.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) user: String,
    pub(crate) client_id: String,
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) is_revoked: bool,
}

#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) history: Vec<Entry>,
    pub(crate) playback: Vec<Saved>,
    pub(crate) watching: Option<OnNow>,
    /// The last counted stop of each item.
    pub(crate) scrobbled: HashMap<Key, DateTime<Utc>>,
    pub(crate) history_changed_at: Option<DateTime<Utc>>,
    pub(crate) watches_only_once: bool,
    pub(crate) is_locked: bool,
    pub(crate) is_vip: bool,
    /// How many items the watchlist and the collection may hold each, unless the account is VIP.
    pub(crate) list_limit: usize,
    pub(crate) ratings: BTreeMap<Thing, (u8, DateTime<Utc>)>,
    pub(crate) watchlist: BTreeMap<Thing, DateTime<Utc>>,
    /// Films and episodes; a show is collected by its episodes.
    pub(crate) collection: BTreeMap<Key, DateTime<Utc>>,
    /// When something of a kind (`movies`) last changed in a field (`rated_at`).
    pub(crate) list_changes: BTreeMap<(&'static str, &'static str), DateTime<Utc>>,
}

impl Default for Account {
    fn default() -> Account {
        Account {
            history: Vec::new(),
            playback: Vec::new(),
            watching: None,
            scrobbled: HashMap::new(),
            history_changed_at: None,
            watches_only_once: false,
            is_locked: false,
            is_vip: false,
            list_limit: ITEMS_A_LIST,
            ratings: BTreeMap::new(),
            watchlist: BTreeMap::new(),
            collection: BTreeMap::new(),
            list_changes: BTreeMap::new(),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: i64,
    pub(crate) key: Key,
    /// To the minute; none is "unknown".
    pub(crate) watched_at: Option<DateTime<Utc>>,
    pub(crate) added_at: DateTime<Utc>,
    pub(crate) action: &'static str,
}

#[derive(Debug, Clone)]
pub(crate) struct Saved {
    pub(crate) id: i64,
    pub(crate) key: Key,
    pub(crate) progress: f64,
    pub(crate) paused_at: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub(crate) struct OnNow {
    pub(crate) key: Key,
    pub(crate) progress: f64,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// One play in a user's history, for tests to read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryEntry {
    /// Trakt's 64-bit id of this play.
    pub id: i64,
    /// Movie or episode.
    pub kind: Kind,
    /// The ids of the movie or episode; `trakt` is always there.
    pub ids: Ids,
    /// The Trakt id of the show, for an episode.
    pub show: Option<u64>,
    /// The ids of the show, for an episode.
    pub show_ids: Option<Ids>,
    /// The season, for an episode; 0 are specials.
    pub season: Option<u32>,
    /// The number within the season, for an episode.
    pub number: Option<u32>,
    /// The item's title.
    pub title: Option<String>,
    /// When it was watched, to the minute; none if unknown.
    pub watched_at: Option<DateTime<Utc>>,
    /// When Trakt took it.
    pub added_at: DateTime<Utc>,
    /// `scrobble` (a stop), `watch` (added with a time) or `checkin`.
    pub action: &'static str,
}

/// What a user is watching now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Watching {
    /// Movie or episode.
    pub kind: Kind,
    /// Its ids.
    pub ids: Ids,
    /// The item's title.
    pub title: Option<String>,
    /// 0 to 100, as the start said.
    pub progress_percent: f64,
    /// When the start came.
    pub started_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
}

/// A position saved by a pause.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Playback {
    /// Trakt's id of this position.
    pub id: i64,
    /// Movie or episode.
    pub kind: Kind,
    /// Its ids.
    pub ids: Ids,
    /// The item's title.
    pub title: Option<String>,
    /// 1 to 100.
    pub progress_percent: f64,
    /// When the pause came.
    pub paused_at: DateTime<Utc>,
}

impl State {
    pub(crate) fn new(auth_url: &str) -> State {
        State {
            auth_url: auth_url.to_owned(),
            apps: BTreeMap::new(),
            allows_http_redirects: false,
            users: BTreeMap::new(),
            codes: HashMap::new(),
            devices: Vec::new(),
            grants: Vec::new(),
            catalogue: Catalogue::default(),
            limits: Limits::new(),
            mint: Mint::new(auth_url),
            next_id: FIRST_HISTORY_ID,
        }
    }

    pub(crate) fn account(&mut self, user: &str) -> &mut Account {
        self.users.entry(user.to_owned()).or_default()
    }

    pub(crate) fn new_id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// Adds one play; none if the account keeps one play an item and has it.
    pub(crate) fn add_play(
        &mut self,
        user: &str,
        key: Key,
        watched_at: Option<DateTime<Utc>>,
        action: &'static str,
        now: DateTime<Utc>,
    ) -> Option<i64> {
        let id = self.new_id();
        let account = self.account(user);
        if account.watches_only_once && account.history.iter().any(|entry| entry.key == key) {
            return None;
        }
        let watched_at = watched_at.map(to_the_minute);
        account.history.push(Entry {
            id,
            key,
            watched_at,
            added_at: now,
            action,
        });
        account.history_changed_at = Some(now);
        self.take_off_watchlist(user, key);
        Some(id)
    }

    pub(crate) fn history(&self, user: &str) -> Vec<HistoryEntry> {
        let entries = self
            .users
            .get(user)
            .map(|account| account.history.as_slice())
            .unwrap_or_default();
        let mut entries: Vec<_> = entries
            .iter()
            .map(|entry| self.public_entry(entry))
            .collect();
        entries.sort_by_key(|entry| (entry.watched_at, entry.id));
        entries
    }

    fn public_entry(&self, entry: &Entry) -> HistoryEntry {
        let item = self.catalogue.item(entry.key);
        let place = item.and_then(|item| item.place);
        let show = place.map(|place| Key {
            kind: Kind::Show,
            trakt: place.show,
        });
        HistoryEntry {
            id: entry.id,
            kind: entry.key.kind,
            ids: item.map(|item| item.ids.clone()).unwrap_or_default(),
            show: place.map(|place| place.show),
            show_ids: show
                .and_then(|show| self.catalogue.item(show))
                .map(|show| show.ids.clone()),
            season: place.map(|place| place.season),
            number: place.map(|place| place.number),
            title: item.and_then(|item| item.title.clone()),
            watched_at: entry.watched_at,
            added_at: entry.added_at,
            action: entry.action,
        }
    }

    pub(crate) fn watching(&self, user: &str, now: DateTime<Utc>) -> Option<Watching> {
        let on = self
            .users
            .get(user)?
            .watching
            .as_ref()
            .filter(|on| on.expires_at > now)?;
        let item = self.catalogue.item(on.key)?;
        Some(Watching {
            kind: on.key.kind,
            ids: item.ids.clone(),
            title: item.title.clone(),
            progress_percent: on.progress,
            started_at: on.started_at,
            expires_at: on.expires_at,
        })
    }

    pub(crate) fn playback(&self, user: &str, now: DateTime<Utc>) -> Vec<Playback> {
        let saved = self
            .users
            .get(user)
            .map(|account| account.playback.as_slice())
            .unwrap_or_default();
        let kept = saved
            .iter()
            .filter(|saved| now - saved.paused_at < PLAYBACK_KEPT);
        kept.map(|saved| {
            let item = self.catalogue.item(saved.key);
            Playback {
                id: saved.id,
                kind: saved.key.kind,
                ids: item.map(|item| item.ids.clone()).unwrap_or_default(),
                title: item.and_then(|item| item.title.clone()),
                progress_percent: saved.progress,
                paused_at: saved.paused_at,
            }
        })
        .collect()
    }

    /// Everything it holds, for people and tests; no token.
    pub(crate) fn shown(&self, now: DateTime<Utc>) -> Value {
        let users: serde_json::Map<String, Value> = self
            .users
            .keys()
            .map(|user| {
                let shown = json!({
                    "history": self.history(user),
                    "watching": self.watching(user, now),
                    "playback": self.playback(user, now),
                    "ratings": self.ratings(user),
                    "watchlist": self.watchlist(user),
                    "collection": self.collection(user),
                });
                (user.clone(), shown)
            })
            .collect();
        json!({"service": "trakt", "users": users})
    }
}

/// When a start ends by itself: after the rest of the runtime.
pub(crate) fn end_of_watching(kind: Kind, progress: f64, now: DateTime<Utc>) -> DateTime<Utc> {
    let left = (100.0 - progress).clamp(0.0, 100.0) / 100.0;
    // A runtime in milliseconds is far below what a float holds exactly.
    let milliseconds = (runtime(kind).num_milliseconds() as f64 * left) as i64;
    now + TimeDelta::milliseconds(milliseconds)
}

pub(crate) fn to_the_minute(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(TimeDelta::minutes(1)).unwrap_or(time)
}

/// A time as Trakt spells it: `2014-09-01T09:10:11.000Z`.
pub(crate) fn spelled(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
