//! What Simkl keeps: one status and one rating an item, one time an episode; sessions; what changed when.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::catalogue::{Catalogue, Item, Kind};
use super::limits::Limits;
use crate::sign_in::SignIn;

/// The account's plan; it sets the daily quota and how long positions are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Plan {
    /// 500 requests a day.
    #[default]
    Free,
    /// 1,000 requests a day.
    Pro,
    /// 10,000 requests a day.
    Vip,
}

impl Plan {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Plan::Free => "free",
            Plan::Pro => "pro",
            Plan::Vip => "vip",
        }
    }

    pub(crate) fn requests_a_day(self) -> u32 {
        match self {
            Plan::Free => 500,
            Plan::Pro => 1_000,
            Plan::Vip => 10_000,
        }
    }

    pub(crate) fn playback_kept(self) -> TimeDelta {
        match self {
            Plan::Free => TimeDelta::days(7),
            Plan::Pro => TimeDelta::days(30),
            Plan::Vip => TimeDelta::days(90),
        }
    }
}

/// The list an item is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// `watching`; movies have no such list.
    Watching,
    /// `plantowatch`.
    PlanToWatch,
    /// `hold`; movies have no such list.
    Hold,
    /// `completed`.
    Completed,
    /// `dropped`.
    Dropped,
}

impl Status {
    pub(crate) const ALL: [Status; 5] = [
        Status::Watching,
        Status::PlanToWatch,
        Status::Hold,
        Status::Completed,
        Status::Dropped,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Status::Watching => "watching",
            Status::PlanToWatch => "plantowatch",
            Status::Hold => "hold",
            Status::Completed => "completed",
            Status::Dropped => "dropped",
        }
    }

    pub(crate) fn read(word: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.word() == word)
    }
}

/// Season and number in Simkl's own count; (0, 0) is the film itself.
pub(crate) type Place = (u32, u32);

/// The place that stands for a film.
pub(crate) const WHOLE: Place = (0, 0);

pub(crate) struct State {
    pub(crate) sign_in: SignIn,
    pub(crate) site_url: String,
    pub(crate) devices: Vec<super::device::Device>,
    pub(crate) users: BTreeMap<String, Account>,
    pub(crate) catalogue: Catalogue,
    pub(crate) limits: Limits,
    pub(crate) rules: super::read::Rules,
    pub(crate) next_id: i64,
}

#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) plan: Plan,
    pub(crate) items: BTreeMap<u64, Listed>,
    pub(crate) playback: Vec<Saved>,
    pub(crate) watching: Option<OnNow>,
    /// The last stop or pause at 80 % and more of each item and place.
    pub(crate) finished: HashMap<(u64, Place), DateTime<Utc>>,
    /// When something of a kind (`movies`) last changed in a field (`rated_at`).
    pub(crate) activity: BTreeMap<(Kind, &'static str), DateTime<Utc>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) status: Status,
    pub(crate) added_at: DateTime<Utc>,
    pub(crate) rating: Option<(u8, DateTime<Utc>)>,
    /// When each episode was watched; one time each.
    pub(crate) watched: BTreeMap<Place, DateTime<Utc>>,
    pub(crate) changed_at: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub(crate) struct Saved {
    pub(crate) id: i64,
    pub(crate) simkl: u64,
    pub(crate) place: Place,
    pub(crate) progress: f64,
    pub(crate) paused_at: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub(crate) struct OnNow {
    pub(crate) simkl: u64,
    pub(crate) place: Place,
    pub(crate) progress: f64,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// One film or episode that a user has watched, for tests to read. Simkl keeps one time for each.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Play {
    /// Simkl's number of the film, show or anime entry.
    pub simkl: u64,
    /// What it is.
    pub kind: Kind,
    /// Its title; of an episode, the show's.
    pub title: String,
    /// The ids of the film, show or entry as answers show them.
    pub ids: Value,
    /// The season in Simkl's own count, of an episode.
    pub season: Option<u32>,
    /// The number in Simkl's own count, of an episode.
    pub number: Option<u32>,
    /// When; 1970 is "unknown".
    pub watched_at: DateTime<Utc>,
}

/// One item of a user's lists, for tests to read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Simkl's number of the film, show or anime entry.
    pub simkl: u64,
    /// What it is.
    pub kind: Kind,
    /// Its title.
    pub title: String,
    /// Its ids as answers show them.
    pub ids: Value,
    /// The list it is on.
    pub status: Status,
    /// 1 to 10.
    pub rating: Option<u8>,
    /// How many episodes are marked; 1 for a film that was watched.
    pub watched: usize,
}

/// What a user is watching now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Watching {
    /// Simkl's number of the film, show or anime entry.
    pub simkl: u64,
    /// Its title.
    pub title: String,
    /// Season and number in Simkl's own count, of an episode.
    pub episode: Option<(u32, u32)>,
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
    /// Simkl's number of this position.
    pub id: i64,
    /// Simkl's number of the film, show or anime entry.
    pub simkl: u64,
    /// Its title.
    pub title: String,
    /// Season and number in Simkl's own count, of an episode.
    pub episode: Option<(u32, u32)>,
    /// 0 to 100.
    pub progress_percent: f64,
    /// When the pause came.
    pub paused_at: DateTime<Utc>,
}

impl State {
    pub(crate) fn account(&mut self, user: &str) -> &mut Account {
        self.sign_in.open_account(user);
        self.users.entry(user.to_owned()).or_default()
    }

    pub(crate) fn new_id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// Puts an item on a list, or changes what is there.
    pub(crate) fn change(
        &mut self,
        user: &str,
        simkl: u64,
        status: Status,
        now: DateTime<Utc>,
        change: impl FnOnce(&mut Listed),
    ) {
        let Some(kind) = self.catalogue.item(simkl).map(|item| item.kind) else {
            return;
        };
        let account = self.account(user);
        let listed = account.items.entry(simkl).or_insert_with(|| Listed {
            status,
            added_at: now,
            rating: None,
            watched: BTreeMap::new(),
            changed_at: now,
        });
        let before = (listed.status, listed.rating);
        listed.status = status;
        listed.changed_at = now;
        change(listed);
        let has_new_rating = before.1 != listed.rating;
        account.touched(kind, before.0.word(), now);
        account.touched(kind, status.word(), now);
        if has_new_rating {
            account.touched(kind, "rated_at", now);
        }
    }

    /// The status of an item once these episodes are marked, by Simkl's own rules.
    pub(crate) fn settled_status(item: &Item, watched: usize) -> Status {
        let total = item.total_episodes();
        if item.is_film() || (total > 0 && watched >= total && !item.is_airing) {
            Status::Completed
        } else {
            Status::Watching
        }
    }

    pub(crate) fn plays(&self, user: &str) -> Vec<Play> {
        let mut plays: Vec<Play> = self
            .listed(user)
            .flat_map(|(item, listed)| {
                listed.watched.iter().map(|(place, watched_at)| Play {
                    simkl: item.simkl,
                    kind: item.kind,
                    title: item.title.clone(),
                    ids: item.ids(),
                    season: episode(*place).map(|place| place.0),
                    number: episode(*place).map(|place| place.1),
                    watched_at: *watched_at,
                })
            })
            .collect();
        plays.sort_by_key(|play| (play.watched_at, play.simkl, play.season, play.number));
        plays
    }

    pub(crate) fn list(&self, user: &str) -> Vec<Entry> {
        self.listed(user)
            .map(|(item, listed)| Entry {
                simkl: item.simkl,
                kind: item.kind,
                title: item.title.clone(),
                ids: item.ids(),
                status: listed.status,
                rating: listed.rating.map(|(rating, _)| rating),
                watched: listed.watched.len(),
            })
            .collect()
    }

    pub(crate) fn listed<'a>(&'a self, user: &str) -> impl Iterator<Item = (&'a Item, &'a Listed)> {
        self.users
            .get(user)
            .into_iter()
            .flat_map(|account| account.items.iter())
            .filter_map(|(simkl, listed)| Some((self.catalogue.item(*simkl)?, listed)))
    }

    pub(crate) fn watching(&self, user: &str, now: DateTime<Utc>) -> Option<Watching> {
        let on = self.users.get(user)?.watching.as_ref();
        let on = on.filter(|on| on.expires_at > now)?;
        Some(Watching {
            simkl: on.simkl,
            title: self.catalogue.item(on.simkl)?.title.clone(),
            episode: episode(on.place),
            progress_percent: on.progress,
            started_at: on.started_at,
            expires_at: on.expires_at,
        })
    }

    pub(crate) fn playback(&self, user: &str, now: DateTime<Utc>) -> Vec<Playback> {
        let Some(account) = self.users.get(user) else {
            return Vec::new();
        };
        account
            .playback
            .iter()
            .filter(|saved| now - saved.paused_at < account.plan.playback_kept())
            .filter_map(|saved| {
                Some(Playback {
                    id: saved.id,
                    simkl: saved.simkl,
                    title: self.catalogue.item(saved.simkl)?.title.clone(),
                    episode: episode(saved.place),
                    progress_percent: saved.progress,
                    paused_at: saved.paused_at,
                })
            })
            .collect()
    }

    /// Everything it holds, for people and tests; no token.
    pub(crate) fn shown(&self, now: DateTime<Utc>) -> Value {
        let users: serde_json::Map<String, Value> = self
            .users
            .keys()
            .map(|user| {
                let shown = json!({"plays": self.plays(user), "list": self.list(user),
                    "watching": self.watching(user, now), "playback": self.playback(user, now)});
                (user.clone(), shown)
            })
            .collect();
        json!({"service": "simkl", "users": users})
    }
}

impl Account {
    pub(crate) fn touched(&mut self, kind: Kind, field: &'static str, now: DateTime<Utc>) {
        self.activity.insert((kind, field), now);
    }

    /// Takes an item off every list, its rating with it.
    pub(crate) fn remove(&mut self, simkl: u64, kind: Kind, now: DateTime<Utc>) -> Option<Listed> {
        let removed = self.items.remove(&simkl)?;
        self.touched(kind, "removed_from_list", now);
        Some(removed)
    }
}

/// The place, unless it is the whole film.
pub(crate) fn episode(place: Place) -> Option<(u32, u32)> {
    Some(place).filter(|place| *place != WHOLE)
}

/// A time as Simkl spells it: `2014-09-01T09:10:11Z`.
pub(crate) fn spelled(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
