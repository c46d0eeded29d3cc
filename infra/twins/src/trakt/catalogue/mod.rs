//! What Trakt knows: movies, shows and episodes, found by any of their ids.
//!
//! Every well-formed id is known unless it was forgotten: an item nobody registered comes into being when it is first
//! named, under a Trakt id that follows from its strongest id, and learns further ids as requests bring them.
//! Matching order: trakt, imdb, tmdb, tvdb, slug, then title with year, then a registered title alone.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::ids::{Ids, Kind, Wanted, is_well_formed, names_of, slug};
use crate::page::digest;

/// One item: its kind and its Trakt id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    pub(crate) trakt: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) ids: Ids,
    pub(crate) title: Option<String>,
    pub(crate) year: Option<i64>,
    pub(crate) place: Option<Place>,
}

/// Where an episode stands in its show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) show: u64,
    pub(crate) season: u32,
    pub(crate) number: u32,
    pub(crate) absolute: Option<u32>,
}

/// The episodes an unregistered show has when somebody asks for all of them.
const EPISODES_OF_AN_UNKNOWN_SEASON: u32 = 10;

#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    items: BTreeMap<Key, Item>,
    index: HashMap<(Kind, &'static str, String), u64>,
    places: BTreeMap<(u64, u32, u32), u64>,
    /// Shows whose episodes were registered: they have no others.
    listed_shows: HashSet<u64>,
    forgotten: HashSet<(String, String)>,
    pub(crate) is_registered_only: bool,
}

impl Catalogue {
    pub(crate) fn register(&mut self, kind: Kind, wanted: &Wanted, place: Option<Place>) -> u64 {
        let trakt = wanted.ids.trakt.unwrap_or_else(|| match place {
            Some(place) => made_number(&format!(
                "episode {} {} {}",
                place.show, place.season, place.number
            )),
            None => made_number(&format!(
                "{} {:?} {:?} {:?}",
                kind.word(),
                wanted.ids,
                wanted.title,
                wanted.year
            )),
        });
        if let Some(place) = place {
            self.listed_shows.insert(place.show);
        }
        self.insert(Key { kind, trakt }, wanted, place);
        trakt
    }

    pub(crate) fn forget(&mut self, namespace: &str, value: &str) {
        self.forgotten
            .insert((namespace.to_owned(), value.to_owned()));
    }

    pub(crate) fn item(&self, key: Key) -> Option<&Item> {
        self.items.get(&key)
    }

    /// Finds what a request means.
    pub(crate) fn resolve(&mut self, kind: Kind, wanted: &Wanted) -> Option<Key> {
        let mut names = names_of(kind, &wanted.ids);
        let named = !names.is_empty();
        names.retain(|(namespace, value)| !self.is_forgotten(namespace, value));
        for (namespace, value) in &names {
            if let Some(trakt) = self.index.get(&(kind, *namespace, value.clone())) {
                let key = Key {
                    kind,
                    trakt: *trakt,
                };
                self.learn(key, &names);
                return Some(key);
            }
        }
        let strongest = names
            .iter()
            .find(|(namespace, value)| self.may_be_new(kind, namespace, value))
            .cloned();
        match strongest {
            Some((namespace, value)) => Some(self.create(kind, wanted, namespace, &value, &names)),
            // Ids that nobody knows are no reason to make something up.
            None if named => self.known_title(kind, wanted),
            None => self.by_title(kind, wanted),
        }
    }

    /// The episode of a show by its place.
    pub(crate) fn episode(&mut self, show: u64, season: u32, number: u32) -> Option<Key> {
        if let Some(trakt) = self.places.get(&(show, season, number)) {
            return Some(Key {
                kind: Kind::Episode,
                trakt: *trakt,
            });
        }
        if number == 0 || self.is_registered_only || self.listed_shows.contains(&show) {
            return None;
        }
        let key = Key {
            kind: Kind::Episode,
            trakt: made_number(&format!("episode {show} {season} {number}")),
        };
        let place = Place {
            show,
            season,
            number,
            absolute: None,
        };
        let wanted = Wanted {
            title: Some(format!("Episode {number}")),
            ..Wanted::default()
        };
        self.insert(key, &wanted, Some(place));
        Some(key)
    }

    /// The episode of a show by its absolute number; one of an unregistered show counts within its first season.
    pub(crate) fn absolute_episode(&mut self, show: u64, absolute: u32) -> Option<Key> {
        let found = self.items.iter().find(|(key, item)| {
            key.kind == Kind::Episode
                && item
                    .place
                    .is_some_and(|place| place.show == show && place.absolute == Some(absolute))
        });
        match found {
            Some((key, _)) => Some(*key),
            None => self.episode(show, 1, absolute),
        }
    }

    /// Everything a show has, or one season of it.
    pub(crate) fn episodes(&mut self, show: u64, season: Option<u32>) -> Vec<Key> {
        if !self.listed_shows.contains(&show) {
            let season = season.unwrap_or(1);
            for number in 1..=EPISODES_OF_AN_UNKNOWN_SEASON {
                self.episode(show, season, number);
            }
        }
        self.places
            .range((show, 0, 0)..=(show, u32::MAX, u32::MAX))
            .filter(|((_, of_season, _), _)| season.is_none_or(|season| season == *of_season))
            .map(|(_, trakt)| Key {
                kind: Kind::Episode,
                trakt: *trakt,
            })
            .collect()
    }

    /// The item as answers show it: `movie`, or `episode` and `show`.
    pub(crate) fn described(&self, key: Key) -> Value {
        let mut described = json!({"type": key.kind.word()});
        let Some(item) = self.item(key) else {
            return described;
        };
        described[key.kind.word()] = object(key.kind, item);
        if let Some(show) = item.place.map(|place| Key {
            kind: Kind::Show,
            trakt: place.show,
        }) && let Some(item) = self.item(show)
        {
            described["show"] = object(Kind::Show, item);
        }
        described
    }

    /// The item alone, as a summary shows it.
    pub(crate) fn summary(&self, key: Key) -> Value {
        self.item(key)
            .map_or(Value::Null, |item| object(key.kind, item))
    }

    /// When an item was first shown, plus its runtime.
    pub(crate) fn released(&self, key: Key) -> DateTime<Utc> {
        // Nobody registers air dates: each has one that follows from its id.
        let day = i64::try_from(key.trakt % 1_000).unwrap_or_default();
        DateTime::UNIX_EPOCH + TimeDelta::days(18_000 + day) + runtime(key.kind)
    }

    fn by_title(&mut self, kind: Kind, wanted: &Wanted) -> Option<Key> {
        let known = self.known_title(kind, wanted);
        if known.is_some() || self.is_registered_only || kind == Kind::Episode {
            return known;
        }
        let (title, year) = (wanted.title.as_deref()?, wanted.year?);
        let slug = slug(title, Some(year));
        Some(self.create(kind, wanted, "slug", &slug, &[("slug", slug.clone())]))
    }

    /// The most current item of that title, of that year if one is named. Episodes have titles only within a show.
    fn known_title(&self, kind: Kind, wanted: &Wanted) -> Option<Key> {
        let title = wanted.title.as_deref().filter(|_| kind != Kind::Episode)?;
        let is_meant = |item: &Item| {
            item.title
                .as_deref()
                .is_some_and(|known| known.eq_ignore_ascii_case(title))
                && (wanted.year.is_none() || wanted.year == item.year)
        };
        let matching = self
            .items
            .iter()
            .filter(|(key, item)| key.kind == kind && is_meant(item));
        matching
            .max_by_key(|(_, item)| item.year)
            .map(|(key, _)| *key)
    }

    fn is_forgotten(&self, namespace: &str, value: &str) -> bool {
        self.forgotten
            .contains(&(namespace.to_owned(), value.to_owned()))
    }

    /// An IMDb id names one thing of one kind; the other ids are counted per kind.
    fn may_be_new(&self, kind: Kind, namespace: &'static str, value: &str) -> bool {
        let others = [Kind::Movie, Kind::Show, Kind::Episode]
            .into_iter()
            .filter(|other| *other != kind);
        let is_taken = namespace == "imdb"
            && others.into_iter().any(|other| {
                self.index
                    .contains_key(&(other, namespace, value.to_owned()))
            });
        !self.is_registered_only
            && namespace != "slug"
            && is_well_formed(namespace, value)
            && !is_taken
    }

    fn create(
        &mut self,
        kind: Kind,
        wanted: &Wanted,
        namespace: &'static str,
        value: &str,
        names: &[(&'static str, String)],
    ) -> Key {
        let trakt = match wanted.ids.trakt {
            Some(trakt) if namespace == "trakt" => trakt,
            _ => made_number(&format!("{} {namespace} {value}", kind.word())),
        };
        let key = Key { kind, trakt };
        let title = wanted
            .title
            .clone()
            .unwrap_or_else(|| format!("{} {value}", kind.word()));
        let bare = Wanted {
            ids: Ids::default(),
            title: Some(title),
            year: wanted.year,
        };
        let place = (kind == Kind::Episode).then(|| {
            // An episode known by its own id alone belongs to a show of which nothing else is known.
            let show = made_number(&format!("show of {namespace} {value}"));
            let wanted = Wanted {
                title: Some(format!("show of {value}")),
                ..Wanted::default()
            };
            self.insert(
                Key {
                    kind: Kind::Show,
                    trakt: show,
                },
                &wanted,
                None,
            );
            Place {
                show,
                season: 1,
                number: 1,
                absolute: None,
            }
        });
        self.insert(key, &bare, place);
        self.learn(key, names);
        key
    }

    fn insert(&mut self, key: Key, wanted: &Wanted, place: Option<Place>) {
        let mut ids = wanted.ids.clone();
        ids.trakt = Some(key.trakt);
        if ids.slug.is_none() && key.kind != Kind::Episode {
            ids.slug = wanted
                .title
                .as_deref()
                .map(|title| slug(title, wanted.year));
        }
        for (namespace, value) in names_of(key.kind, &ids) {
            self.index.insert((key.kind, namespace, value), key.trakt);
        }
        if let Some(place) = place {
            self.places
                .insert((place.show, place.season, place.number), key.trakt);
        }
        self.items.insert(
            key,
            Item {
                ids,
                title: wanted.title.clone(),
                year: wanted.year,
                place,
            },
        );
    }

    /// Takes over the ids that an item does not have yet and that belong to no other.
    fn learn(&mut self, key: Key, names: &[(&'static str, String)]) {
        for (namespace, value) in names {
            let entry = (key.kind, *namespace, value.clone());
            if self.index.contains_key(&entry) || !is_well_formed(namespace, value) {
                continue;
            }
            let Some(item) = self.items.get_mut(&key) else {
                return;
            };
            let is_learned = match *namespace {
                "imdb" => set(&mut item.ids.imdb, Some(value.clone())),
                "tmdb" => set(&mut item.ids.tmdb, value.parse().ok()),
                "tvdb" => set(&mut item.ids.tvdb, value.parse().ok()),
                _ => false,
            };
            if is_learned {
                self.index.insert(entry, key.trakt);
            }
        }
    }
}

fn set<T>(field: &mut Option<T>, value: Option<T>) -> bool {
    let is_set = field.is_none() && value.is_some();
    if is_set {
        *field = value;
    }
    is_set
}

/// A Trakt id that follows from a text, above those that tests give out by hand.
fn made_number(text: &str) -> u64 {
    let number = digest(text)
        .get(..12)
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .unwrap_or_default();
    100_000_000 + number % 1_900_000_000
}

/// How long an item runs; the twin does not know better.
pub(crate) fn runtime(kind: Kind) -> TimeDelta {
    match kind {
        Kind::Movie => TimeDelta::minutes(120),
        Kind::Show | Kind::Episode => TimeDelta::minutes(45),
    }
}

fn object(kind: Kind, item: &Item) -> Value {
    let ids = &item.ids;
    match (kind, item.place) {
        (Kind::Movie, _) => json!({"title": item.title, "year": item.year,
            "ids": {"trakt": ids.trakt, "slug": ids.slug, "imdb": ids.imdb, "tmdb": ids.tmdb}}),
        (Kind::Show, _) => json!({"title": item.title, "year": item.year,
            "ids": {"trakt": ids.trakt, "slug": ids.slug, "tvdb": ids.tvdb, "imdb": ids.imdb, "tmdb": ids.tmdb}}),
        (Kind::Episode, place) => json!({"season": place.map(|place| place.season),
            "number": place.map(|place| place.number), "title": item.title,
            "ids": {"trakt": ids.trakt, "tvdb": ids.tvdb, "imdb": ids.imdb, "tmdb": ids.tmdb}}),
    }
}
