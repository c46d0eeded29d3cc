//! What is rated, on the watchlist, or collected.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::catalogue::Key;
use super::ids::{Ids, Kind};
use super::state::State;

/// What can be rated and listed: an item, or a season of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Thing {
    pub(crate) key: Key,
    /// With it, the season of the show that `key` names.
    pub(crate) season: Option<u32>,
}

impl Thing {
    fn word(self) -> &'static str {
        match self.season {
            Some(_) => "season",
            None => self.key.kind.word(),
        }
    }

    /// The word of counts and activities.
    pub(crate) fn plural(self) -> &'static str {
        match (self.season, self.key.kind) {
            (Some(_), _) => "seasons",
            (None, Kind::Movie) => "movies",
            (None, Kind::Show) => "shows",
            (None, Kind::Episode) => "episodes",
        }
    }
}

/// Something that is rated, on the watchlist, or collected, for tests to read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed {
    #[serde(skip)]
    pub(crate) thing: Thing,
    /// `movie`, `show`, `season` or `episode`.
    pub kind: &'static str,
    /// Its ids; of a season, its show's.
    pub ids: Ids,
    /// The Trakt id of the show, for a season or an episode.
    pub show: Option<u64>,
    /// The season, for a season or an episode.
    pub season: Option<u32>,
    /// The number within the season, for an episode.
    pub number: Option<u32>,
    /// The item's title; of a season, its show's.
    pub title: Option<String>,
    /// 1 to 10, where it is a rating.
    pub rating: Option<u8>,
    /// When it was rated, listed or collected.
    pub at: DateTime<Utc>,
}

impl State {
    /// What was watched leaves the watchlist, and with an episode its season and its show.
    pub(super) fn take_off_watchlist(&mut self, user: &str, key: Key) {
        let place = self.catalogue.item(key).and_then(|item| item.place);
        let mut watched = vec![Thing { key, season: None }];
        if let Some(place) = place {
            let show = Key {
                kind: Kind::Show,
                trakt: place.show,
            };
            watched.extend([None, Some(place.season)].map(|season| Thing { key: show, season }));
        }
        let watchlist = &mut self.account(user).watchlist;
        watchlist.retain(|thing, _| !watched.contains(thing));
    }

    /// What a user has rated.
    pub(crate) fn ratings(&self, user: &str) -> Vec<Listed> {
        let rated = self.users.get(user).map(|account| &account.ratings);
        let rated = rated.into_iter().flatten();
        rated
            .map(|(thing, (rating, at))| self.listed(*thing, Some(*rating), *at))
            .collect()
    }

    /// What a user wants to watch, in the order of adding.
    pub(crate) fn watchlist(&self, user: &str) -> Vec<Listed> {
        let listed = self.users.get(user).map(|account| &account.watchlist);
        let listed = listed.into_iter().flatten();
        let mut listed: Vec<Listed> = listed
            .map(|(thing, at)| self.listed(*thing, None, *at))
            .collect();
        listed.sort_by_key(|entry| entry.at);
        listed
    }

    /// What a user owns.
    pub(crate) fn collection(&self, user: &str) -> Vec<Listed> {
        let collected = self.users.get(user).map(|account| &account.collection);
        let collected = collected.into_iter().flatten();
        let thing = |key: &Key| Thing {
            key: *key,
            season: None,
        };
        collected
            .map(|(key, at)| self.listed(thing(key), None, *at))
            .collect()
    }

    fn listed(&self, thing: Thing, rating: Option<u8>, at: DateTime<Utc>) -> Listed {
        let item = self.catalogue.item(thing.key);
        let place = item.and_then(|item| item.place);
        Listed {
            thing,
            kind: thing.word(),
            ids: item.map(|item| item.ids.clone()).unwrap_or_default(),
            show: match thing.season {
                Some(_) => Some(thing.key.trakt),
                None => place.map(|place| place.show),
            },
            season: thing.season.or(place.map(|place| place.season)),
            number: place.map(|place| place.number),
            title: item.and_then(|item| item.title.clone()),
            rating,
            at,
        }
    }

    /// A thing as answers show it.
    pub(crate) fn described(&self, thing: Thing) -> Value {
        let mut described = self.catalogue.described(thing.key);
        if let Some(season) = thing.season {
            described["type"] = "season".into();
            described["season"] = json!({"number": season, "ids": {}});
        }
        described
    }
}
